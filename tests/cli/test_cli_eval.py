"""Evaluation from the command line: figures, a saved threshold, a gate, two registries compared."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from fake_openai import EMBEDDINGS, FakeOpenAI

from handoff.evaluation import run as evaluation_run
from handoff.router import Router

AGENTS = """\
id,name,description,tags,threshold
weather,Weather Desk,Rain wind sunshine,forecast;sky,0.9
money,Money Desk,Invoices refunds receipts,billing,
garden,Garden Desk,Roses tulips soil,plants;sky,0.1
"""
OTHER_AGENTS = AGENTS.replace("Roses tulips soil", "Roses tulips")
CASES = (
    ("rain tomorrow", "weather"),
    ("wind and sunshine", "weather"),
    ("sunshine please", "weather"),
    ("rain wind", "weather"),
    ("sunshine rain wind", "weather"),
    ("forecast of rain", "weather"),
    ("invoices again", "money"),
    ("refunds and receipts", "money"),
    ("my receipts", "money"),
    ("billing of roses", "money"),
    ("refunds invoices", "money"),
    ("receipts for tulips", "money"),
    ("roses", "garden"),
    ("tulips and soil", "garden"),
    ("sky over soil", "garden"),
    ("soil", "garden"),
    ("plants in rain", "garden"),
    ("roses tulips", "garden"),
    ("quantum chess", ""),
    ("opera violin", ""),
    ("marble statue", ""),
    ("rain of arrows", ""),
    ("pasta recipe", ""),
    ("old receipts museum", ""),
)
PROMISED_KEYS = {
    "cases",
    "threshold",
    "threshold_source",
    "accuracy",
    "coverage",
    "precision",
    "right",
    "wrong",
    "missed",
    "refused",
    "taken",
    "failed",
    "top1",
    "kept",
    "top1_unfiltered",
    "auroc",
    "recommended",
    "seconds",
}
SIX = ("right", "wrong", "missed", "refused", "taken", "failed")
SECRET = "zanzibar"  # noqa: S105 - a word that stands in every query that may go wrong
COMMAND = Path(sys.executable).with_name("handoff")
MANY = 250


@pytest.fixture(autouse=True)
def cases(folder):
    """Put labelled queries and a second registry beside the first one."""
    (folder / "other.csv").write_text(OTHER_AGENTS)
    write(folder / "cases.csv", CASES)


@pytest.fixture
def answer(handoff):
    """Return a function from a command's arguments to the JSON that it prints."""

    def run(command, *arguments):
        code, out, err = handoff(command, *arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return run


@pytest.fixture
def server(monkeypatch):
    """Serve OpenAI's embeddings on loopback, with the settings that lead there."""
    with FakeOpenAI() as serving:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", serving.base_url)
        monkeypatch.setenv("HANDOFF_EMBEDDER", "openai")
        yield serving


def write(name, rows):
    """Write labelled queries into the working directory."""
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("query", "expected"), *rows])


def without(agent):
    """Return the registry without an agent."""
    rows = AGENTS.splitlines(keepends=True)
    return "".join(row for row in rows if not row.startswith(f"{agent},"))


def save(handoff, *arguments):
    """Save a recommended threshold and return what the file holds."""
    code, _, err = handoff("eval", "cases.csv", "--save", *arguments)
    assert (code, err) == (0, "")
    return tomllib.loads(Path("handoff.toml").read_text())


def routed(handoff, *arguments):
    """Return how each case ends when it is routed by itself."""
    ends = []
    for query, expected in CASES:
        agent = json.loads(handoff("route", "--json", query, *arguments)[1])["agent"]
        if expected:
            ends.append("right" if agent == expected else "wrong" if agent else "missed")
        else:
            ends.append("taken" if agent else "refused")
    return {end: ends.count(end) for end in SIX}


def test_json_has_what_was_promised(answer):
    """No promised key is missing."""
    answered = answer("eval", "cases.csv")

    assert answered.keys() >= PROMISED_KEYS
    assert answered["recommended"].keys() >= {
        "threshold",
        "accuracy",
        "coverage",
        "accuracy_low",
        "accuracy_high",
    }


def documented(root):
    """Return the fields of each table of docs/eval-json.md, by its heading."""
    text = (root / "docs" / "eval-json.md").read_text(encoding="utf-8")
    tables = {}
    for part in text.split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        first_cells = re.findall(r"^\| (`.*?) \|", body, re.MULTILINE)
        tables[heading] = sorted(re.findall(r"`(\w+)`", " ".join(first_cells)))
    return tables


def test_every_key_of_an_evaluation_is_documented(answer, root):
    """The tables hold the keys that are printed, no fewer and no more, each once."""
    tables = documented(root)

    answered = answer("eval", "cases.csv")

    assert tables["eval"] == sorted(answered)
    assert tables["lost"] == sorted(answered["lost"])
    assert tables["confusions"] == sorted(answered["confusions"][0])
    assert tables["recommended"] == sorted(answered["recommended"])


def test_every_key_of_a_comparison_is_documented(answer, root):
    """So do those of a comparison."""
    tables = documented(root)

    answered = answer("compare", "agents.csv", "other.csv", "cases.csv")

    assert tables["compare"] == sorted(answered)
    assert tables["before, after"] == sorted(answered["before"]) == sorted(answered["after"])
    assert tables["flips"] == sorted(answered["flips"][0])


def test_the_six_counts_add_up(answer):
    """Every case ends in one of six ways, the one that failed too."""
    write("more.csv", [*CASES, ("a shave", "barber")])

    answered = answer("eval", "more.csv")

    assert answered["cases"] == len(CASES) + 1
    assert sum(answered[key] for key in SIX) == answered["cases"]
    assert answered["failed"] == 1


