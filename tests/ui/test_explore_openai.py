"""The Explore screen on OpenAI's wire format, driven without a browser."""

import re

import pytest
import streamlit as st
from fake_openai import FakeOpenAI, Quirks
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

REGISTRY = """\
id,name,description,tags
baker,Baker,bread from the oven,bread;oven
florist,Florist,roses and a bouquet of flowers,flowers
"""
CASES = """\
query,expected,chip
bread from the oven please,baker,Bread
"""


@pytest.fixture
def server():
    """Run the server that speaks OpenAI's format."""
    with FakeOpenAI() as running:
        yield running


@pytest.fixture
def page(root, tmp_path, monkeypatch, server):
    """Return the page over a small registry, with a key, not yet run."""
    (tmp_path / "agents.csv").write_text(REGISTRY)
    (tmp_path / "cases.csv").write_text(CASES)
    monkeypatch.setenv("HANDOFF_REGISTRY", str(tmp_path / "agents.csv"))
    monkeypatch.delenv("HANDOFF_EMBEDDER")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-SECRETKEY")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("HANDOFF_OPENAI_TIMEOUT_SECONDS", "20")
    st.cache_data.clear()
    st.cache_resource.clear()
    yield AppTest.from_file(str(root / "app.py"), default_timeout=60)
    st.cache_resource.clear()


def sentences(page):
    """Return everything that the page says in words, with escapes taken out."""
    said = [*page.markdown, *page.caption, *page.warning, *page.success, *page.error, *page.info]
    return " ".join(each.value for each in said).replace("\\", "")


def test_tokens_and_cost_are_shown(page):
    """The last route and the visit say what they used."""
    page.run()

    assert page.success[0].proto.title == "Hand off to Baker"
    assert "Vectors and tags by the server of OPENAI_BASE_URL." in sentences(page)
    assert "tokens, $0.00" in sentences(page)
    assert "this session $0.00" in sentences(page)
    assert "SECRETKEY" not in str(page)


def test_tags_that_are_down_are_said_in_words(page, server):
    """The route goes on, and the page says what was skipped and why."""
    server.fail("chat", "unauthorized", times=None)
    page.run()

    assert page.success[0].proto.title == "Hand off to Baker"
    assert "Tags were skipped." in sentences(page)
    assert "check OPENAI_API_KEY" in sentences(page)
    assert "Tags could not be extracted, so all 2 agents were kept." in sentences(page)


def test_embeddings_that_are_down_are_one_sentence(page, server):
    """Without vectors there is no route, and the page says so."""
    server.fail("embeddings", "no_model", times=None)
    page.run()

    assert not page.exception
    assert "does not know the model text-embedding-3-small" in sentences(page)


def test_the_embedded_model_takes_over_where_that_is_wished(page, server, monkeypatch):
    """Query and registry move to the embedded model together, with its own threshold."""
    monkeypatch.setenv("HANDOFF_FALLBACK", "local")
    server.fail("embeddings", "server_error", times=None)
    page.run()

    assert "The embedded model took over." in sentences(page)
    told = (
        "Vectors by the embedded model (MiniLM and wordllama), tags by similarity. Threshold 0.17"
    )
    assert told in sentences(page)


def test_the_agent_answers_in_its_role(page, server):
    """The button streams an answer; the role is in the system prompt, the query is not."""
    page.run()
    next(button for button in page.button if button.label == "Hand off").click().run()
    (asked,) = [request.body for request in server.requests if request.body.get("stream")]

    assert "You asked" in page.info[0].value
    assert asked["messages"][0]["content"].startswith("You are Baker")
    assert asked["messages"][1] == {"role": "user", "content": "bread from the oven please"}


def test_a_visitor_cannot_spend_more_than_the_cap(page, server, monkeypatch):
    """The refusal comes before the call."""
    monkeypatch.setenv("HANDOFF_VISITOR_CAP_USD", "0.000001")
    page.run()

    assert not page.exception
    assert "This session may cost" in sentences(page)
    assert server.requests == []


@pytest.mark.parametrize(
    ("cookie", "known"),
    [
        ("2|ffffffff|fdfcfbfa|1790000000", True),
        ("2|00000000|02030406|1790000000", False),
        ("of another kind", False),
    ],
)
def test_a_reload_does_not_fill_the_purse(page, root, monkeypatch, cookie, known):
    """What was spent stays spent in the same browser, whose token is masked anew each time."""
    cookies = {"_streamlit_xsrf": "2|00000000|02030405|1790000000"}
    monkeypatch.setattr(ContextProxy, "cookies", cookies)
    page.run()
    cookies["_streamlit_xsrf"] = cookie

    again = AppTest.from_file(str(root / "app.py"), default_timeout=60).run()

    # The second route asks nobody: the first one's evidence is kept.
    spent, later = (
        re.search(r"session \$(\d+\.\d+)", sentences(each))[1] for each in (page, again)
    )
    assert float(spent) > 0
    assert later == (spent if known else "0.000000")


def test_a_large_registry_asks_before_it_costs(page, server, tmp_path):
    """Nothing is embedded before the visitor agreed to the price."""
    rows = [
        f"agent {number},Agent {number},does work number {number},work" for number in range(300)
    ]
    (tmp_path / "agents.csv").write_text("\n".join(["id,name,description,tags", *rows]))
    (tmp_path / "cases.csv").write_text("query,expected,chip\nwork number 7,,Work\n")
    page.run()
    before = len(server.requests)
    asked = sentences(page)
    next(button for button in page.button if button.label == "Embed them").click().run()

    assert before == 0
    assert "Embedding these 300 agents on the server of OPENAI_BASE_URL costs at most $" in asked
    assert len(server.requests) == 3


def test_models_that_are_loaded_first_are_waited_for_once(page, server, monkeypatch):
    """The first visitor's page waits longer than an answer may take, and begins nothing anew."""
    server.quirks = Quirks(loading_seconds=1.5)
    monkeypatch.setenv("HANDOFF_OPENAI_TIMEOUT_SECONDS", "1")
    monkeypatch.setenv("HANDOFF_OPENAI_DEADLINE_SECONDS", "2")
    told = []
    monkeypatch.setattr(
        "handoff.report.route_words.waiting", lambda *said: told.append(said[0]) or said[1]
    )
    page.run()

    assert page.success[0].proto.title == "Hand off to Baker"
    assert told == [("the server of OPENAI_BASE_URL",)]
    assert len(server.requests) == 3
