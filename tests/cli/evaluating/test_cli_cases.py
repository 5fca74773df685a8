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
    assert "Line 26 labels the query of line 5 differently: keep one of them." in out


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