def test_shares_follow_from_the_counts(answer):
    """Whoever divides the counts gets the shares."""
    write("more.csv", [*CASES, ("a shave", "barber")])

    answered = answer("eval", "more.csv")

    handed_off = answered["right"] + answered["wrong"] + answered["taken"]
    cases = answered["cases"]
    assert answered["accuracy"] == pytest.approx(
        (answered["right"] + answered["refused"]) / cases, abs=1e-6
    )
    assert answered["coverage"] == pytest.approx(handed_off / cases, abs=1e-6)
    assert answered["precision"] == pytest.approx(answered["right"] / handed_off, abs=1e-6)
    assert answered["wrong_share"] == pytest.approx(
        (answered["wrong"] + answered["taken"]) / cases, abs=1e-6
    )


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="as it is"),
        pytest.param(("--threshold", "0.55"), id="a threshold"),
        pytest.param(("--threshold", "-1"), id="everything handed off"),
        pytest.param(("--no-tags",), id="no filter"),
    ],
)
def test_counts_are_those_of_routing_each_query(handoff, answer, arguments):
    """An evaluation ends as many single routes would."""
    answered = answer("eval", "cases.csv", *arguments)

    assert {key: answered[key] for key in SIX} == routed(handoff, *arguments)


def test_an_ambiguous_case_counts_as_missed_or_refused(answer, folder):
    """With a margin that nothing reaches, nobody gets anything but where the filter left one."""
    (folder / "handoff.toml").write_text("margin = 2\n")

    answered = answer("eval", "cases.csv", "--no-tags", "--threshold", "-1")

    assert (answered["missed"], answered["refused"]) == (18, 6)


def test_agents_own_thresholds_judge_where_handoff_toml_says_so(handoff, answer, folder):
    """`per_agent` reaches the evaluation as it reaches a route."""
    (folder / "handoff.toml").write_text("per_agent = true\n")

    answered = answer("eval", "cases.csv")

    assert answered["per_agent"] is True
    assert {key: answered[key] for key in SIX} == routed(handoff)


@pytest.mark.parametrize(
    ("config", "arguments", "expected"),
    [
        pytest.param("", [], (0.3, "embedder"), id="the embedder's default"),
        pytest.param("threshold = 0.5", [], (0.5, "config"), id="handoff.toml"),
        pytest.param(
            "threshold = 0.5", ["--threshold", "0.6"], (0.6, "argument"), id="option and config"
        ),
        pytest.param("", ["--threshold", "-1"], (-1.0, "argument"), id="option of minus one"),
    ],
)
def test_who_sets_the_threshold_of_an_evaluation(answer, folder, config, arguments, expected):
    """The option comes first, then handoff.toml, then the embedder."""
    (folder / "handoff.toml").write_text(config)

    answered = answer("eval", "cases.csv", *arguments)

    assert (answered["threshold"], answered["threshold_source"]) == expected


def test_the_recommendation_is_the_same_twice(answer):
    """Split and bootstrap are seeded."""
    once, again = (answer("eval", "cases.csv")["recommended"] for _ in range(2))

    assert once == again


def test_the_recommendation_does_not_depend_on_the_threshold_in_use(answer):
    """Only what it is compared with does."""
    low, high = (
        answer("eval", "cases.csv", "--threshold", threshold)["recommended"]
        for threshold in ("-1", "1")
    )

    assert low["threshold"] == high["threshold"]
    assert low["accuracy_at_present"] != high["accuracy_at_present"]


@pytest.mark.parametrize("goal", ["accuracy", "balanced", "wrong=0.25", "coverage=0.8"])
def test_a_goal_is_named_beside_its_threshold(answer, goal):
    """The recommendation says what it is for, and its shares are shares."""
    found = answer("eval", "cases.csv", "--goal", goal)["recommended"]

    assert found["goal"] == goal
    assert -1 <= found["threshold"] <= 1
    assert 0 <= found["accuracy_low"] <= found["accuracy"] <= found["accuracy_high"] <= 1
    assert 0 <= found["coverage_low"] <= found["coverage"] <= found["coverage_high"] <= 1


def test_goals_pull_the_threshold_their_way(answer):
    """Who fears errors hands off less than who wants coverage."""
    careful, eager = (
        answer("eval", "cases.csv", "--goal", goal)["recommended"]
        for goal in ("wrong=0.05", "coverage=1")
    )

    assert careful["threshold"] > eager["threshold"]
    assert careful["coverage"] < eager["coverage"]


def test_a_share_that_no_threshold_reaches_is_not_said_to_hold(handoff, folder):
    """With a margin that nothing reaches, nothing is handed off on either half."""
    (folder / "handoff.toml").write_text("margin = 2\n")

    _, out, _ = handoff("eval", "cases.csv", "--no-tags", "--goal", "coverage=0.8")

    assert "coverage 0.0 %" in out
    assert "holds on the choosing half" not in out
    assert "No threshold keeps the share 80.0 %" in out


@pytest.mark.parametrize(
    ("per_agent", "accuracy"), [("false", 1), ("true", 0)], ids=["without own", "with own"]
)
def test_a_recommendation_is_compared_with_the_policy_in_use(answer, folder, per_agent, accuracy):
    """An own threshold that holds every query back does so in the present figure as well."""
    (folder / "handoff.toml").write_text(f"threshold = 0.3\nper_agent = {per_agent}\n")
    write("same.csv", [("rain wind", "weather")] * 20)

    answered = answer("eval", "same.csv")

    assert answered["accuracy"] == accuracy
    assert answered["recommended"]["accuracy_at_present"] == accuracy


@pytest.mark.parametrize(
    ("goal", "sentence"),
    [
        pytest.param(
            "speed",
            "The goal 'speed' is unknown: choose accuracy, balanced, wrong=SHARE or "
            "coverage=SHARE.",
            id="unknown",
        ),
        pytest.param(
            "",
            "The goal '' is unknown: choose accuracy, balanced, wrong=SHARE or coverage=SHARE.",
            id="empty",
        ),
        pytest.param(
            "wrong",
            "The goal 'wrong' is unknown: choose accuracy, balanced, wrong=SHARE or "
            "coverage=SHARE.",
            id="no share",
        ),
        pytest.param(
            "accuracy=0.9",
            "The goal 'accuracy=0.9' is unknown: choose accuracy, balanced, wrong=SHARE or "
            "coverage=SHARE.",
            id="a share too many",
        ),
        pytest.param(
            "wrong=2",
            "The share of the goal wrong must be a number from 0 to 1.",
            id="a share above one",
        ),
        pytest.param(
            "coverage=nan",
            "The share of the goal coverage must be a number from 0 to 1.",
            id="a share of nan",
        ),
        pytest.param(
            "wrong=2%",
            "The share of the goal wrong must be a number from 0 to 1.",
            id="a percentage",
        ),
    ],
)
def test_a_bad_goal_ends_with_two_and_one_sentence(handoff, goal, sentence):
    """What may be chosen stands in the refusal."""
    assert handoff("eval", "cases.csv", "--goal", goal) == (2, "", f"handoff: {sentence}\n")


