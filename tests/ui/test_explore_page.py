"""The Explore screen, driven without a browser.

One file: each check is a visit to the same page of the same registry.
"""

import json

import pytest
from streamlit.testing.v1 import AppTest

from handoff.core.errors import ProviderError
from handoff.providers.scripted import ScriptedEmbedder
from handoff.report.markdown import plain
from handoff.router import Router
from handoff.ui import opened
from handoff.ui.uploads import uploader_key

REGISTRY = """\
id,name,description,tags
baker,Baker,bread from the oven,bread;oven
florist,Florist,roses and a bouquet of flowers,flowers
"""
CASES = """\
query,expected,chip
bread from the oven please,baker,Bread
"quantum gravity, roughly",,Off topic
"""


@pytest.fixture
def agents_csv():
    """Return the text of agents.csv."""
    return REGISTRY


@pytest.fixture
def cases_csv():
    """Return the text of cases.csv."""
    return CASES


@pytest.fixture
def page(root, folder):  # noqa: ARG001 - the page reads it
    """Return the page, not yet run."""
    return AppTest.from_file(str(root / "app.py"), default_timeout=30)


def chart(page):
    """Return the similarity chart's figure and its text for those who do not see it."""
    (element,) = (
        each for each in page.get("plotly_chart") if each.proto.alt.startswith("Bar chart")
    )
    return json.loads(element.proto.spec), element.proto.alt


def calls(monkeypatch):
    """Record the queries that reach the providers."""
    asked = []
    real = Router.gather

    async def gather(self, query, trace):
        asked.append(query)
        return await real(self, query, trace)

    monkeypatch.setattr(Router, "gather", gather)
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
    page.pills(key="explore_chip").select("Off topic").run()

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

    assert labels[1] == "<i>Removed by the tag filter</i>"
    assert labels[0].startswith("<b>Baker")
    assert labels[2].startswith("Florist")
    assert "1 of 2 agents kept" in " ".join(caption.value for caption in page.caption)


def test_every_stage_has_a_latency(page):
    """Every stage up to the decision shows milliseconds."""
    page.run()
    shown = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    stages = ["Tags", "Query", "Agents", "Score", "Filter", "Select"]

    assert [label for label in shown if label in stages] == stages
    assert all(shown[stage][0].endswith(" ms") for stage in stages)
    assert [shown[stage][1] for stage in stages] == [
        "of 500 ms",
        "of 200 ms",
        "of 200 ms",
        "of 10 ms",
        "of 1 ms",
        "of 1 ms",
    ]


def test_handing_off_takes_a_button(page):
    """The simulated agent answers when it is asked, and says that it is simulated."""
    page.run()
    before = len(page.info)
    next(button for button in page.button if button.label == "Hand off").click().run()

    assert before == 0
    assert plain("Simulated hand-off: Baker would answer now") in page.info[0].value
    assert any(caption.value.startswith("The hand-off took") for caption in page.caption)


def test_an_empty_box_is_an_invitation(page):
    """Nothing typed yet is no mistake."""
    page.run()
    page.text_area(key="q").set_value("  ")
    page.button[0].click().run()

    assert not page.exception
    assert not page.error
    assert "Type a query" in page.info[0].value


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("x" * 4_001, "The query has 4,001 characters: shorten it to at most 4,000."),
    ],
    ids=["too long"],
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

    monkeypatch.setattr(Router, "gather", gather)
    page.run()

    assert not page.exception
    assert "not installed" in page.error[0].value


def sentences(page):
    """Return everything that the page says in words, with escapes taken out."""
    said = [*page.markdown, *page.caption, *page.warning, *page.success, *page.error, *page.info]
    return " ".join(each.value for each in said).replace("\\", "")


def test_the_tag_filter_can_be_switched_off(page, monkeypatch):
    """Without the filter everybody is a candidate, and no provider is called."""
    asked = calls(monkeypatch)
    page.run()
    page.toggle(key="f").set_value(False).run()
    figure, _ = chart(page)

    assert asked == ["bread from the oven please"]
    assert "The tag filter is off: all 2 agents were kept." in sentences(page)
    assert "<i>Removed by the tag filter</i>" not in figure["layout"]["yaxis"]["ticktext"]


