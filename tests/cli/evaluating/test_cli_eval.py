"""An evaluation on the command line: its figures, its goals, what it recommends."""

import json
import re

import pytest
from labelled_desks import CASES, write

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
    assert "holds on the half that it was chosen on" not in out
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
    ("goal", "named"),
    [
        pytest.param("speed", "'speed' is unknown: choose accuracy", id="unknown"),
        pytest.param("", "'' is unknown: choose accuracy", id="empty"),
        pytest.param("wrong", "'wrong' is unknown: choose accuracy", id="no share"),
        pytest.param("accuracy=0.9", "'accuracy=0.9' is unknown", id="a share too many"),
        pytest.param("wrong=2", "goal wrong must be a number", id="a share above one"),
        pytest.param("coverage=nan", "goal coverage must be a number", id="a share of nan"),
        pytest.param("wrong=2%", "goal wrong must be a number", id="a percentage"),
    ],
)
def test_a_bad_goal_ends_with_two_and_one_sentence(refused, goal, named):
    """What may be chosen stands in the refusal."""
    refused(named, "eval", "cases.csv", "--goal", goal)


@pytest.mark.parametrize("threshold", ["2", "nan", "abc", ""])
@pytest.mark.parametrize("command", [["eval"], ["check", "--min-accuracy", "0"]])
def test_a_bad_threshold_ends_with_two_and_one_sentence(refused, command, threshold):
    """Evaluations refuse what a route refuses."""
    name, *options = command

    refused("The threshold must be", name, "cases.csv", *options, "--threshold", threshold)


def test_the_text_tells_figures_recommendation_losses_and_confusions(handoff):
    """The parts stand in this order."""
    code, out, err = handoff("eval", "cases.csv")

    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == (
        "19 of 24 cases end as labelled, 79.2 %, at the threshold 0.3 (the embedder's default)."
    )
    parts = [line for line in lines if line and not line.startswith(" ")][4:-1]
    assert [part.split()[0] for part in parts] == ["Recommended", "Where", "Confusions,"]


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


def test_a_set_of_thousands_is_evaluated_with_the_embedded_model(answer, data, monkeypatch):
    """A public set runs through the whole command, and its counts add up."""
    monkeypatch.setenv("HANDOFF_EMBEDDER", "local-fast")
    monkeypatch.delenv("HANDOFF_TAGGER")
    folder = data / "metatool"

    answered = answer("eval", str(folder / "cases.csv"), "--registry", str(folder / "agents.csv"))

    assert answered["cases"] == sum(answered[key] for key in SIX) > 1_000
    assert len(answered["failures"]) == answered["failed"] < 5
    assert answered["recommended"]["more_cases"] == 0