@pytest.mark.parametrize("threshold", ["2", "nan", "abc", ""])
@pytest.mark.parametrize("command", [["eval"], ["check", "--min-accuracy", "0"]])
def test_a_bad_threshold_ends_with_two_and_one_sentence(handoff, command, threshold):
    """Evaluations refuse what a route refuses."""
    name, *options = command

    assert handoff(name, "cases.csv", *options, "--threshold", threshold) == (
        2,
        "",
        "handoff: The threshold must be a number from -1 to 1.\n",
    )


def test_the_text_tells_figures_recommendation_losses_and_confusions(handoff):
    """The parts stand in this order."""
    code, out, err = handoff("eval", "cases.csv")

    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == (
        "19 of 24 cases end as labelled, 79.2 %, at the threshold 0.3 (the embedder's default)."
    )
    parts = [line for line in lines if line and not line.startswith(" ")][4:-1]
    assert parts == ["Recommended", "Where queries are lost", "Who gets whose queries"]


def test_a_saved_threshold_is_the_recommended_one(handoff, answer):
    """What is written beside the registry is what was recommended, with where it came from."""
    found = answer("eval", "cases.csv", "--goal", "balanced")["recommended"]

    saved = save(handoff, "--goal", "balanced")

    assert saved["threshold"] == found["threshold"]
    assert saved["found"]["goal"] == "balanced"
    assert saved["found"]["embedder"] == "scripted-embedder-1-64"
    assert saved["found"]["cases"] == found["held_out_cases"] == 12
    assert saved["found"]["accuracy"] == pytest.approx(found["accuracy"], abs=1e-4)


def test_a_saved_threshold_judges_the_next_route(handoff):
    """A route takes the saved threshold and says where it comes from."""
    saved = save(handoff)

    answered = json.loads(handoff("route", "--json", "rain wind")[1])

    assert (answered["threshold"], answered["threshold_source"]) == (saved["threshold"], "config")


def test_saving_says_where(handoff, folder):
    """The last note names threshold and file."""
    _, out, _ = handoff("eval", "cases.csv", "--save")

    threshold = tomllib.loads((folder / "handoff.toml").read_text())["threshold"]
    assert f"The threshold {threshold:.4g} was saved to handoff.toml." in out


def test_saving_says_where_in_json(answer):
    """It is a note as well."""
    answered = answer("eval", "cases.csv", "--save")

    threshold = answered["recommended"]["threshold"]
    assert answered["notes"] == [f"The threshold {threshold:.4g} was saved to handoff.toml."]


def test_saving_keeps_the_rest_of_the_policy(handoff, folder):
    """Margin, own thresholds and lexical help that a person chose stay."""
    (folder / "handoff.toml").write_text("margin = 0.01\nper_agent = true\nlexical_weight = 0.1\n")

    saved = save(handoff)

    assert (saved["margin"], saved["per_agent"], saved["lexical_weight"]) == (0.01, True, 0.1)


def test_without_save_nothing_is_written(handoff, folder):
    """An evaluation alone leaves no file."""
    handoff("eval", "cases.csv")

    assert not (folder / "handoff.toml").exists()


def test_saving_replaces_a_stale_file(handoff, folder):
    """The way that a refusal names leads out of it."""
    save(handoff)
    (folder / "agents.csv").write_text(OTHER_AGENTS)

    save(handoff)

    assert handoff("route", "rain wind sunshine")[0] == 0


def test_saving_alone_passes_a_stale_file_over(handoff, answer, folder):
    """What is to be replaced has no say; the embedder's default is compared with."""
    save(handoff)
    (folder / "agents.csv").write_text(OTHER_AGENTS)

    answered = answer("eval", "cases.csv", "--save")

    assert (answered["threshold"], answered["threshold_source"]) == (0.3, "embedder")


def test_saving_by_force_takes_a_stale_files_word(handoff, folder):
    """Whoever insists keeps the rest of the policy that the file holds."""
    (folder / "handoff.toml").write_text("margin = 0.01\n")
    save(handoff)
    (folder / "agents.csv").write_text(OTHER_AGENTS)

    assert save(handoff, "--force")["margin"] == 0.01


def test_saving_to_a_new_config_works(handoff, folder):
    """A file that is named and not there yet is made, and the one beside the registry stays."""
    (folder / "handoff.toml").write_text("threshold = 0.9\n")

    code, _, err = handoff("eval", "cases.csv", "--save", "--config", "new.toml")

    assert (code, err) == (0, "")
    assert "threshold" in tomllib.loads((folder / "new.toml").read_text())
    assert (folder / "handoff.toml").read_text() == "threshold = 0.9\n"


def test_a_config_that_is_missing_is_an_error_unless_it_is_to_be_written(handoff):
    """Only `--save` may name a file that does not exist."""
    code, out, err = handoff("eval", "cases.csv", "--config", "new.toml")

    assert (code, out) == (2, "")
    assert err == (
        "handoff: new.toml cannot be read (No such file or directory): name a TOML file.\n"
    )


def test_a_config_that_cannot_be_written_ends_with_two_and_one_sentence(handoff):
    """A folder that does not exist is told, and no figures are printed as if all went well."""
    code, out, err = handoff("eval", "cases.csv", "--save", "--config", "none/new.toml")

    assert (code, out) == (2, "")
    assert err.startswith("handoff: none/new.toml cannot be written (")
    assert err.count("\n") == 1


