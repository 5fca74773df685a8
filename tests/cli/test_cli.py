"""The command line: exit codes, what is printed, and one line where something is wrong."""

import json
import os
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

AGENTS = """\
id,name,description,tags,threshold
weather,Weather Desk,Rain wind sunshine,forecast;sky,0.9
money,Money Desk,Invoices refunds receipts,billing,
garden,Garden Desk,Roses tulips soil,plants;sky,0.1
"""
SELECTED = "rain wind sunshine"
NOBODY = "quantum chess"
NO_REGISTRY = (
    "There is no agents.csv in the working directory: change to its folder, "
    "or name a registry with --registry or HANDOFF_REGISTRY."
)
COMMAND = Path(sys.executable).with_name("handoff")


@pytest.fixture
def answer(handoff):
    """Return a function from the arguments of `handoff route --json` to its parsed output."""

    def run(*arguments):
        _, out, _ = handoff("route", "--json", *arguments)
        return json.loads(out)

    return run


def test_a_hand_off_ends_with_zero(handoff):
    """A query that somebody takes is a success with nothing on standard error."""
    code, out, err = handoff("route", SELECTED)

    assert code == 0
    assert out.startswith("Hand off to Weather Desk\n")
    assert err == ""


def test_nobody_ends_with_one(handoff):
    """A query that nobody takes is no error, and the best of the rest is named."""
    code, out, err = handoff("route", NOBODY)

    assert code == 1
    assert out.startswith("Hand off to nobody\nThe best, Garden Desk, has similarity 0.10, ")
    assert err == ""


def test_too_close_to_call_ends_with_one(handoff, folder):
    """Two agents nearer to each other than the margin leave the query with nobody."""
    (folder / "handoff.toml").write_text("margin = 2\n")

    code, out, _ = handoff("route", SELECTED)

    assert code == 1
    assert out.startswith("Hand off to nobody: too close to call\n")


def test_json_ends_with_the_same_codes(handoff):
    """The form of the output does not change the verdict."""
    codes = [handoff("route", "--json", query)[0] for query in (SELECTED, NOBODY)]

    assert codes == [0, 1]