def test_a_margin_asks_for_a_lead(page):
    """A runner-up that is too close leaves the query to nobody."""
    page.run()
    page.toggle(key="f").set_value(False)
    page.slider(key="t").set_value(0.0)
    page.text_area(key="q").set_value("bread flowers")
    page.button[0].click()
    page.slider(key="m").set_value(0.5).run()

    assert "too close" in page.warning[0].proto.title


def test_agents_own_thresholds_come_first_when_switched_on(page, folder):
    """The switch is dead while no agent has a threshold of its own, and then it counts."""
    page.run()
    dead = page.toggle(key="a").disabled
    (folder / "agents.csv").write_text(
        "id,name,description,tags,threshold\nbaker,Baker,bread from the oven,bread;oven,0.99\n"
    )
    page.run()
    page.toggle(key="a").set_value(True).run()

    assert dead
    assert "the agent's own" in sentences(page)
    assert page.warning[0].proto.title == "Hand off to nobody"


def test_typical_latencies_are_a_labelled_simulation(page, monkeypatch):
    """The switch plays the note's latencies, says so, and calls nothing."""
    asked = calls(monkeypatch)
    page.run()
    page.toggle(key="o").set_value(True).run()
    shown = {metric.label: metric.value for metric in page.metric}

    assert len(asked) == 1
    assert shown["Tags"] == "500 ms"
    assert "nothing was called" in sentences(page)


def test_the_page_says_what_would_change_the_outcome(page):
    """Four sentences: thresholds, filter, tags, runner-up."""
    page.run()
    (listed,) = (each for each in page.markdown if each.value.startswith("- "))

    assert len(listed.value.splitlines()) == 4
    assert "for every threshold up to" in sentences(page)


def test_the_page_says_who_answered(page):
    """Which model, and whose threshold, is always in sight."""
    page.run()

    assert "the scripted embedder" in sentences(page)
    assert "Threshold 0.30, the embedder's default. 2 agents." in sentences(page)


def test_the_table_is_made_when_it_is_opened(page):
    """A closed table costs nothing, an open one has all agents."""
    page.run()
    closed = len(page.dataframe)
    page.session_state["explore_table"] = True
    page.run()

    assert closed == 0
    assert page.dataframe[0].value["agent"].tolist() == ["Baker", "Florist"]


def test_earlier_queries_can_be_compared_and_reopened(page):
    """What was routed in this session stays at hand."""
    page.run()
    page.pills(key="explore_chip").select("Off topic").run()
    page.session_state["explore_past"] = True
    page.run()
    compared = page.dataframe[-1].value
    next(button for button in page.button if button.label == "Reopen").click().run()

    assert compared.loc[0, "this route"] == "quantum gravity, roughly"
    assert compared.loc[0, "the earlier one"] == "bread from the oven please"
    assert page.text_area(key="q").value == "bread from the oven please"


def test_a_link_with_a_huge_query_is_one_sentence(page):
    """A link is gated by length like everything else, and the page stays usable."""
    page.query_params["q"] = "x" * 10_000
    page.run()
    told = sentences(page)
    page.text_area(key="q").set_value("bread from the oven")
    page.button[0].click().run()

    assert "The query has 10,000 characters: shorten it to at most 4,000." in told
    assert page.success[0].proto.title == "Hand off to Baker"


def test_a_registry_that_goes_away_does_not_stop_the_visit(page, folder):
    """The page says so, and goes on with the agents that it read before."""
    page.run()
    (folder / "agents.csv").unlink()
    page.text_area(key="q").set_value("roses and a bouquet of flowers")
    page.button[0].click().run()

    assert not page.exception
    assert "agents.csv does not exist on the server: put it back, or upload" in sentences(page)
    assert "name a CSV file" not in sentences(page)
    assert page.success[0].proto.title == "Hand off to Florist"