def test_too_few_cases_to_recommend_are_not_saved(handoff, folder):
    """Nine cases give figures, but no threshold to save."""
    write("few.csv", CASES[::3][:9])

    assert handoff("eval", "few.csv")[0] == 0
    assert handoff("eval", "few.csv", "--save") == (
        2,
        "",
        "handoff: There are too few cases to recommend a threshold: nothing was saved.\n",
    )
    assert not (folder / "handoff.toml").exists()


def test_what_a_file_cannot_hold_is_not_saved(handoff, folder):
    """A threshold found without the tag filter would be used with it."""
    code, out, err = handoff("eval", "cases.csv", "--no-tags", "--save")

    assert (code, out) == (2, "")
    assert err == (
        "handoff: handoff.toml does not say whether the tag filter is on: leave --no-tags out to "
        "save.\n"
    )
    assert not (folder / "handoff.toml").exists()


STALE_COMMANDS = [
    pytest.param(["route", "rain wind sunshine"], id="route"),
    pytest.param(["eval", "cases.csv"], id="eval"),
    pytest.param(["check", "cases.csv", "--min-accuracy", "0"], id="check"),
    pytest.param(["compare", "agents.csv", "other.csv", "cases.csv"], id="compare"),
]


@pytest.mark.parametrize("command", STALE_COMMANDS)
def test_a_threshold_of_another_registry_is_refused(handoff, folder, command):
    """After an edit of the registry every command names the reason and the two ways out."""
    save(handoff)
    (folder / "agents.csv").write_text(AGENTS.replace("Rain wind", "Rain storm wind"))

    code, out, err = handoff(*command)

    assert (code, out) == (2, "")
    assert err == (
        "handoff: handoff.toml: its threshold was found on another registry, or on this one "
        "before it was edited: find one again with `handoff eval CASES --save`, or force this one "
        "with --force.\n"
    )


@pytest.mark.parametrize("command", STALE_COMMANDS)
def test_a_threshold_of_another_embedder_is_refused(handoff, monkeypatch, command):
    """Scores of two embedders do not compare, and both are named."""
    save(handoff)
    monkeypatch.setenv("HANDOFF_EMBEDDER", "local")

    code, out, err = handoff(*command)

    assert (code, out) == (2, "")
    assert err.startswith(
        "handoff: handoff.toml: its threshold was found with the embedder "
        "'scripted-embedder-1-64', not with 'wordllama-"
    )
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", STALE_COMMANDS)
def test_a_stale_threshold_passes_when_it_is_forced(handoff, folder, command):
    """Who insists is believed."""
    save(handoff)
    (folder / "agents.csv").write_text(AGENTS.replace("Rain wind", "Rain storm wind"))

    code, out, err = handoff(*command, "--force")

    assert (code, err) == (0, "")
    assert out


def test_a_forced_threshold_is_the_one_that_judges(handoff, answer, folder):
    """Forcing takes the stale file's word, and not the default's."""
    saved = save(handoff)
    (folder / "agents.csv").write_text(OTHER_AGENTS)

    answered = answer("eval", "cases.csv", "--force")

    assert (answered["threshold"], answered["threshold_source"]) == (saved["threshold"], "config")


def test_an_agents_own_threshold_may_change_without_making_a_file_stale(handoff, folder):
    """Own thresholds are no part of what a common one stands on."""
    save(handoff)
    (folder / "agents.csv").write_text(AGENTS.replace("0.9", "0.8"))

    assert handoff("eval", "cases.csv")[0] == 0


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        pytest.param(
            "threshhold = 0.3",
            "handoff.toml: unknown key 'threshhold', it may hold threshold, margin, per_agent, "
            "lexical_weight and found.",
            id="a key",
        ),
        pytest.param(
            '[found]\nauthor = "me"',
            "handoff.toml: the table found has an unknown key 'author', it may hold date, "
            "embedder, registry, goal, cases, accuracy and coverage.",
            id="a key of the table",
        ),
    ],
)
def test_an_unknown_key_of_handoff_toml_is_named(handoff, folder, table, sentence):
    """A mistyped key is an error of an evaluation as of a route."""
    (folder / "handoff.toml").write_text(table)

    assert handoff("eval", "cases.csv") == (2, "", f"handoff: {sentence}\n")


def test_a_check_that_holds_ends_with_zero(handoff):
    """Each requirement is a line, with its figure."""
    assert handoff("check", "cases.csv", "--min-accuracy", "0.79", "--max-wrong", "0.084") == (
        0,
        (
            "passed  Accuracy 79.17 %, required at least 79.00 %.\n"
            "passed  To somebody wrong 8.33 %, allowed 8.40 %.\n"
        ),
        "",
    )


def test_a_check_that_falls_short_by_little_shows_it(handoff):
    """A figure that fails its requirement never reads the same."""
    code, out, _ = handoff("check", "cases.csv", "--min-accuracy", "0.79167")

    assert code == 1
    assert out == "FAILED  Accuracy 79.1667 %, required at least 79.1670 %.\n"


@pytest.mark.parametrize(
    ("arguments", "failed"),
    [
        pytest.param(["--min-accuracy", "0.8"], ["Accuracy"], id="accuracy"),
        pytest.param(["--max-wrong", "0.08"], ["To"], id="wrong"),
        pytest.param(["--min-accuracy", "0.8", "--max-wrong", "0.5"], ["Accuracy"], id="one of"),
        pytest.param(["--min-accuracy", "1", "--max-wrong", "0"], ["Accuracy", "To"], id="both"),
    ],
)
def test_a_check_that_falls_short_ends_with_one(handoff, arguments, failed):
    """It is no error: nothing stands on standard error, and what falls short is marked."""
    code, out, err = handoff("check", "cases.csv", *arguments)

    assert (code, err) == (1, "")
    assert [line.split()[1] for line in out.splitlines() if line.startswith("FAILED")] == failed


def test_a_requirement_that_is_just_met_holds(handoff):
    """A share of 5 in 6 meets 5 in 6: limits are inclusive."""
    write("six.csv", [("rain wind", "weather")] * 5 + [("rain wind", "")])

    code, out, _ = handoff("check", "six.csv", "--min-accuracy", str(5 / 6), "--max-wrong", "0.5")

    assert code == 0
    assert "Accuracy 83.33 %, required at least 83.33 %." in out


