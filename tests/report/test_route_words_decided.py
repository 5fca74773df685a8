"""What decided is what is named: the margin, or words in common."""

from dataclasses import replace

import numpy as np
import pytest
from route_word_samples import POLICY, STRICT, routed

from handoff.core.model import Outcome
from handoff.core.whatif import ask_what_if
from handoff.report.route_words import comparison, what_would_change
from handoff.router import judge
from handoff.trace import Trace

WORDS = replace(POLICY, lexical_weight=0.5)


def said(route):
    """Return the sentence on the runner-up."""
    what_if = ask_what_if(route.evidence, route.ranking.registry, route.policy)
    return what_would_change(route, what_if)[3]


def spoken(similarities, lexical):
    """Judge a query that shares such words with each agent."""
    route = routed(*similarities, policy=WORDS)
    evidence = replace(route.evidence, lexical=np.array(lexical, dtype=np.float32))
    return judge(evidence, route.ranking.registry, WORDS, Trace())


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (0.25, "is 0.25 behind, and 0.38 is required; with a margin of at most 0.25 Coder"),
        (0.498, "is 0.002 behind, and 0.38 is required; with a margin of at most 0.002 Coder"),
        (0.5, "is 0.00 behind, and 0.38 is required; with a margin of 0 Coder"),
    ],
)
def test_a_margin_that_decided_is_named_with_one_that_would_not(second, sentence):
    """Under the margin that the sentence names the best one does get the query."""
    route = routed(0.5, second, policy=STRICT)
    told = said(route)
    margin = float(told.split()[-5])
    again = routed(0.5, second, policy=replace(STRICT, margin=margin))

    assert route.decision.outcome is Outcome.AMBIGUOUS
    assert told.startswith("The margin decides: the runner-up, Biller, ")
    assert sentence in told
    assert again.decision.outcome is Outcome.SELECTED


def test_words_that_decided_are_named():
    """The one whose meaning is closer lost to words in common."""
    assert comparison(spoken((0.25, 0.5), (1.0, 0.0))) == (
        "Words in common decide: Coder (0.75) shares more of them than Biller (0.50), to which the "
        "query's meaning is closer (0.50 against 0.25); no tag tells them apart."
    )


def test_words_decide_where_meaning_is_the_same():
    """As close is not closer."""
    assert "is as close (0.50 against 0.50)" in comparison(spoken((0.5, 0.5), (0.5, 0.0)))


def test_meaning_decides_though_words_add_to_it():
    """The figures are the similarities, since it is of meaning that they speak."""
    assert comparison(spoken((0.5, 0.25), (0.25, 0.0))).startswith(
        "The query's meaning is closer to Coder (0.50) than to Biller (0.25);"
    )
