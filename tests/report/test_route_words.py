"""Routes in words: headline, reason, comparison."""

from dataclasses import replace

import numpy as np
import pytest
from route_word_samples import HIGH, OFF, OWN, POLICY, SCORES, STRICT, routed, ways

from handoff.core.model import Agent, Outcome, ThresholdSource
from handoff.report.route_words import (
    comparison,
    headline,
    reason,
)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param(POLICY, "Hand off to Coder", id="selected"),
        pytest.param(HIGH, "Hand off to nobody", id="below"),
        pytest.param(STRICT, "Hand off to nobody: too close to call", id="ambiguous"),
    ],
)
def test_the_headline_says_who_takes_the_query(policy, words):
    """A name, nobody, or nobody because two are too close."""
    assert headline(routed(0.5, 0.25, policy=policy).decision) == words


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param(
            POLICY,
            "Its similarity 0.50 reaches the threshold 0.25 (the embedder's default).",
            id="embedder's default",
        ),
        pytest.param(
            replace(POLICY, source=ThresholdSource.ARGUMENT),
            "Its similarity 0.50 reaches the threshold 0.25 (as asked for).",
            id="as asked for",
        ),
        pytest.param(
            replace(POLICY, threshold=0.5, source=ThresholdSource.CONFIG),
            "Its similarity 0.50 reaches the threshold 0.50 (from handoff.toml).",
            id="on the very threshold",
        ),
        pytest.param(
            replace(POLICY, threshold=0.0),
            "Its similarity 0.50 reaches the threshold 0.00 (the embedder's default).",
            id="threshold zero",
        ),
        pytest.param(
            replace(POLICY, threshold=0.498),
            "Its similarity 0.500 reaches the threshold 0.498 (the embedder's default).",
            id="close",
        ),
        pytest.param(
            HIGH,
            "The best, Coder, has similarity 0.50, below the threshold 0.62 (from handoff.toml).",
            id="below",
        ),
        pytest.param(
            replace(POLICY, threshold=0.5001),
            "The best, Coder, has similarity 0.5000, below the threshold 0.5001 "
            "(the embedder's default).",
            id="just below",
        ),
        pytest.param(
            OWN,
            "The best, Coder, has similarity 0.50, below the threshold 0.75 (the agent's own).",
            id="own threshold",
        ),
        pytest.param(
            STRICT,
            "Coder leads Biller by 0.25, less than the required margin 0.38.",
            id="ambiguous",
        ),
        pytest.param(
            replace(POLICY, margin=0.2505),
            "Coder leads Biller by 0.250, less than the required margin 0.251.",
            id="barely ambiguous",
        ),
    ],
)
def test_the_reason_stands_beside_its_limit(policy, words):
    """A score and a threshold, or a lead and a margin, with who set the threshold."""
    assert reason(routed(0.5, 0.25, policy=policy)) == words


def test_the_reason_is_about_the_best_candidate():
    """An agent that the filter removed is neither best nor runner-up."""
    assert reason(routed(*SCORES, tags=("code",), policy=STRICT)) == (
        "Coder leads trainer by 0.25, less than the required margin 0.38."
    )


def test_a_single_agent_is_never_too_close():
    """A margin asks for nothing where there is nobody to lead."""
    route = routed(0.5, policy=STRICT)

    assert reason(route) == (
        "Its similarity 0.50 reaches the threshold 0.25 (the embedder's default)."
    )