def test_a_row_that_failed_counts_against_the_accuracy(handoff):
    """A check does not pass by leaving out what it cannot read."""
    write("some.csv", [("rain wind", "weather"), ("a shave", "barber")])

    code, out, _ = handoff("check", "some.csv", "--min-accuracy", "0.6")

    assert code == 1
    assert "some.csv, line 3, column 2 (expected): no agent has the id 'barber'." in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(
            [],
            "Nothing is required: give --min-accuracy, --max-wrong or both.",
            id="nothing required",
        ),
        pytest.param(
            ["--min-accuracy", "90"],
            "--min-accuracy must be a number from 0 to 1.",
            id="a percentage",
        ),
        pytest.param(
            ["--max-wrong", "few"],
            "--max-wrong must be a number from 0 to 1.",
            id="a word",
        ),
    ],
)
def test_a_check_that_makes_no_sense_ends_with_two(handoff, arguments, sentence):
    """An error is told apart from falling short."""
    assert handoff("check", "cases.csv", *arguments) == (2, "", f"handoff: {sentence}\n")


@pytest.mark.parametrize(("least", "failures"), [("0.5", 0), ("0.9", 1)])
def test_a_check_writes_junit_whether_it_holds_or_not(handoff, folder, least, failures):
    """A CI finds one test case a requirement, and the failures among them."""
    code, _, _ = handoff(
        "check", "cases.csv", "--min-accuracy", least, "--max-wrong", "1", "--junit", "out.xml"
    )

    suite = ET.fromstring((folder / "out.xml").read_bytes())  # noqa: S314 - our own file
    assert code == failures
    assert (suite.tag, suite.get("tests"), suite.get("failures")) == (
        "testsuite",
        "2",
        str(failures),
    )
    assert len(suite.findall("testcase")) == 2
    assert len(suite.findall("testcase/failure")) == failures


def test_junit_that_cannot_be_written_ends_with_two_and_one_sentence(handoff):
    """A gate whose report is lost does not pass."""
    code, out, err = handoff("check", "cases.csv", "--min-accuracy", "0", "--junit", "none/out.xml")

    assert (code, out) == (2, "")
    assert err == (
        "handoff: none/out.xml cannot be written (No such file or directory): choose another "
        "place.\n"
    )


def test_compare_lists_the_flips(handoff):
    """Figures, the test, then the cases by what became of them."""
    code, out, err = handoff("compare", "agents.csv", "other.csv", "cases.csv")

    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert re.fullmatch(
        r"Accuracy 79\.2 % before, \d+\.\d % after \(-\d+\.\d points\), on 24 cases\.", lines[0]
    )
    assert "McNemar's exact test, p = " in lines[1]
    assert "Worse" in lines
    assert "  soil  [garden]  garden \u2192 nobody" in lines


def test_compare_in_json_agrees_with_two_evaluations(answer):
    """Each side's figures are those of evaluating that registry alone."""
    compared = answer("compare", "agents.csv", "other.csv", "cases.csv")

    for side, registry in (("before", "agents.csv"), ("after", "other.csv")):
        alone = answer("eval", "cases.csv", "--registry", registry)
        assert compared[side].items() <= (alone | {"agents": 3}).items()


def test_flips_account_for_the_change_of_accuracy(answer):
    """Better less worse is the difference of cases that end well."""
    compared = answer("compare", "agents.csv", "other.csv", "cases.csv")

    before, after = (
        compared[side]["right"] + compared[side]["refused"] for side in ("before", "after")
    )
    assert compared["better"] - compared["worse"] == after - before != 0
    assert len(compared["flips"]) == compared["better"] + compared["worse"] + compared["neither"]


def test_a_flip_names_query_label_line_and_both_ends(answer):
    """A row is enough to find the case again."""
    flips = answer("compare", "agents.csv", "other.csv", "cases.csv")["flips"]

    assert {
        "flip": "worse",
        "query": "soil",
        "expected": "garden",
        "before": "garden",
        "after": None,
        "line": 17,
    } in flips


def test_a_registry_compared_with_itself_has_no_flips(answer):
    """Nothing changes, and the test says that chance explains it."""
    compared = answer("compare", "agents.csv", "agents.csv", "cases.csv")

    assert compared["flips"] == []
    assert compared["p_value"] == 1
    assert compared["before"] == compared["after"]


def test_the_order_of_a_registry_is_no_change(answer, folder):
    """The same agents in another order get the same queries, by id."""
    header, *rows = AGENTS.splitlines()
    (folder / "turned.csv").write_text("\n".join([header, *reversed(rows)]))

    compared = answer("compare", "agents.csv", "turned.csv", "cases.csv")

    assert compared["flips"] == []


def test_the_p_value_is_mcnemars(answer, folder):
    """Six worse and none better are as likely as 2 in 64."""
    (folder / "gone.csv").write_text(without("garden"))
    write("soil.csv", [(f"soil roses tulips {at}", "garden") for at in range(6)])

    compared = answer("compare", "agents.csv", "gone.csv", "soil.csv")

    assert (compared["better"], compared["worse"]) == (0, 6)
    assert compared["p_value"] == pytest.approx(2 / 64)


def test_an_agent_that_only_the_second_registry_has_may_be_expected(answer, folder):
    """A new agent's cases are wrong or missed before, and better after."""
    (folder / "more.csv").write_text(f"{AGENTS}chess,Chess Desk,Quantum chess,,\n")
    write("chess.csv", [("quantum chess", "chess"), ("rain wind", "weather")])

    compared = answer("compare", "agents.csv", "more.csv", "chess.csv")

    assert (compared["before"]["missed"], compared["after"]["missed"]) == (1, 0)
    assert compared["flips"] == [
        {
            "flip": "better",
            "query": "quantum chess",
            "expected": "chess",
            "before": None,
            "after": "chess",
            "line": 2,
        }
    ]