def test_the_version_is_told(handoff, root):
    """The version option prints the name and pyproject.toml's version, and that is a success."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert handoff("--version") == (0, f"handoff, version {project['version']}\n", "")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_the_commands(handoff, option):
    """Help goes to standard output and is a success."""
    code, out, err = handoff(option)

    assert code == 0
    assert "route" in out
    assert err == ""


def test_the_simulated_hand_off_says_that_it_is_one(handoff):
    """The last line leaves no doubt that no agent answered."""
    _, out, _ = handoff("route", SELECTED)

    assert out.splitlines()[-1] == (
        "Simulated hand-off: Weather Desk would answer now; no agent is connected."
    )


def test_nobody_means_no_hand_off(handoff):
    """Where nobody is selected, nothing is said to be handed off."""
    _, out, _ = handoff("route", NOBODY)

    assert "Simulated" not in out


def test_the_ranking_is_printed_best_first(handoff):
    """Each agent stands with its score, whether the tags kept it, and the tags it matched."""
    _, out, _ = handoff("route", "forecast rain wind")

    assert out.splitlines()[2:8] == [
        "Tags: forecast. 1 of 3 agents kept.",
        "",
        "agent    score  kept  matched tags",
        "weather   0.59  yes   forecast",
        "garden    0.01  no",
        "money    -0.08  no",
    ]


def test_top_shortens_the_printed_ranking(handoff):
    """The rows that are left out are counted."""
    _, out, _ = handoff("route", SELECTED, "--top", "1")

    assert out.splitlines()[4:7] == [
        "agent    score  kept  matched tags",
        "weather   0.77  yes",
        "and 2 more",
    ]


def test_json_has_the_documented_keys(answer):
    """No key is missing and none is added."""
    assert set(answer(SELECTED)) == {
        "schema",
        "examples",
        "query",
        "outcome",
        "agent",
        "threshold",
        "threshold_source",
        "best_score",
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
def test_json_has_the_documented_types(answer, key, kind):
    """A value of a query that somebody takes has the type that readers count on."""
    value = answer(SELECTED)[key]

    assert type(value) is kind


def test_json_tells_a_selection(answer):
    """Who takes the query, and by which parts that was found, stands in plain words."""
    answered = answer(SELECTED)

    assert answered["schema"] == 1
    assert answered["query"] == "rain wind sunshine"
    assert answered["outcome"] == "selected"
    assert answered["agent"] == "weather"
    assert answered["embedder"] == "scripted-embedder-1-64"
    assert answered["tagger"] == "scripted-tagger-1"
    assert answered["degraded"] == []


def test_json_tells_nobody(answer):
    """Where nobody takes the query, no agent is named, yet the best score is."""
    answered = answer(NOBODY)

    assert answered["outcome"] == "below_threshold"
    assert answered["agent"] is None
    assert answered["best_score"] == answered["ranking"][0]["score"]


def test_json_tells_too_close_to_call(answer, folder):
    """A lead smaller than the margin is an outcome of its own."""
    (folder / "handoff.toml").write_text("margin = 2\n")

    answered = answer(SELECTED)

    assert answered["outcome"] == "ambiguous"
    assert answered["agent"] is None


def test_json_tells_that_a_scripted_route_costs_nothing(answer):
    """Without a paid call there are no tokens and no cost."""
    answered = answer(SELECTED)

    assert answered["tokens"] == 0
    assert answered["cost_usd"] == 0.0


def test_json_names_the_registry_by_its_content(answer, folder):
    """The same agents under another file name have the same fingerprint."""
    (folder / "copy.csv").write_text(AGENTS)

    here, there = answer(SELECTED), answer(SELECTED, "--registry", "copy.csv")

    assert here["registry"] == there["registry"]
    assert len(here["registry"]) == 64


def test_json_tells_the_tags(answer):
    """Extracted tags stand on top, and each agent has those it matched."""
    answered = answer("the sky over roses")

    assert answered["tags"] == ["sky"]
    assert answered["widened"] is False
    assert {row["id"]: row["matched_tags"] for row in answered["ranking"]} == {
        "weather": ["sky"],
        "garden": ["sky"],
        "money": [],
    }


def test_json_tells_no_margin_with_a_single_candidate(answer):
    """Where the tags leave one agent, there is no runner-up to be ahead of."""
    answered = answer("forecast rain wind")

    assert [row["kept"] for row in answered["ranking"]] == [True, False, False]
    assert answered["margin"] is None


def test_json_ranks_all_agents(answer):
    """Each agent has a row, the candidates first, then those that the tags removed."""
    ranking = answer("forecast rain wind")["ranking"]

    assert [row["id"] for row in ranking] == ["weather", "garden", "money"]


def test_a_row_of_the_ranking_has_the_documented_keys_and_types(answer):
    """A row holds these five values and nothing else."""
    row = answer("forecast rain wind")["ranking"][0]

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
def test_top_shortens_the_ranking_in_json(answer, top, ids):
    """At most so many of the best agents are listed."""
    ranking = answer(SELECTED, "--top", top)["ranking"]

    assert [row["id"] for row in ranking] == ids


def test_spans_of_a_selection_stand_in_the_order_of_stages(answer):
    """Every stage ran, the hand-off last."""
    assert [span["name"] for span in answer(SELECTED)["spans"]] == [
        "extract_tags",
        "embed_query",
        "embed_agents",
        "score",
        "filter",
        "select",
        "hand_off",
    ]


def test_spans_of_nobody_hold_no_hand_off(answer):
    """Where nobody is selected, the stages end with the selection."""
    assert [span["name"] for span in answer(NOBODY)["spans"]] == [
        "extract_tags",
        "embed_query",
        "embed_agents",
        "score",
        "filter",
        "select",
    ]


def test_a_span_tells_when_it_ran_and_what_is_known_of_it(answer):
    """Start and duration are floats of milliseconds, and a fact stands only where there is one."""
    spans = answer("forecast rain wind")["spans"]

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
        "hand_off": {},
    }


def test_json_keeps_letters_readable(handoff):
    """Letters beyond ASCII are printed as they are."""
    _, out, _ = handoff("route", "--json", "Wetter in Zürich ☔")

    assert '"query": "Wetter in Zürich ☔"' in out


def test_a_query_of_several_lines_is_one_line(answer):
    """Line breaks and tabs become spaces before anything else happens."""
    assert answer("\nrain\twind\r\n")["query"] == "rain wind"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["rain", "wind", "sunshine"], id="three words"),
        pytest.param(["rain wind", "sunshine"], id="half of it quoted"),
        pytest.param(["rain", "--top", "1", "wind", "sunshine"], id="an option between"),
        pytest.param(["--", "rain", "wind", "sunshine"], id="after two hyphens"),
    ],
)
def test_a_query_needs_no_quotes(answer, arguments):
    """Several words are one query, joined by spaces, and it is decided like the quoted one."""
    answered, quoted = answer(*arguments), answer(SELECTED)

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
def test_who_sets_the_threshold(answer, folder, config, arguments, expected):
    """The agent's own comes first if asked for, then the option, handoff.toml, the embedder."""
    (folder / "handoff.toml").write_text(config)

    answered = answer(SELECTED, *arguments)

    assert (answered["threshold"], answered["threshold_source"]) == expected


