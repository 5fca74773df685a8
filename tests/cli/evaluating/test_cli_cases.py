"""Sets of cases that contradict themselves, are too large, or cannot be read."""

import os

import pytest
from labelled_desks import CASES, SECRET, write

from handoff.evaluation import run as evaluation_run


def test_a_contradiction_is_named_by_both_lines(handoff):
    """The query that two lines label otherwise is not repeated, its lines are."""
    write("twice.csv", [*CASES, ("rain wind", "garden")])

    code, out, err = handoff("eval", "twice.csv")

    assert (code, err) == (0, "")
    assert "Line 26 labels the query of line 5" in out


def test_repetitions_are_counted(handoff):
    """A line that stands twice counts twice, and that is told."""
    write("twice.csv", [*CASES, CASES[0], CASES[1]])

    _, out, _ = handoff("eval", "twice.csv")

    assert "2 lines repeat" in out


def test_an_unknown_agent_is_named_with_its_line(handoff, answer):
    """The rest is evaluated, the row counts as failed."""
    write("some.csv", [("a shave", "barber"), *CASES])

    code, out, _ = handoff("eval", "some.csv")

    place = "some.csv, line 2, column 2 (expected)"
    assert code == 0
    assert place in out
    answered = answer("eval", "some.csv")
    (failure,) = answered["failures"]
    assert failure.startswith(place)
    assert answered["notes"] == [failure]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["eval", "none.csv"], id="eval"),
        pytest.param(["check", "none.csv", "--min-accuracy", "0"], id="check"),
        pytest.param(["compare", "agents.csv", "other.csv", "none.csv"], id="compare"),
    ],
)
def test_cases_that_all_failed_are_told_by_the_first_line(refused, command):
    """There is nothing to evaluate; whoever mistyped a label learns where."""
    write("none.csv", [(f"{SECRET} shave", "barber"), (f"{SECRET} trim", "hairdresser")])

    assert SECRET not in refused("none.csv, line 2, column 2 (expected)", *command)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        pytest.param(b"", "bad.csv is empty", id="an empty file"),
        pytest.param(
            b"query,expected\n",
            "bad.csv has a header",
            id="a header only",
        ),
        pytest.param(
            b"query\nrain zanzibar\n",
            "bad.csv, line 1, column 2 (expected)",
            id="no labels",
        ),
        pytest.param(
            b'query,expected\n"rain zanzibar,weather\n',
            "bad.csv, line 2, column 1",
            id="an open quote",
        ),
        pytest.param(
            b"query,expected\nrain zanzibar,weather,much,more\n",
            "bad.csv, line 2, column 3",
            id="too many cells",
        ),
        pytest.param(
            b"query,expected\nzanzibar \xff,weather\n",
            "bad.csv, line 2, column 1",
            id="not UTF-8",
        ),
        pytest.param(
            b"PK\x03\x04",
            "bad.csv is a ZIP",
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
def test_bad_cases_end_with_two_and_one_sentence(refused, folder, command, content, named):
    """The place is named, and no query is repeated."""
    (folder / "bad.csv").write_bytes(content)

    assert SECRET not in refused(named, *command)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("none.csv", id="missing"),
        pytest.param("sub", id="a folder"),
        pytest.param("/dev/null", id="a device"),
    ],
)
def test_cases_that_cannot_be_read_end_with_two(refused, folder, path):
    """What stands in the way is named."""
    (folder / "sub").mkdir()

    refused(path, "eval", path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_cases_without_permission_end_with_two(refused, folder):
    """A file that may not be read is told with the system's reason."""
    (folder / "cases.csv").chmod(0)

    refused("cases.csv cannot be read", "eval", "cases.csv")


@pytest.mark.parametrize(
    "missing", [["none.csv", "agents.csv"], ["agents.csv", "none.csv"]], ids=["first", "second"]
)
def test_a_compared_registry_that_is_missing_ends_with_two(refused, missing):
    """Either registry is named if it is the one that is not there."""
    refused("none.csv", "compare", *missing, "cases.csv")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["eval", "cases.csv"], id="eval"),
        pytest.param(["check", "cases.csv", "--min-accuracy", "0"], id="check"),
        pytest.param(["compare", "agents.csv", "other.csv", "cases.csv"], id="compare"),
    ],
)
def test_too_many_cases_for_so_many_agents_are_refused(refused, monkeypatch, command):
    """Before anything is gathered, the sentence says how many cases fit."""
    monkeypatch.setattr(evaluation_run, "MOST_CELLS", 60)

    assert "24 cases on 3 agents" in refused("at most 20 cases", *command)


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