def test_an_agent_that_only_the_first_registry_has_may_be_expected(answer, folder):
    """An agent that was removed loses its cases."""
    (folder / "fewer.csv").write_text(without("money"))

    compared = answer("compare", "agents.csv", "fewer.csv", "cases.csv")

    lost = [flip for flip in compared["flips"] if flip["before"] == "money"]
    assert len(lost) >= 4
    assert {flip["after"] for flip in lost} <= {None, "weather", "garden"}


@pytest.mark.parametrize(
    "form",
    [
        pytest.param([], id="text"),
        pytest.param(["--json"], id="JSON"),
        pytest.param(["--markdown"], id="Markdown"),
    ],
)
def test_a_row_that_failed_is_told_by_a_comparison(handoff, form):
    """A comparison over fewer cases than the file has says so, whatever its form."""
    write("some.csv", [*CASES, ("a shave", "barber")])

    code, out, _ = handoff("compare", "agents.csv", "other.csv", "some.csv", *form)

    assert code == 0
    assert "no agent has the id 'barber'" in out.replace("\\", "")


def test_a_comparison_in_json_tells_failures_and_notes_apart(answer):
    """Every row that failed is in the one, whatever is wrong with the set in the other."""
    odd = [("a shave", f"barber {at}") for at in range(5)]
    write("some.csv", [*CASES, CASES[0], *odd])

    compared = answer("compare", "agents.csv", "other.csv", "some.csv")

    assert len(compared["failures"]) == 5
    assert compared["notes"] == [
        *compared["failures"][:3],
        "And 2 more rows cannot be used.",
        "1 line repeats an earlier one: it counts twice.",
    ]


def test_a_sound_set_has_no_failures_and_no_notes(answer):
    """Both lists are there and empty."""
    for command in (["eval"], ["compare", "agents.csv", "other.csv"]):
        answered = answer(*command, "cases.csv")

        assert (answered["failures"], answered["notes"]) == ([], [])


def test_markdown_and_json_at_once_are_refused(handoff):
    """There is one standard output."""
    command = ["compare", "agents.csv", "other.csv", "cases.csv", "--markdown", "--json"]

    assert handoff(*command) == (
        2,
        "",
        "handoff: --markdown and --json exclude each other: leave one of them out.\n",
    )


HOSTILE = (
    "roses | soil",
    "roses `code` soil",
    "roses <b>soil</b>",
    "roses soil @someone",
    "roses soil [link](https://example.com)",
    "roses soil https://example.com and www.example.com",
    "![picture](//example.com/x.png) roses soil",
    "roses soil *bold* _thin_ ~~gone~~ \\| &amp;",
)


def markdown_rows(out):
    """Return the cells of a flip's rows, as a parser of tables would split them."""
    start = out.index("| query |")
    lines = out[start:].splitlines()[2:]
    return [
        re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1]
        for line in lines
        if line.startswith("| ") and not line.startswith("| query")
    ]


def test_queries_stay_text_in_markdown(handoff, folder):
    """No query breaks out of its cell, and none becomes markup, a link or a mention."""
    (folder / "fewer.csv").write_text(without("garden"))
    write("hostile.csv", [(query, "garden") for query in HOSTILE])

    code, out, err = handoff(
        "compare", "agents.csv", "fewer.csv", "hostile.csv", "--markdown", "--threshold", "0.1"
    )

    assert (code, err) == (0, "")
    rows = markdown_rows(out)
    assert len(rows) == len(HOSTILE)
    assert all(len(cells) == 4 for cells in rows)
    unescaped = re.sub(r"\\[!-/:-@\[-`{-~]", "", "".join(cells[0] for cells in rows))
    assert not re.search(r"[<>`*_~\[\]()@|&\\]", unescaped)
    for live in ("@someone", "https://", "www."):
        assert live not in out.replace("\\", "")


def test_ids_stay_text_in_markdown(handoff, folder):
    """An agent's id is as little to be trusted as a query."""
    name = "<b>@garden|`x`"
    (folder / "odd.csv").write_text(AGENTS.replace("garden,", f"{name},"))

    code, out, err = handoff("compare", "agents.csv", "odd.csv", "cases.csv", "--markdown")

    assert (code, err) == (0, "")
    rows = markdown_rows(out)
    assert any("garden" in cells[3] for cells in rows)
    assert all(len(cells) == 4 for cells in rows)
    assert "<b>" not in out
    assert "@garden" not in out


def test_markdown_folds_the_flips_away(handoff):
    """A pull request shows the figures, and the cases on request."""
    _, out, _ = handoff("compare", "agents.csv", "other.csv", "cases.csv", "--markdown")

    assert out.startswith("### Routing, before and after\n")
    assert out.count("<details>") == out.count("</details>") > 0
    assert "| accuracy | 79.2 % |" in out


def test_a_contradiction_is_named_by_both_lines(handoff):
    """The query that two lines label otherwise is not repeated, its lines are."""
    write("twice.csv", [*CASES, ("rain wind", "garden")])

    code, out, err = handoff("eval", "twice.csv")

    assert (code, err) == (0, "")
    assert "Line 26 labels the query of line 5 otherwise: keep one of them." in out


def test_repetitions_are_counted(handoff):
    """A line that stands twice counts twice, and that is told."""
    write("twice.csv", [*CASES, CASES[0], CASES[1]])

    _, out, _ = handoff("eval", "twice.csv")

    assert "2 lines repeat earlier ones: each counts again." in out