def test_without_a_config_the_embedder_sets_the_threshold(answer):
    """No handoff.toml leaves the scripted embedder's 0.3."""
    answered = answer(SELECTED)

    assert (answered["threshold"], answered["threshold_source"]) == (0.3, "embedder")


def test_per_agent_leaves_an_agent_without_an_own_threshold_to_the_others(answer):
    """Where the best agent has none of its own, the threshold is the usual one."""
    answered = answer("refunds and invoices", "--per-agent")

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


def test_a_named_config_wins_over_the_one_beside_the_registry(answer, folder):
    """The config that the command names is the only one that is read."""
    (folder / "handoff.toml").write_text("threshold = 0.5\n")
    (folder / "strict.toml").write_text("threshold = 0.7\n")

    answered = answer(SELECTED, "--config", "strict.toml")

    assert (answered["threshold"], answered["threshold_source"]) == (0.7, "config")


def test_a_threshold_of_minus_one_hands_everything_off(handoff):
    """With the least threshold even the least similar query goes to the best agent."""
    code, out, _ = handoff("route", NOBODY, "--threshold", "-1")

    assert code == 0
    assert out.startswith("Hand off to Garden Desk\n")


@pytest.mark.parametrize("query", [SELECTED, NOBODY, "sky roses", "refunds and invoices", "?"])
def test_a_printed_score_typed_back_as_threshold_is_reached(answer, query):
    """The threshold is inclusive, and a score loses nothing by being printed."""
    best = answer(query)["best_score"]

    assert answer(query, "--threshold", str(best))["outcome"] == "selected"


def test_a_threshold_just_above_the_score_is_not_reached(answer):
    """A step beyond the printed score makes the difference."""
    best = answer(SELECTED)["best_score"]

    assert answer(SELECTED, "--threshold", str(best + 1e-6))["outcome"] == "below_threshold"


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


def test_no_tags_leaves_the_filter_out(answer):
    """Without the filter an agent that carries none of the tags can take the query."""
    query = "billing rain wind sunshine"

    assert answer(query)["agent"] is None
    assert answer(query, "--no-tags")["agent"] == "weather"


def test_no_tags_keeps_all_agents(handoff):
    """The text says that the filter is off."""
    _, out, _ = handoff("route", "billing rain wind sunshine", "--no-tags")

    assert "Tags: billing. The tag filter is off: all 3 agents were kept." in out


def test_the_variable_names_the_registry(answer, folder, monkeypatch):
    """Without the option, the registry is the one in the environment."""
    (folder / "other.csv").write_text("id,name,description,tags\nrain,Rain,Rain wind,\n")
    monkeypatch.setenv("HANDOFF_REGISTRY", "other.csv")

    assert answer(SELECTED)["agent"] == "rain"


