"""A route as JSON: its keys, their types, and what they say."""

import pytest
from three_desks import AGENTS, NOBODY, SELECTED


def test_json_has_the_documented_keys(route_json):
    """No key is missing and none is added."""
    assert set(route_json(SELECTED)) == {
        "schema",
        "examples",
        "query",
        "outcome",
        "agent",
        "threshold",
        "threshold_source",
        "best_score",
        "unknown_script",
        "margin",
        "tags",
        "widened",
        "degraded",
        "embedder",
        "tagger",
        "registry",
        "tokens",
        "cost_usd",
        "ranking",
        "answer",
        "unanswered",
        "spans",
    }


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("schema", int),
        ("query", str),
        ("outcome", str),
        ("agent", str),
        ("threshold", float),
        ("threshold_source", str),
        ("best_score", float),
        ("unknown_script", type(None)),
        ("margin", float),
        ("tags", list),
        ("widened", bool),
        ("degraded", list),
        ("embedder", str),
        ("tagger", str),
        ("registry", str),
        ("tokens", int),
        ("cost_usd", float),
        ("ranking", list),
        ("spans", list),
    ],
)
def test_json_has_the_documented_types(route_json, key, kind):
    """A value of a query that somebody takes has the type that readers count on."""
    value = route_json(SELECTED)[key]

    assert type(value) is kind


def test_json_tells_a_selection(route_json):
    """Who takes the query, and by which parts that was found, stands in plain words."""
    answered = route_json(SELECTED)

    assert answered["schema"] == 1
    assert answered["query"] == "rain wind sunshine"
    assert answered["outcome"] == "selected"
    assert answered["agent"] == "weather"
    assert answered["embedder"] == "scripted-embedder-1-64"
    assert answered["tagger"] == "scripted-tagger-1"
    assert answered["degraded"] == []


def test_json_tells_nobody(route_json):
    """Where nobody takes the query, no agent is named, yet the best score is."""
    answered = route_json(NOBODY)

    assert answered["outcome"] == "below_threshold"
    assert answered["agent"] is None
    assert answered["best_score"] == answered["ranking"][0]["score"]


def test_json_tells_too_close_to_call(route_json, folder):
    """A lead smaller than the margin is an outcome of its own."""
    (folder / "handoff.toml").write_text("margin = 2\n")

    answered = route_json(SELECTED)

    assert answered["outcome"] == "ambiguous"
    assert answered["agent"] is None


def test_json_tells_that_a_scripted_route_costs_nothing(route_json):
    """Without a paid call there are no tokens and no cost."""
    answered = route_json(SELECTED)

    assert answered["tokens"] == 0
    assert answered["cost_usd"] == 0.0


def test_json_names_the_registry_by_its_content(route_json, folder):
    """The same agents under another file name have the same fingerprint."""
    (folder / "copy.csv").write_text(AGENTS)

    here, there = route_json(SELECTED), route_json(SELECTED, "--registry", "copy.csv")

    assert here["registry"] == there["registry"]
    assert len(here["registry"]) == 64


def test_json_tells_the_tags(route_json):
    """Extracted tags stand on top, and each agent has those it matched."""
    answered = route_json("the sky over roses")

    assert answered["tags"] == ["sky"]
    assert answered["widened"] is False
    assert {row["id"]: row["matched_tags"] for row in answered["ranking"]} == {
        "weather": ["sky"],
        "garden": ["sky"],
        "money": [],
    }


def test_json_tells_no_margin_with_a_single_candidate(route_json):
    """Where the tags leave one agent, there is no runner-up to be ahead of."""
    answered = route_json("forecast rain wind")

    assert [row["kept"] for row in answered["ranking"]] == [True, False, False]
    assert answered["margin"] is None


def test_json_ranks_all_agents(route_json):
    """Each agent has a row, the candidates first, then those that the tags removed."""
    ranking = route_json("forecast rain wind")["ranking"]

    assert [row["id"] for row in ranking] == ["weather", "garden", "money"]


def test_a_row_of_the_ranking_has_the_documented_keys_and_types(route_json):
    """A row holds these five values and nothing else."""
    row = route_json("forecast rain wind")["ranking"][0]

    assert {key: type(value) for key, value in row.items()} == {
        "id": str,
        "score": float,
        "lexical": float,
        "kept": bool,
        "matched_tags": list,
    }


@pytest.mark.parametrize(
    ("top", "ids"),
    [
        ("1", ["weather"]),
        ("2", ["weather", "money"]),
        ("99", ["weather", "money", "garden"]),
    ],
)
def test_top_shortens_the_ranking_in_json(route_json, top, ids):
    """At most so many of the best agents are listed."""
    ranking = route_json(SELECTED, "--top", top)["ranking"]

    assert [row["id"] for row in ranking] == ids


def test_spans_of_a_selection_stand_in_the_order_of_stages(route_json):
    """Every stage ran, the hand-off last, where an answer is asked for."""
    stages = ["extract_tags", "embed_query", "embed_agents", "score", "filter", "select"]
    asked = route_json(SELECTED, "--answer")

    assert [span["name"] for span in asked["spans"]] == [*stages, "hand_off"]
    assert asked["answer"].startswith("Simulated hand-off")
    decided = route_json(SELECTED)
    assert [span["name"] for span in decided["spans"]] == stages
    assert (decided["answer"], decided["unanswered"]) == (None, None)


def test_spans_of_nobody_hold_no_hand_off(route_json):
    """Where nobody is selected, the stages end with the selection."""
    assert [span["name"] for span in route_json(NOBODY)["spans"]] == [
        "extract_tags",
        "embed_query",
        "embed_agents",
        "score",
        "filter",
        "select",
    ]


def test_a_span_tells_when_it_ran_and_what_is_known_of_it(route_json):
    """Start and duration are floats of milliseconds, and a fact stands only where there is one."""
    spans = route_json("forecast rain wind")["spans"]

    assert all(type(span["start_ms"]) is float and span["start_ms"] >= 0 for span in spans)
    assert all(type(span["ms"]) is float and span["ms"] >= 0 for span in spans)
    facts = {
        span["name"]: {key: span[key] for key in span if key not in {"name", "start_ms", "ms"}}
        for span in spans
    }
    assert facts == {
        "extract_tags": {},
        "embed_query": {},
        "embed_agents": {},
        "score": {},
        "filter": {"count": 1},
        "select": {},
    }


def test_json_keeps_letters_readable(handoff):
    """Letters beyond ASCII are printed as they are."""
    _, out, _ = handoff("route", "--json", "Wetter in Zürich ☔")

    assert '"query": "Wetter in Zürich ☔"' in out