OWN = b"id,name,description,tags\npilot,Pilot,fly to the moon,moon\n"


def upload(page, data, name="agents.csv", kind="agents"):
    """Put a file into an uploader and run the page."""
    page.file_uploader(key=uploader_key(kind)).set_value((name, data, "text/csv")).run()


def test_an_uploaded_registry_is_used_for_this_visit(page, root, folder):
    """Its agents route at once; another visitor and the server's disk know nothing of them."""
    page.run()
    page.text_area(key="q").set_value("fly to the moon")
    page.button[0].click()
    upload(page, OWN)
    other = AppTest.from_file(str(root / "app.py"), default_timeout=30).run()

    assert page.success[0].proto.title == "Hand off to Pilot"
    assert "1 agent." in sentences(page)
    assert "2 agents." in sentences(other)
    assert "Pilot" not in (folder / "agents.csv").read_text()


def test_an_upload_that_is_not_what_it_says_is_one_sentence(page):
    """A spreadsheet under the name of a CSV file changes nothing."""
    page.run()
    upload(page, b"PK\x03\x04 a spreadsheet")

    assert "agents.csv is a ZIP archive" in sentences(page)
    assert "Not in use: agents.csv." in sentences(page)
    assert "In use: agents.csv." not in sentences(page).replace("Not in use", "")
    assert page.success[0].proto.title == "Hand off to Baker"


def test_uploaded_cases_bring_their_own_examples(page):
    """The chips are those of the uploaded file."""
    page.run()
    upload(page, b"query,expected,chip\nroses,florist,Roses\n", "cases.csv", "cases")

    assert page.pills(key="explore_chip").options == ["Roses"]


def test_cases_that_are_refused_are_not_in_use(page):
    """The agents beside them are; each file is told apart."""
    page.run()
    upload(page, OWN)
    upload(page, b"question\nroses\n", "mine.csv", "cases")

    assert "In use: agents.csv." in sentences(page)
    assert "Not in use: mine.csv." in sentences(page)


def test_cases_that_are_gone_are_told_so_that_a_visitor_can_act(page, folder, monkeypatch):
    """Nobody can name a file on a page; they can upload one."""
    monkeypatch.setenv("HANDOFF_CASES", str(folder / "cases.csv"))
    page.run()
    (folder / "cases.csv").unlink()
    page.run()

    assert "cases.csv does not exist on the server: put it back, or upload cases" in sentences(page)
    assert "name a CSV file" not in sentences(page)


def test_the_default_agents_come_back(page):
    """One button ends the loan."""
    page.run()
    upload(page, OWN)
    lent = "1 agent." in sentences(page)
    next(each for each in page.button if each.label.startswith("Back to")).click().run()

    assert lent
    assert "2 agents." in sentences(page)


def test_a_query_in_unknown_letters_is_told_so(page, monkeypatch, folder):
    """No slider hands it off; the line of handoff.toml that the page names does."""
    monkeypatch.setattr(ScriptedEmbedder, "scripts", frozenset({"Latin"}))
    page.query_params["q"] = "bread oven Καλημέρα σας"
    page.run()
    page.slider(key="t").set_value(0.0).run()
    (told,) = (each.value for each in page.warning)

    assert "Greek letters" in told
    assert not page.success

    (folder / "handoff.toml").write_text("known_scripts_only = false\n")
    page.run()

    assert page.success
    assert not page.warning


def test_more_agents_than_a_visitor_may_lend_are_told(page, monkeypatch):
    """Every visitor's agents are embedded and kept in memory; the server's own go on routing."""
    monkeypatch.setattr(opened, "MOST_LENT_AGENTS", 1)
    page.run()
    upload(page, OWN + b"diver,Diver,swim to the ground,sea\n")

    assert "agents.csv holds 2 agents, and a visitor may lend 1: lend fewer" in sentences(page)
    assert page.success[0].proto.title != "Hand off to Pilot"
