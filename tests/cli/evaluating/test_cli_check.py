"""An evaluation as a gate: what it requires, and how it ends."""

from xml.etree import ElementTree as ET

import pytest
from labelled_desks import write


def test_a_check_that_holds_ends_with_zero(handoff):
    """Each requirement is a line, with its figure."""
    assert handoff("check", "cases.csv", "--min-accuracy", "0.79", "--max-wrong", "0.084") == (
        0,
        (
            "passed  Accuracy 79.17 %, required at least 79.00 %.\n"
            "passed  Wrong hand-offs 8.33 %, allowed 8.40 %.\n"
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
        pytest.param(["--max-wrong", "0.08"], ["Wrong"], id="wrong"),
        pytest.param(["--min-accuracy", "0.8", "--max-wrong", "0.5"], ["Accuracy"], id="one of"),
        pytest.param(["--min-accuracy", "1", "--max-wrong", "0"], ["Accuracy", "Wrong"], id="both"),
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
    assert "some.csv, line 3, column 2 (expected)" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param([], "give --min-accuracy, --max-wrong or both.", id="nothing required"),
        pytest.param(["--min-accuracy", "90"], "--min-accuracy must be a", id="a percentage"),
        pytest.param(["--max-wrong", "few"], "--max-wrong must be a", id="a word"),
    ],
)
def test_a_check_that_makes_no_sense_ends_with_two(refused, arguments, named):
    """An error is told apart from falling short."""
    refused(named, "check", "cases.csv", *arguments)


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
