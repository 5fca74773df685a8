"""Which query is routed, and by which policy."""

import pytest
from three_desks import NOBODY, SELECTED


def test_a_query_of_several_lines_is_one_line(route_json):
    """Line breaks and tabs become spaces before anything else happens."""
    assert route_json("\nrain\twind\r\n")["query"] == "rain wind"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["rain", "wind", "sunshine"], id="three words"),
        pytest.param(["rain wind", "sunshine"], id="half of it quoted"),
        pytest.param(["rain", "--top", "1", "wind", "sunshine"], id="an option between"),
        pytest.param(["--", "rain", "wind", "sunshine"], id="after two hyphens"),
    ],
)
def test_a_query_needs_no_quotes(route_json, arguments):
    """Several words are one query, joined by spaces, and it is decided like the quoted one."""
    answered, quoted = route_json(*arguments), route_json(SELECTED)

    assert answered["query"] == SELECTED
    assert (answered["outcome"], answered["agent"]) == ("selected", "weather")
    assert answered["best_score"] == quoted["best_score"]


def test_a_query_without_quotes_ends_with_the_same_codes(handoff):
    """Quotes do not change the verdict."""
    codes = [handoff("route", *query.split())[0] for query in (SELECTED, NOBODY)]

    assert codes == [0, 1]


def test_a_query_of_4000_characters_is_routed(handoff):
    """The longest query that is allowed gets a verdict."""
    code, _, _ = handoff("route", "x" * 4_000)

    assert code == 1


@pytest.mark.parametrize(
    ("config", "arguments", "expected"),
    [
        pytest.param("", [], (0.3, "embedder"), id="the embedder's default"),
        pytest.param("threshold = 0.5", [], (0.5, "config"), id="handoff.toml"),
        pytest.param("threshold = 0", [], (0.0, "config"), id="zero in handoff.toml"),
        pytest.param("", ["--threshold", "0.6"], (0.6, "argument"), id="the option"),
        pytest.param(
            "threshold = 0.5", ["--threshold", "0.6"], (0.6, "argument"), id="option and config"
        ),
        pytest.param(
            "threshold = 0.5", ["--threshold", "0.0"], (0.0, "argument"), id="option of zero"
        ),
        pytest.param("", ["--threshold", "-1"], (-1.0, "argument"), id="option of minus one"),
        pytest.param("", ["--threshold=-0.25"], (-0.25, "argument"), id="option below zero"),
        pytest.param("", ["--per-agent"], (0.9, "agent"), id="the agent's own"),
        pytest.param("per_agent = true", [], (0.9, "agent"), id="the agent's own by handoff.toml"),
        pytest.param(
            "threshold = 0.5",
            ["--per-agent", "--threshold", "0.6"],
            (0.9, "agent"),
            id="the agent's own, option and config",
        ),
    ],
)
def test_who_sets_the_threshold(route_json, folder, config, arguments, expected):
    """The agent's own comes first if asked for, then the option, handoff.toml, the embedder."""
    (folder / "handoff.toml").write_text(config)

    answered = route_json(SELECTED, *arguments)

    assert (answered["threshold"], answered["threshold_source"]) == expected


def test_without_a_config_the_embedder_sets_the_threshold(route_json):
    """No handoff.toml leaves the scripted embedder's 0.3."""
    answered = route_json(SELECTED)

    assert (answered["threshold"], answered["threshold_source"]) == (0.3, "embedder")


def test_per_agent_leaves_an_agent_without_an_own_threshold_to_the_others(route_json):
    """Where the best agent has none of its own, the threshold is the usual one."""
    answered = route_json("refunds and invoices", "--per-agent")

    assert answered["agent"] == "money"
    assert (answered["threshold"], answered["threshold_source"]) == (0.3, "embedder")


@pytest.mark.parametrize(
    ("query", "without", "with_it"),
    [
        pytest.param(SELECTED, 0, 1, id="a high one refuses"),
        pytest.param("sky roses", 1, 0, id="a low one lets through"),
    ],
)
def test_per_agent_changes_the_verdict(handoff, query, without, with_it):
    """An agent's own threshold judges only where the option asks for it."""
    codes = handoff("route", query)[0], handoff("route", query, "--per-agent")[0]

    assert codes == (without, with_it)


def test_a_named_config_wins_over_the_one_beside_the_registry(route_json, folder):
    """The config that the command names is the only one that is read."""
    (folder / "handoff.toml").write_text("threshold = 0.5\n")
    (folder / "strict.toml").write_text("threshold = 0.7\n")

    answered = route_json(SELECTED, "--config", "strict.toml")

    assert (answered["threshold"], answered["threshold_source"]) == (0.7, "config")


def test_a_threshold_of_minus_one_hands_everything_off(handoff):
    """With the least threshold even the least similar query goes to the best agent."""
    code, out, _ = handoff("route", NOBODY, "--threshold", "-1")

    assert code == 0
    assert out.startswith("Hand off to Garden Desk\n")


@pytest.mark.parametrize("query", [SELECTED, NOBODY, "sky roses", "refunds and invoices", "?"])
def test_a_printed_score_typed_back_as_threshold_is_reached(route_json, query):
    """The threshold is inclusive, and a score loses nothing by being printed."""
    best = route_json(query)["best_score"]

    assert route_json(query, "--threshold", str(best))["outcome"] == "selected"


def test_a_threshold_just_above_the_score_is_not_reached(route_json):
    """A step beyond the printed score makes the difference."""
    best = route_json(SELECTED)["best_score"]

    assert route_json(SELECTED, "--threshold", str(best + 1e-6))["outcome"] == "below_threshold"


@pytest.mark.parametrize(
    ("config", "arguments", "words"),
    [
        pytest.param(
            "", [], "0.77 reaches the threshold 0.30 (the embedder's default).", id="embedder"
        ),
        pytest.param(
            "threshold = 0.5",
            [],
            "0.77 reaches the threshold 0.50 (from handoff.toml).",
            id="config",
        ),
        pytest.param(
            "",
            ["--threshold", "0.6"],
            "0.77 reaches the threshold 0.60 (as asked for).",
            id="argument",
        ),
        pytest.param(
            "", ["--per-agent"], "0.77, below the threshold 0.90 (the agent's own).", id="agent"
        ),
    ],
)
def test_the_text_tells_who_set_the_threshold(handoff, folder, config, arguments, words):
    """The second line holds score, threshold and where the threshold comes from."""
    (folder / "handoff.toml").write_text(config)

    _, out, _ = handoff("route", SELECTED, *arguments)

    assert out.splitlines()[1].endswith(words)


def test_no_tags_leaves_the_filter_out(route_json):
    """Without the filter an agent that carries none of the tags can take the query."""
    query = "billing rain wind sunshine"

    assert route_json(query)["agent"] is None
    assert route_json(query, "--no-tags")["agent"] == "weather"


def test_no_tags_keeps_all_agents(handoff):
    """The text says that the filter is off."""
    _, out, _ = handoff("route", "billing rain wind sunshine", "--no-tags")

    assert "Tags: billing. The tag filter is off: all 3 agents were kept." in out


def test_the_variable_names_the_registry(route_json, folder, monkeypatch):
    """Without the option, the registry is the one in the environment."""
    (folder / "other.csv").write_text("id,name,description,tags\nrain,Rain,Rain wind,\n")
    monkeypatch.setenv("HANDOFF_REGISTRY", "other.csv")

    assert route_json(SELECTED)["agent"] == "rain"
