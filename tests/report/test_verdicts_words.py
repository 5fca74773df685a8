"""Verdicts in words."""

import pytest
from verdict_samples import given

from handoff.core.model import Agent, Registry
from handoff.report.verdicts_words import (
    additions_told,
    progress,
    regression_summary,
    verdict_rows,
    who_takes,
)
from handoff.verdicts.conclusions import Additions, Dispute
from handoff.verdicts.queue import Left
from handoff.verdicts.record import VerdictKind

REGISTRY = Registry((Agent("baker", "Baker", "bread", ()), Agent("florist", "Florist", "roses")))


@pytest.mark.parametrize(
    ("done", "pace", "sentence"),
    [
        (0, None, "0 of 1,000 judged"),
        (990, 4.0, "990 of 1,000 judged, 4 s each; 10 left, about 40 s"),
        (900, 6.0, "900 of 1,000 judged, 6 s each; 100 left, about 10 min"),
        (0, 9.0, "0 of 1,000 judged, 9 s each; 1,000 left, about 2.5 h"),
        (1_000, 4.0, "1,000 of 1,000 judged"),
    ],
)
def test_progress_says_what_is_left(done, pace, sentence):
    """A pace and an end are told once they are known."""
    assert progress(Left((), (), 0, done), 1_000, pace) == sentence


def test_progress_counts_apart_what_was_put_off():
    """Skipped and unsure are no verdicts that settle anything."""
    left = Left(("a",), ("b", "c", "d"), skipped=2, settled=996)

    assert progress(left, 1_000, None) == "996 of 1,000 judged, 2 skipped, 1 unsure"


@pytest.mark.parametrize(
    ("tried", "found", "sentence"),
    [
        (0, 0, "No route has been called right yet."),
        (1, 0, "The one route that was called right still ends the same."),
        (1_000, 0, "All 1,000 routes that were called right still end the same."),
        (1, 1, "1 of 1 route that was called right ends elsewhere now."),
        (2, 1, "1 of 2 routes that were called right ends elsewhere now."),
        (1_000, 2, "2 of 1,000 routes that were called right end elsewhere now."),
    ],
)
def test_regressions_are_counted_in_one_sentence(tried, found, sentence):
    """Number and verb agree."""
    assert regression_summary(tried, found) == sentence


def test_an_agent_that_is_gone_is_told_by_its_id():
    """A verdict outlives the registry that it was made on."""
    assert who_takes("baker", REGISTRY) == "Baker"
    assert who_takes("butcher", REGISTRY) == "butcher"
    assert who_takes(None, REGISTRY) == "nobody"


def test_what_was_left_out_is_told_and_long_lists_are_cut():
    """Five of a kind by name, the rest by number."""
    disputes = tuple(Dispute(f"q{at}", "baker", None, at, ("Ada",)) for at in range(7))
    wrong = {"what": VerdictKind.WRONG, "expected": "butcher"}
    gone = tuple(given(query=f"g{at}", **wrong) for at in range(6))

    told = additions_told(Additions((), disputes, gone, 0), REGISTRY)

    assert told[0] == "\u201cq0\u201d: line 0 says Baker, Ada says nobody."
    assert told[5] == "And 2 more contradict each other."
    assert told[6] == "\u201cg0\u201d should go to butcher, an agent that is not in the registry."
    assert told[11] == "And 1 more name agents that are gone."


def test_rows_hold_no_formula_and_the_newest_comes_first():
    """Only a verdict of wrong says where the query should go."""
    wrong = given(1, query="=1+1", what=VerdictKind.WRONG, note="@home")

    rows = verdict_rows([given(0), wrong], REGISTRY)

    assert (rows[0]["query"], rows[0]["should go to"], rows[0]["note"]) == (
        "'=1+1",
        "nobody",
        "'@home",
    )
    assert rows[1]["should go to"] == ""