def test_an_unknown_agent_is_named_with_its_line(handoff, answer):
    """The rest is evaluated, the row counts as failed."""
    write("some.csv", [("a shave", "barber"), *CASES])

    code, out, _ = handoff("eval", "some.csv")

    sentence = "some.csv, line 2, column 2 (expected): no agent has the id 'barber'."
    assert code == 0
    assert sentence in out
    answered = answer("eval", "some.csv")
    assert (answered["failures"], answered["notes"]) == ([sentence], [sentence])


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["eval", "none.csv"], id="eval"),
        pytest.param(["check", "none.csv", "--min-accuracy", "0"], id="check"),
        pytest.param(["compare", "agents.csv", "other.csv", "none.csv"], id="compare"),
    ],
)
def test_cases_that_all_failed_are_told_by_the_first_line(handoff, command):
    """There is nothing to evaluate; whoever mistyped a label learns where."""
    write("none.csv", [(f"{SECRET} shave", "barber"), (f"{SECRET} trim", "hairdresser")])

    assert handoff(*command) == (
        2,
        "",
        "handoff: none.csv, line 2, column 2 (expected): no agent has the id 'barber'.\n",
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(
            b"", "bad.csv is empty: its first line must be query,expected.", id="an empty file"
        ),
        pytest.param(
            b"query,expected\n",
            "bad.csv has a header but no case: add a row for each query.",
            id="a header only",
        ),
        pytest.param(
            b"query\nrain zanzibar\n",
            "bad.csv, line 1, column 2 (expected): the header lacks this column, it must name "
            "query, expected.",
            id="no labels",
        ),
        pytest.param(
            b'query,expected\n"rain zanzibar,weather\n',
            "bad.csv, line 2, column 1: the quote that opens the cell is never closed, close it.",
            id="an open quote",
        ),
        pytest.param(
            b"query,expected\nrain zanzibar,weather,much,more\n",
            "bad.csv, line 2, column 3: the row has 4 cells where the header has 2, quote a cell "
            "that holds a comma.",
            id="too many cells",
        ),
        pytest.param(
            b"query,expected\nzanzibar \xff,weather\n",
            "bad.csv, line 2, column 1: the cell is not UTF-8, save the file as CSV (UTF-8).",
            id="not UTF-8",
        ),
        pytest.param(
            b"PK\x03\x04",
            "bad.csv is a ZIP archive or a spreadsheet: save it as CSV (UTF-8).",
            id="a spreadsheet",
        ),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["eval", "bad.csv"], id="eval"),
        pytest.param(["check", "bad.csv", "--min-accuracy", "0"], id="check"),
        pytest.param(["compare", "agents.csv", "other.csv", "bad.csv"], id="compare"),
    ],
)
def test_bad_cases_end_with_two_and_one_sentence(handoff, folder, command, content, sentence):
    """The place is named, and no query is repeated."""
    (folder / "bad.csv").write_bytes(content)

    assert handoff(*command) == (2, "", f"handoff: {sentence}\n")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        pytest.param("none.csv", "none.csv does not exist: name a CSV file.", id="missing"),
        pytest.param("sub", "sub is a folder: name a CSV file.", id="a folder"),
        pytest.param("/dev/null", "/dev/null is no regular file: name a CSV file.", id="a device"),
    ],
)
def test_cases_that_cannot_be_read_end_with_two(handoff, folder, path, sentence):
    """What stands in the way is named."""
    (folder / "sub").mkdir()

    assert handoff("eval", path) == (2, "", f"handoff: {sentence}\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_cases_without_permission_end_with_two(handoff, folder):
    """A file that may not be read is told with the system's reason."""
    (folder / "cases.csv").chmod(0)

    code, out, err = handoff("eval", "cases.csv")

    assert (code, out) == (2, "")
    assert err == "handoff: cases.csv cannot be read (Permission denied): name a CSV file.\n"


@pytest.mark.parametrize(
    "missing", [["none.csv", "agents.csv"], ["agents.csv", "none.csv"]], ids=["first", "second"]
)
def test_a_compared_registry_that_is_missing_ends_with_two(handoff, missing):
    """Either registry is named if it is the one that is not there."""
    assert handoff("compare", *missing, "cases.csv") == (
        2,
        "",
        "handoff: none.csv does not exist: name a CSV file.\n",
    )


@pytest.mark.parametrize(
    ("rows", "none"),
    [
        pytest.param([("rain wind", "weather")], ["auroc"], id="one case"),
        pytest.param([("quantum chess", "")], ["auroc", "top1", "kept"], id="one case of nobody"),
        pytest.param(
            [(query, "") for query, _ in CASES],
            ["auroc", "top1", "top1_unfiltered", "kept", "false_positives_at_95"],
            id="all nobody",
        ),
        pytest.param(
            [(f"rain wind {at}", "weather") for at in range(20)], ["auroc"], id="all one agent"
        ),
        pytest.param(
            [(f"quantum chess {at}", "") for at in range(20)],
            ["auroc", "precision"],
            id="all refused",
        ),
    ],
)
def test_a_lopsided_set_is_evaluated(handoff, answer, rows, none):
    """Figures that do not exist are null in JSON, and the text says no more than is known."""
    write("odd.csv", rows)

    answered = answer("eval", "odd.csv")
    code, out, err = handoff("eval", "odd.csv")

    assert {key: answered[key] for key in none} == dict.fromkeys(none)
    assert sum(answered[key] for key in SIX) == len(rows)
    assert (answered["recommended"] is None) == (len(rows) < 10)
    assert (code, err) == (0, "")
    assert ("No recommendation" in out) == (len(rows) < 10)


def test_one_agent_alone_is_evaluated(answer, folder):
    """Without a runner-up every lead is large enough."""
    (folder / "agents.csv").write_text("id,name,description,tags\nweather,Weather,Rain wind,\n")
    write("few.csv", [(query, label) for query, label in CASES if label in {"", "weather"}])

    answered = answer("eval", "few.csv", "--threshold", "-1")

    assert (answered["right"], answered["taken"]) == (6, 6)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["eval", "cases.csv"], id="eval"),
        pytest.param(["check", "cases.csv", "--min-accuracy", "0"], id="check"),
        pytest.param(["compare", "agents.csv", "other.csv", "cases.csv"], id="compare"),
    ],
)
def test_too_many_cases_for_so_many_agents_are_refused(handoff, monkeypatch, command):
    """Before anything is gathered, the sentence says how many cases fit."""
    monkeypatch.setattr(evaluation_run, "MOST_CELLS", 60)

    assert handoff(*command) == (
        2,
        "",
        (
            "handoff: 24 cases on 3 agents are more than can be analysed at once: use at most 20 "
            "cases.\n"
        ),
    )