@pytest.mark.parametrize(
    ("route", "words"),
    [
        pytest.param(routed(0.5), "Coder is the only agent of this registry.", id="single agent"),
        pytest.param(
            routed(0.5, 0.25),
            "The query's meaning is closer to Coder (0.50) than to Biller (0.25); no tag tells "
            "them apart.",
            id="no tags",
        ),
        pytest.param(
            routed(0.5, 0.25, tags=("nobody's",)),
            "The query's meaning is closer to Coder (0.50) than to Biller (0.25); no tag tells "
            "them apart.",
            id="widened",
        ),
        pytest.param(
            routed(0.5, 0.499),
            "The query's meaning is closer to Coder (0.500) than to Biller (0.499); no tag tells "
            "them apart.",
            id="close",
        ),
        pytest.param(
            routed(*SCORES, tags=("code",)),
            "The query's meaning is closer to Coder (0.50) than to trainer (0.25); both carry "
            "code.",
            id="the same tag",
        ),
        pytest.param(
            routed(*SCORES, tags=("code", "bug")),
            "The query's meaning is closer to Coder (0.50) than to trainer (0.25); Coder carries "
            "code and bug, trainer code.",
            id="more tags",
        ),
        pytest.param(
            routed(0.5, 0.25, tags=("refund",), policy=OFF),
            "The query's meaning is closer to Coder (0.50) than to Biller (0.25); Coder carries "
            "none of the tags, Biller refund.",
            id="filter off",
        ),
        pytest.param(
            routed(0.25, 0.5, 0.125, tags=("bug", "code"), policy=OFF),
            "The query's meaning is closer to Biller (0.50) than to Coder (0.25); Biller carries "
            "none of the tags, Coder bug and code.",
            id="filter off, two tags",
        ),
        pytest.param(
            routed(*SCORES, tags=("refund",)),
            "The query's meaning is closer to Biller (0.75) than to Coder (0.50); Biller carries "
            "refund, Coder none of the tags.",
            id="single candidate that leads anyway",
        ),
        pytest.param(
            routed(0.25, 0.5, tags=("bug",)),
            "Only Coder carries bug; the next, Biller (0.50 against 0.25), was removed by the tag "
            "filter.",
            id="a better one was removed",
        ),
        pytest.param(
            routed(0.5, 0.5, tags=("bug",)),
            "Only Coder carries bug; the next, Biller (0.50 against 0.50), was removed by the tag "
            "filter.",
            id="an equal one was removed",
        ),
    ],
)
def test_the_comparison_says_why_the_best_one_and_not_the_next(route, words):
    """By meaning, by tags, or because there is no other."""
    assert comparison(route) == words


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [
        pytest.param(POLICY, Outcome.SELECTED, id="selected"),
        pytest.param(HIGH, Outcome.BELOW_THRESHOLD, id="below"),
        pytest.param(STRICT, Outcome.AMBIGUOUS, id="ambiguous"),
    ],
)
def test_a_tie_is_told_without_saying_who_takes_the_query(policy, outcome):
    """The same words are true whether anybody takes it or not."""
    route = routed(0.5, 0.5, policy=policy)

    assert route.decision.outcome is outcome
    assert comparison(route) == (
        "Coder and Biller have the same similarity 0.50; the one that comes first in the registry "
        "counts as the best."
    )


@pytest.mark.parametrize(
    ("policy", "tell"),
    [
        pytest.param(POLICY, comparison, id="comparison"),
        pytest.param(STRICT, reason, id="reason"),
        pytest.param(POLICY, lambda route: ways(route)[3], id="runner-up"),
    ],
)
def test_agents_of_the_same_name_are_told_apart_by_their_ids(policy, tell):
    """A sentence about two namesakes says which of them is meant."""
    twins = (Agent("one", "Twin", "First."), Agent("two", "Twin", "Second."))

    assert "Twin (two)" in tell(routed(0.5, 0.25, agents=twins, policy=policy))


def test_a_similarity_that_rounds_to_zero_has_no_sign():
    """A little less than nothing is written as nothing."""
    assert reason(routed(-0.001)) == (
        "The best, Coder, has similarity 0.00, below the threshold 0.25 (the embedder's default)."
    )


@pytest.mark.parametrize("typed", [0.7, 0.23, 0.41728343], ids=repr)
def test_a_score_that_is_typed_back_as_the_threshold_looks_like_it(typed):
    """Judged in the precision of scores, both are the same number, so two decimals do."""
    route = routed(float(np.float32(typed)), policy=replace(POLICY, threshold=typed))

    assert reason(route) == (
        f"Its similarity {typed:.2f} reaches the threshold {typed:.2f} (the embedder's default)."
    )


@pytest.mark.parametrize(
    ("query", "letters"),
    [
        pytest.param("Πώς αλλάζω τον κωδικό μου;", "Greek letters", id="Greek"),
        pytest.param("如何重置密码", "Chinese characters", id="Chinese"),
    ],
)
def test_a_query_in_unknown_letters_is_told_so_and_what_to_do(query, letters):
    """Reason, comparison and what-if agree that no score counts, and name the switch."""
    route = routed(0.5, 0.75, 0.25, query=query)

    assert headline(route.decision) == "Hand off to nobody"
    assert reason(route) == (
        f"The query is mostly in {letters}, which the embedder does not know and the agents' texts "
        "do not use, so no score counts. To go by the scores all the same, set "
        "known_scripts_only = false in handoff.toml."
    )
    assert comparison(route) == (
        "Biller has the highest similarity, which says nothing of what the query means."
    )
    assert ways(route)[0] == "The letters of the query decide: nobody gets it at any threshold."
    anyway = routed(0.5, 0.75, 0.25, query=query, policy=replace(POLICY, known_scripts_only=False))
    assert headline(anyway.decision) == "Hand off to Biller"
