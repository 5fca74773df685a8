"""Overlap and explanations from the command line."""

import json
from pathlib import Path

import pytest
from fake_openai import EMBEDDINGS, FakeOpenAI

AGENTS = """\
id,name,description,tags
weather,Weather Desk,Rain wind sunshine,sky
money,Money Desk,Invoices refunds receipts,billing
garden,Garden Desk,Roses tulips soil,sky
"""
CASES = "query,expected\nrain wind,weather\nrefunds,money\nrain and roses,garden\n"


@pytest.fixture
def registry():
    """Return the text of agents.csv."""
    return AGENTS


@pytest.fixture(autouse=True)
def cases(folder):
    """Put labelled queries beside the registry."""
    (folder / "cases.csv").write_text(CASES)


def test_overlap_tells_closest_agents_and_findings(handoff):
    """In words, worst first."""
    code, out, err = handoff("overlap")

    assert (code, err) == (0, "")
    assert out.startswith("3 agents; the closest two are ")
    assert "\nLook at first\n" in out


def test_overlap_as_json_has_every_pair_and_contest(handoff):
    """Agents stand with their ids."""
    code, out, _ = handoff("overlap", "--cases", "cases.csv", "--json")

    answered = json.loads(out)
    assert code == 0
    assert {"schema", "closest", "contested", "look_at_first", "queries"} <= answered.keys()
    assert len(answered["closest"]) == 3
    assert answered["queries"] == 3


def test_overlap_of_a_single_agent(handoff):
    """Nothing overlaps, and that is no error."""
    Path("agents.csv").write_text("id,name,description,tags\na,Only,One,\n")

    code, out, _ = handoff("overlap")

    assert code == 0
    assert "There is a single agent: nothing overlaps." in out
    assert "a description of one word" in out


def test_explain_names_the_words_that_carry_the_best_agent(handoff):
    """The word in common carries query and description."""
    code, out, err = handoff("explain", "rain please", "--json")

    answered = json.loads(out)
    assert (code, err) == (0, "")
    assert answered["agent"] == "weather"
    for words in (answered["query_words"], answered["description_words"]):
        assert max(words, key=lambda word: word["share"])["word"].lower() == "rain"


def test_explain_looks_for_the_smallest_flip(handoff):
    """Without its word in common the agent loses the query."""
    _, out, _ = handoff("explain", "rain", "--json")

    flip = json.loads(out)["flip"]
    assert flip["wins"] is False
    assert flip["edits"] == [{"kind": "drop", "word": "Rain"}]
    assert flip["description"] == "wind sunshine"


def test_an_unknown_agent_is_named_with_the_nearest_id(handoff):
    """A typing error costs no second look at the file."""
    assert handoff("explain", "rain", "--agent", "wether") == (
        2,
        "",
        "handoff: No agent has the id 'wether': did you mean 'weather'?\n",
    )


@pytest.mark.parametrize("query", ["", "  "])
def test_an_empty_query_ends_with_two_and_one_sentence(refused, query):
    """As a route refuses it."""
    refused("The query is empty", "explain", query)


def test_a_query_without_words_is_explained_by_the_description(handoff):
    """Signs are a query, but nothing can be left out of them."""
    code, out, _ = handoff("explain", "???")

    assert code == 0
    assert "no word that could be left out" in out


def test_explaining_is_one_request_whose_cost_is_told_first(handoff, monkeypatch):
    """Beyond routing the query; a flip is looked for only where it was asked for."""
    with FakeOpenAI() as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("HANDOFF_EMBEDDER", "openai")
        handoff("route", "rain please", "--threshold", "-1")
        before = len([each for each in server.requests if each.path == EMBEDDINGS])

        code, out, err = handoff("explain", "rain please", "--json")

        after = len([each for each in server.requests if each.path == EMBEDDINGS])
    assert code == 0
    assert after - before == 1
    assert err.startswith("Explaining asks for 5 texts: at most $0.")
    assert json.loads(out)["flip"] is None