def test_as_many_cases_as_fit_are_evaluated(handoff, monkeypatch):
    """The limit itself is allowed."""
    monkeypatch.setattr(evaluation_run, "MOST_CELLS", 72)

    assert handoff("eval", "cases.csv")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["eval"], "CASES", id="no cases"),
        pytest.param(["check"], "CASES", id="no cases to check"),
        pytest.param(["compare", "agents.csv", "other.csv"], "CASES", id="no cases to compare"),
        pytest.param(["eval", "cases.csv", "--loud"], "--loud", id="an unknown option"),
        pytest.param(["eval", "cases.csv", "more.csv"], "more.csv", id="a file too many"),
    ],
)
def test_a_wrong_call_of_an_evaluation_ends_with_two(handoff, arguments, named):
    """A wrong argument is named in one line on standard error."""
    code, out, err = handoff(*arguments)

    assert (code, out) == (2, "")
    assert err.startswith("handoff: ")
    assert named in err
    assert err.count("\n") == 1


def press_ctrl_c(monkeypatch, at_part):
    """Interrupt the main thread, as a terminal does, when this part is asked for."""
    asked = []
    gather_many = Router.gather_many

    async def gather(self, queries, trace):
        asked.append(len(queries))
        if len(asked) == at_part:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return await gather_many(self, queries, trace)

    monkeypatch.setattr(Router, "gather_many", gather)


def many_queries():
    """Return more queries than are gathered at once."""
    return [f"{SECRET} rain {at}" for at in range(MANY)]


def many_cases():
    """Write them as cases."""
    write("many.csv", [(query, "weather") for query in many_queries()])


@pytest.mark.parametrize(
    ("command", "total"),
    [
        pytest.param(["eval", "many.csv"], 250, id="eval"),
        pytest.param(["check", "many.csv", "--min-accuracy", "0"], 250, id="check"),
        pytest.param(["compare", "agents.csv", "other.csv", "many.csv"], 500, id="compare"),
    ],
)
def test_ctrl_c_says_how_far_it_came(handoff, monkeypatch, server, command, total):
    """An interrupted run ends with two and one sentence, and prints no figures."""
    many_cases()
    server.embeddings_delay_seconds = 0.2
    press_ctrl_c(monkeypatch, 2)

    assert handoff(*command) == (
        2,
        "",
        (
            f"handoff: Stopped, with 100 of {total} cases gathered: they are in the cache, run it "
            "again to go on.\n"
        ),
    )


def test_after_ctrl_c_only_the_rest_is_asked_for(handoff, answer, monkeypatch, server):
    """What was paid for once is not paid for again."""
    many_cases()
    server.embeddings_delay_seconds = 0.2
    with monkeypatch.context() as patched:
        press_ctrl_c(patched, 2)
        handoff("eval", "many.csv")
    server.embeddings_delay_seconds = 0.0
    server.clear()

    answered = answer("eval", "many.csv")

    asked = [text for request in server.requests for text in request.body["input"]]
    assert answered["cases"] == MANY
    assert answered["failed"] == 0
    assert sorted(asked) == sorted(many_queries()[100:])


def test_an_evaluation_that_is_repeated_asks_for_nothing(answer, server):
    """Everything is in the cache."""
    first = answer("eval", "cases.csv")
    server.clear()

    again = answer("eval", "cases.csv")

    assert server.requests == []
    assert again | {"seconds": 0} == first | {"seconds": 0}


def test_a_real_interrupt_of_the_command_leaves_one_line(folder, server):
    """The installed command, interrupted while it waits, ends with two and without a traceback."""
    many_cases()
    server.embeddings_delay_seconds = 30.0
    with subprocess.Popen(
        [COMMAND, "eval", "many.csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        text=True,
    ) as process:
        while not server.requests:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (2, "")
    assert err == ("handoff: Stopped before the first of 250 cases was gathered: run it again.\n")


INTERRUPTED = """
import asyncio, os, signal, sys

from handoff.cli import main
from handoff.providers.scripted import ScriptedEmbedder


async def embed(self, texts):
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(60)


ScriptedEmbedder.embed = embed
sys.argv = ["handoff", "eval", "cases.csv"]
main()
"""


def test_an_interrupt_without_a_connection_leaves_one_line(folder):
    """The embedded model's providers have nothing to close, and still leave no traceback."""
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "handoff: Stopped before the first of 24 cases was gathered: run it again.\n"
    )


def test_a_part_that_failed_is_counted_and_told(handoff, answer, server):
    """A provider that refuses one part leaves the figures of the others."""
    many_cases()
    answer("eval", "cases.csv")
    server.clear()
    server.fail(EMBEDDINGS, "bad_request")

    code, out, err = handoff("eval", "many.csv")

    assert (code, err) == (0, "")
    assert "failed 100." in out
    assert "100 cases could not be gathered: The server of OPENAI_BASE_URL refused" in out


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["eval", "many.csv"], id="eval"),
        pytest.param(["check", "many.csv", "--min-accuracy", "0"], id="check"),
        pytest.param(["compare", "agents.csv", "other.csv", "many.csv"], id="compare"),
    ],
)
def test_a_provider_that_refuses_everything_ends_with_two(handoff, server, command):
    """Its reason is the sentence, and no query stands in it."""
    many_cases()
    server.fail(EMBEDDINGS, "unauthorized", times=None)

    code, out, err = handoff(*command)

    assert (code, out) == (2, "")
    assert "refused the key: check OPENAI_API_KEY" in err
    assert err.count("\n") == 1
    assert SECRET not in err


def test_a_set_of_thousands_is_evaluated_with_the_embedded_model(answer, data, monkeypatch):
    """A public set runs through the whole command, and its counts add up."""
    monkeypatch.delenv("HANDOFF_EMBEDDER")
    monkeypatch.delenv("HANDOFF_TAGGER")
    folder = data / "metatool"

    answered = answer("eval", str(folder / "cases.csv"), "--registry", str(folder / "agents.csv"))

    assert answered["cases"] == sum(answered[key] for key in SIX) > 1_000
    assert len(answered["failures"]) == answered["failed"] < 5
    assert answered["recommended"]["more_cases"] == 0
