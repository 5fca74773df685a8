"""The Explore screen, driven without a browser."""

import json

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from handoff.core.errors import ProviderError
from handoff.ui import state
from handoff.ui.parts import plain

REGISTRY = """\
id,name,description,tags
baker,Baker,bread from the oven,bread;oven
florist,Florist,roses and a bouquet of flowers,flowers
"""
CASES = """\
query,expected,example
bread from the oven please,baker,Bread
"quantum gravity, roughly",,Off topic
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give the page a small registry and scripted providers."""
    (tmp_path / "agents.csv").write_text(REGISTRY)
    (tmp_path / "cases.csv").write_text(CASES)
    monkeypatch.setenv("HANDOFF_REGISTRY", str(tmp_path / "agents.csv"))
    monkeypatch.setenv("HANDOFF_EMBEDDER", "scripted")
    monkeypatch.setenv("HANDOFF_TAGGER", "scripted")
    st.cache_data.clear()
    st.cache_resource.clear()
    return tmp_path


@pytest.fixture
def page(root, folder):  # noqa: ARG001 - the page reads it
    """Return the page, not yet run."""
    return AppTest.from_file(str(root / "app.py"), default_timeout=30)


def chart(page):
    """Return the chart's figure and its text for those who do not see it."""
    (element,) = page.get("plotly_chart")
    return json.loads(element.proto.spec), element.proto.alt


def calls(monkeypatch):
    """Record the queries that reach the providers."""
    asked = []
    real = state.Router.gather

    async def gather(self, query, trace):
        asked.append(query)
        return await real(self, query, trace)

    monkeypatch.setattr(state.Router, "gather", gather)
    return asked


def test_the_first_example_is_routed_at_once(page):
    """A newcomer sees a whole route before typing anything."""
    page.run()

    assert not page.exception
    assert page.text_area(key="q").value == "bread from the oven please"
    assert page.success[0].proto.title == "Hand off to Baker"


def test_a_typed_query_is_routed(page):
    """The form's query is the one that is judged."""
    page.run()
    page.text_area(key="q").set_value("roses and a bouquet of flowers")
    page.button[0].click().run()

    assert "Florist" in page.success[0].proto.title


def test_an_example_fills_the_box(page):
    """A chip puts its query into the box and routes it."""
    page.run()
    page.pills(key="example").select("Off topic").run()

    assert page.text_area(key="q").value == "quantum gravity, roughly"
    assert page.warning[0].proto.title == "Hand off to nobody"


def test_the_slider_calls_no_provider(page, monkeypatch):
    """Moving the threshold judges again what was gathered once."""
    asked = calls(monkeypatch)
    page.run()
    page.slider(key="t").set_value(0.95).run()

    assert asked == ["bread from the oven please"]
    assert page.warning[0].proto.title == "Hand off to nobody"


def test_the_line_follows_the_slider(page):
    """The chart's threshold is the slider's."""
    page.run()
    page.slider(key="t").set_value(0.42).run()
    figure, alt = chart(page)

    assert figure["layout"]["shapes"][0]["x0"] == 0.42
    assert "0.42" in alt


def test_filtered_agents_stand_apart(page):
    """Agents that the tags removed come after a heading of their own."""
    page.run()
    figure, _ = chart(page)
    labels = figure["layout"]["yaxis"]["ticktext"]

    assert labels[1] == "<i>Removed by tags</i>"
    assert labels[0].startswith("<b>Baker")
    assert labels[2].startswith("Florist")
    assert "1 of 2 agents kept" in " ".join(caption.value for caption in page.caption)


def test_every_stage_has_a_latency(page):
    """Every stage up to the decision shows milliseconds."""
    page.run()
    shown = {metric.label: metric.value for metric in page.metric}

    assert list(shown) == ["Tags", "Query", "Agents", "Score", "Filter", "Select"]
    assert all(value.endswith(" ms") for value in shown.values())


def test_handing_off_takes_a_button(page):
    """The simulated agent answers when it is asked, and says that it is simulated."""
    page.run()
    before = len(page.info)
    next(button for button in page.button if button.label == "Hand off").click().run()

    assert before == 0
    assert plain("Simulated hand-off: Baker would answer now") in page.info[0].value
    assert any(caption.value.startswith("The hand-off took") for caption in page.caption)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("  ", "The query is empty: type what should be routed."),
        ("x" * 4_001, "The query has 4,001 characters: shorten it to at most 4,000."),
    ],
    ids=["blank", "too long"],
)
def test_a_query_that_cannot_be_routed_is_one_sentence(page, query, sentence):
    """The sentence stands on the page, and what was typed is still there."""
    page.run()
    page.text_area(key="q").set_value(query)
    page.button[0].click().run()

    assert not page.exception
    assert [error.value for error in page.error] == [plain(sentence)]
    assert page.text_area(key="q").value == query


@pytest.mark.parametrize("threshold", ["7", "-1", "abc", "nan"])
def test_a_link_with_a_bad_threshold_falls_back(page, threshold):
    """A mangled link shows the page with the default threshold."""
    page.query_params["t"] = threshold
    page.run()

    assert not page.exception
    assert page.slider(key="t").value == 0.3


def test_a_link_carries_query_and_threshold(page):
    """Whoever opens a link sees what its sender saw."""
    page.query_params["q"] = "flowers"
    page.query_params["t"] = "0.2"
    page.run()

    assert page.text_area(key="q").value == "flowers"
    assert page.slider(key="t").value == 0.2


def test_a_broken_registry_is_one_sentence(page, folder):
    """File, line and column stand on the page; nothing else does."""
    (folder / "agents.csv").write_text(REGISTRY + "baker,Again,twice,\n")
    page.run()

    assert not page.exception
    assert [error.value for error in page.error] == [
        plain(
            "agents.csv, line 4, column 1 (id): 'baker' is already the id of line 2, give each "
            "agent its own."
        )
    ]


def test_a_broken_case_file_does_not_stop_routing(page, folder):
    """Without examples the page still routes."""
    (folder / "cases.csv").write_text("question,answer\n")
    page.run()
    page.text_area(key="q").set_value("bread from the oven")
    page.button[0].click().run()

    assert "cases\\.csv" in page.error[0].value
    assert "Baker" in page.success[0].proto.title


def test_a_changed_registry_is_seen(page, folder):
    """Editing agents.csv shows on the next run."""
    page.run()
    (folder / "agents.csv").write_text(REGISTRY.replace("Baker", "Master Baker"))
    page.run()

    assert "Master Baker" in page.success[0].proto.title


def test_handoff_toml_is_read(page, folder):
    """The policy's file moves the slider and is named as the source."""
    (folder / "handoff.toml").write_text("threshold = 0.95\n")
    page.run()

    assert page.slider(key="t").value == 0.95
    assert plain("from handoff.toml") in page.warning[0].body


def test_a_provider_that_is_down_is_one_sentence(page, monkeypatch):
    """Embedding that fails says so on the page; no traceback is shown."""

    async def gather(self, query, trace):  # noqa: ARG001 - the double's signature
        raise ProviderError("The embedded model is not installed: install the package x.")

    monkeypatch.setattr(state.Router, "gather", gather)
    page.run()

    assert not page.exception
    assert "not installed" in page.error[0].value
