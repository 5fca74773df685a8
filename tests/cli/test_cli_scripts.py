"""Queries in letters that the embedder does not know: nobody gets them, whichever command asks."""

import csv
import json

import pytest

from handoff.providers.scripted import ScriptedEmbedder

GREETING = "Καλημέρα"
FOREIGN = f"rain {GREETING}"
"""Its one English word is the Weather Desk's."""


@pytest.fixture(autouse=True)
def latin(monkeypatch):
    """Let the embedder know Latin letters only."""
    monkeypatch.setattr(ScriptedEmbedder, "scripts", frozenset({"Latin"}))


@pytest.fixture
def switched_off(folder):
    """Let handoff.toml judge such queries by their scores."""
    (folder / "handoff.toml").write_text("known_scripts_only = false\n")


LOW = ("--threshold", "-1")


def test_a_route_says_which_letters_and_how_to_switch(handoff):
    """Exit code 1, as for every query that nobody takes, and one reason."""
    code, out, _ = handoff("route", FOREIGN, *LOW)

    assert code == 1
    assert out.startswith("Hand off to nobody\n")
    assert "Greek letters" in out
    assert "known_scripts_only = false in handoff.toml" in out


def test_a_route_as_json_names_the_script(handoff):
    """Below the threshold, whatever the threshold is."""
    code, out, _ = handoff("route", FOREIGN, *LOW, "--json")
    answered = json.loads(out)

    assert (code, answered["outcome"], answered["agent"]) == (1, "below_threshold", None)
    assert answered["unknown_script"] == "Greek"
    assert answered["best_score"] > answered["threshold"]


@pytest.mark.usefixtures("switched_off")
def test_the_switch_brings_the_scores_back(handoff):
    """Then the query is one like any other."""
    code, out, _ = handoff("route", FOREIGN, *LOW, "--json")
    answered = json.loads(out)

    assert (code, answered["outcome"]) == (0, "selected")
    assert answered["unknown_script"] is None


def routed(handoff, folder):
    """Route both queries of a batch; return the rows."""
    (folder / "in.csv").write_text(f"query\n{FOREIGN}\nrain wind sunshine\n", encoding="utf-8")
    code, _, _ = handoff("batch", "in.csv", "-o", "out.csv", *LOW)
    assert code == 0
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_batch_names_the_script_in_a_column(handoff, folder):
    """It is empty where it does not decide."""
    foreign, english = routed(handoff, folder)

    assert (foreign["agent"], foreign["outcome"]) == ("", "below_threshold")
    assert (foreign["unknown_script"], foreign["error"]) == ("Greek", "")
    assert (english["outcome"], english["unknown_script"]) == ("selected", "")


@pytest.mark.usefixtures("switched_off")
def test_the_switch_holds_for_a_batch(handoff, folder):
    """Both queries go to somebody."""
    assert [(row["outcome"], row["unknown_script"]) for row in routed(handoff, folder)] == [
        ("selected", ""),
        ("selected", ""),
    ]


def evaluated(handoff, folder):
    """Evaluate three cases without a threshold; return the figures."""
    (folder / "cases.csv").write_text(
        f"query,expected\n{FOREIGN},weather\n{GREETING},\nrain wind sunshine,weather\n",
        encoding="utf-8",
    )
    _, out, _ = handoff("eval", "cases.csv", *LOW, "--json")
    return json.loads(out)


def test_an_evaluation_hands_none_of_them_off(handoff, folder):
    """At a threshold below every score they are missed or rightly refused, and a note says why."""
    found = evaluated(handoff, folder)

    assert (found["right"], found["missed"], found["refused"]) == (1, 1, 1)
    assert found["lost"]["held_back"] == 1
    assert found["known_scripts_only"] is True
    assert "Nobody gets 2 cases in letters that the embedder does not know." in found["notes"]


@pytest.mark.usefixtures("switched_off")
def test_the_switch_holds_for_an_evaluation(handoff, folder):
    """Then all three are handed off, and there is no such note."""
    found = evaluated(handoff, folder)

    assert (found["right"], found["taken"], found["known_scripts_only"]) == (2, 1, False)
    assert not [note for note in found["notes"] if "letters" in note]