BAD_INPUT = [
    pytest.param(
        ["route", " \t\n"],
        "The query is empty: type what should be routed.",
        id="a blank query",
    ),
    pytest.param(
        ["route", "", " "],
        "The query is empty: type what should be routed.",
        id="blank words",
    ),
    pytest.param(
        ["route", "x" * 2_000, "x" * 2_000],
        "The query has 4,001 characters: shorten it to at most 4,000.",
        id="words over 4,000 characters",
    ),
    pytest.param(
        ["route", "x" * 4_001],
        "The query has 4,001 characters: shorten it to at most 4,000.",
        id="a query over 4,000 characters",
    ),
    pytest.param(
        ["route", "rain \udcff"],
        "The query holds bytes that are not UTF-8 text: type it again.",
        id="a query with a lone surrogate",
    ),
    pytest.param(
        ["route", SELECTED, "--threshold", "abc"],
        "The threshold must be a number from -1 to 1.",
        id="a threshold in words",
    ),
    pytest.param(
        ["route", SELECTED, "--threshold", "nan"],
        "The threshold must be a number from -1 to 1.",
        id="a threshold of nan",
    ),
    pytest.param(
        ["route", SELECTED, "--threshold", "2"],
        "The threshold must be a number from -1 to 1.",
        id="a threshold over one",
    ),
    pytest.param(
        ["route", SELECTED, "--threshold", ""],
        "The threshold must be a number from -1 to 1.",
        id="an empty threshold",
    ),
    pytest.param(
        ["route", SELECTED, "--registry", "missing.csv"],
        "missing.csv does not exist: name a CSV file.",
        id="a missing registry",
    ),
    pytest.param(
        ["route", SELECTED, "--registry", "sub"],
        "sub is a folder: name a CSV file.",
        id="a folder as registry",
    ),
    pytest.param(
        ["route", SELECTED, "--registry", "."],
        ". is a folder: name a CSV file.",
        id="this folder as registry",
    ),
    pytest.param(
        ["route", SELECTED, "--registry", "broken.csv"],
        "broken.csv, line 2, column 2 (name): the cell is empty, fill it in.",
        id="a broken registry",
    ),
    pytest.param(
        ["route", SELECTED, "--config", "missing.toml"],
        "missing.toml cannot be read (No such file or directory): name a TOML file.",
        id="a missing config",
    ),
    pytest.param(
        ["route", SELECTED, "--config", "broken.toml"],
        "broken.toml: threshold must be a number from -1 to 1.",
        id="a broken config",
    ),
    pytest.param(
        ["ui", "--registry", "missing.csv"],
        "missing.csv does not exist: name a CSV file.",
        id="a page on a missing registry",
    ),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD_INPUT)
def test_bad_input_ends_with_two_and_one_line(handoff, folder, arguments, sentence):
    """What is wrong stands in one line on standard error, and nothing on standard output."""
    (folder / "sub").mkdir()
    (folder / "broken.csv").write_text("id,name,description,tags\na,,Does a.,x\n")
    (folder / "broken.toml").write_text("threshold = 7\n")

    assert handoff(*arguments) == (2, "", f"handoff: {sentence}\n")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["rout", SELECTED], "'rout'", id="an unknown command"),
        pytest.param(["--loud"], "--loud", id="an unknown option"),
        pytest.param(["route", SELECTED, "--loud"], "--loud", id="an unknown option of route"),
        pytest.param(["route"], "QUERY", id="no query"),
        pytest.param(["route", SELECTED, "--threshold"], "--threshold", id="no threshold"),
        pytest.param(["route", SELECTED, "--top", "0"], "--top", id="none of the ranking"),
        pytest.param(["route", SELECTED, "--top", "two"], "--top", id="top in words"),
        pytest.param(["ui", "--port", "0"], "--port", id="no port"),
        pytest.param(["ui", "--port", "65536"], "--port", id="a port too high"),
    ],
)
def test_a_wrong_call_ends_with_two_and_one_line(handoff, arguments, named):
    """A wrong argument is named in one line on standard error, without a traceback."""
    code, out, err = handoff(*arguments)

    assert code == 2
    assert out == ""
    assert err.startswith("handoff: ")
    assert named in err
    assert err.count("\n") == 1


def test_no_command_ends_with_two_and_one_line(handoff):
    """A call without a command is an error like any other."""
    assert handoff() == (2, "", "handoff: Missing command.\n")


def test_an_unknown_embedder_ends_with_two_and_one_line(handoff, monkeypatch):
    """A variable with an unknown value is an error of the command line too."""
    monkeypatch.setenv("HANDOFF_EMBEDDER", "gpt")

    assert handoff("route", SELECTED) == (
        2,
        "",
        "handoff: HANDOFF_EMBEDDER is 'gpt': choose local, openai or scripted.\n",
    )


@pytest.mark.parametrize("arguments", [["route", SELECTED], ["ui"]], ids=["route", "ui"])
def test_a_folder_without_agents_csv_ends_with_two_and_one_line(handoff, folder, arguments):
    """Where no registry is named and none is here, the line says how to name one."""
    (folder / "agents.csv").unlink()

    assert handoff(*arguments) == (
        2,
        "",
        f"handoff: {NO_REGISTRY}\n",
    )


def test_a_line_break_in_an_argument_does_not_break_the_line(handoff):
    """An error that repeats an argument is still one line."""
    code, out, err = handoff("route", SELECTED, "--registry", "two\nlines.csv")

    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_a_port_in_use_ends_with_two_and_one_line(handoff):
    """A taken port is told before the page is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = handoff("ui", "--port", str(port))

    assert ended == (
        2,
        "",
        f"handoff: Port {port} is in use or not allowed: choose another with --port.\n",
    )


@pytest.mark.parametrize(
    ("encoding", "letter"),
    [
        pytest.param("cp1252", "→", id="an arrow in Windows' Western one"),
        pytest.param("cp1252", "😀", id="an emoji in Windows' Western one"),
        pytest.param("ascii", "ü", id="an umlaut in ASCII"),
    ],
)
def test_json_that_the_terminal_cannot_show_is_still_json(encoding, letter):
    """A letter that standard output has no code for is escaped, and a reader gets it back."""
    ended = subprocess.run(
        [COMMAND, "route", "--json", f"{SELECTED} {letter}"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )

    assert ended.stderr == b""
    assert ended.returncode == 0
    assert b"\\u" in ended.stdout
    assert json.loads(ended.stdout)["query"] == f"{SELECTED} {letter}"


def test_text_that_the_terminal_cannot_show_is_escaped(folder):
    """A letter that standard output has no code for is spelled out in the text too."""
    (folder / "agents.csv").write_text(
        AGENTS.replace("Weather Desk", "Weather → 😀 Désk"), encoding="utf-8"
    )

    ended = subprocess.run(
        [COMMAND, "route", SELECTED],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.splitlines()[0] == rb"Hand off to Weather \u2192 \ud83d\ude00 D\u00e9sk"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["route", SELECTED], 0, id="taken"),
        pytest.param(["route", NOBODY], 1, id="nobody"),
        pytest.param(["route", "--json", SELECTED], 0, id="taken, as JSON"),
        pytest.param(["route", "--json", NOBODY], 1, id="nobody, as JSON"),
        pytest.param(["--help"], 0, id="help"),
        pytest.param(["--version"], 0, id="the version"),
    ],
)
def test_a_closed_pipe_is_no_error(arguments, code):
    """A reader that has gone away, as in `| head`, changes no exit code and no line tells it."""
    reader, writer = os.pipe()
    os.close(reader)

    ended = subprocess.run(
        [COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)

    assert (ended.returncode, ended.stderr) == (code, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["route", SELECTED], id="taken"),
        pytest.param(["route", NOBODY], id="nobody"),
        pytest.param(["route", "--json", SELECTED], id="as JSON"),
        pytest.param(["--help"], id="help"),
        pytest.param(["--version"], id="the version"),
    ],
)
def test_a_full_disk_ends_with_two_and_one_line(arguments):
    """Output that cannot be written is an error like any other, whoever takes the query."""
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert (ended.returncode, ended.stderr) == (
        2,
        b"handoff: The output cannot be written (No space left on device): write it elsewhere.\n",
    )


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="this system has no POSIX shell")
def test_a_closed_standard_output_is_no_traceback():
    """Without a standard output, as by `>&-`, a query that is taken never ends like nobody's."""
    ended = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" "$@" >&-', COMMAND, "route", SELECTED],
        stderr=subprocess.PIPE,
        check=False,
    )

    assert b"Traceback" not in ended.stderr
    assert ended.returncode != 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            "Analyze sales data and create a dashboard",
            (0, "selected", "data-analyst"),
            id="taken",
        ),
        pytest.param("what is the weather on mars", (1, "below_threshold", None), id="nobody"),
    ],
)
def test_the_embedded_model_routes_the_projects_own_agents(root, monkeypatch, query, expected):
    """The installed command needs no setting, no key and no network for a sound verdict."""
    monkeypatch.delenv("HANDOFF_EMBEDDER")
    monkeypatch.delenv("HANDOFF_TAGGER")

    ended = subprocess.run(
        [COMMAND, "route", "--json", query],
        cwd=root,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )

    assert ended.stderr == ""
    answered = json.loads(ended.stdout)
    assert (ended.returncode, answered["outcome"], answered["agent"]) == expected
