"""Where queries are lost, and what each stage could give back."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from judging import (
    MISSING,
    decided,
    ending,
    evidence_set,
    labelled_sets,
    policies,
    settled_by,
    some,
)

from handoff.core.model import Agent, Policy, Registry, ThresholdSource
from handoff.core.ranking import rank_by
from handoff.evaluation.account import Account, Fate, stand, take_account
from handoff.evaluation.counts import Counts
from handoff.evaluation.judged import Labelled, label

REGISTRY = Registry(
    (
        Agent("a", "A", "Does a.", ("x",)),
        Agent("b", "B", "Does b.", ("y",)),
        Agent("c", "C", "Does c."),
    )
)
POLICY = Policy(0.5, ThresholdSource.CONFIG)
# One case for each fate, but two that are outranked: handed to the wrong agent, and to nobody.
SEVEN = label(
    evidence_set(
        REGISTRY,
        [
            [0.75, 0.0, 0.25],
            [0.0, 0.75, 0.625],
            [0.75, 0.625, 0.0],
            [0.375, 0.25, 0.0],
            [0.375, 0.25, 0.0],
            [0.25, 0.0, 0.0],
            [0.75, 0.0, 0.0],
        ],
        tags=[("x",), ("y",), (), (), (), (), ()],
    ),
    REGISTRY,
    ["a", "c", "b", "b", "a", None, None],
)


def account_of(labelled: Labelled, policy: Policy, failed: int = 0) -> Account:
    """Take the account of a set under a policy, with the filter on or off."""
    on, off = (
        settled_by(labelled, replace(policy, use_tags=use_tags)) for use_tags in (True, False)
    )
    judged, switched = (on, off) if policy.use_tags else (off, on)
    standing = stand(labelled, use_tags=policy.use_tags)
    return take_account(judged, standing, switched, policy.threshold, failed)


def counts_alone(labelled: Labelled, expected: list[str | None], policy: Policy) -> Counts:
    """Count how the cases end, decided one by one."""
    got = decided(labelled, policy)
    each = Counter(ending(one, wanted) for one, wanted in zip(got, expected, strict=True))
    return Counts(each["right"], each["wrong"], each["missed"], each["refused"], each["taken"])


def test_each_fate_in_figures():
    """The first stage that lost a case is named: filter, then ranking, then threshold."""
    account = account_of(SEVEN, POLICY)

    assert account.fates.tolist() == [
        Fate.RIGHT,
        Fate.FILTERED,
        Fate.OUTRANKED,
        Fate.OUTRANKED,
        Fate.HELD_BACK,
        Fate.REFUSED,
        Fate.TAKEN,
    ]
    assert [account.number(fate) for fate in Fate] == [1, 1, 2, 1, 1, 1]


def test_the_other_filter_in_figures():
    """Without tags the query for c still goes to b, which scores higher; nothing else changes."""
    assert account_of(SEVEN, POLICY).other_filter == Counts(1, 2, 2, 1, 1)


def test_switching_the_filter_off_gives_back_what_it_removed():
    """Where the removed agent scores best, the counterfactual counts it as right."""
    labelled = label(evidence_set(REGISTRY, [[0.0, 0.625, 0.75]], tags=[("y",)]), REGISTRY, ["c"])

    account = account_of(labelled, POLICY)

    assert account.fates.tolist() == [Fate.FILTERED]
    assert account.other_filter == Counts(1, 0, 0, 0, 0)


def test_a_perfect_ranking_in_figures():
    """The hand-off to the wrong agent becomes right; what was filtered or held back stays lost."""
    assert account_of(SEVEN, POLICY).perfect_ranking == Counts(2, 1, 2, 1, 1)


def test_a_perfect_threshold_in_figures():
    """What was held back is right, what was wrong or taken is not handed off."""
    assert account_of(SEVEN, POLICY).perfect_threshold == Counts(2, 0, 3, 2, 0)


def test_a_margin_holds_back_as_a_threshold_does():
    """An ambiguous case is lost neither by the filter nor by the ranking."""
    labelled = label(evidence_set(REGISTRY, [[0.75, 0.625, 0.0]]), REGISTRY, ["a"])

    account = account_of(labelled, replace(POLICY, margin=0.25))

    assert account.fates.tolist() == [Fate.HELD_BACK]


def test_failed_cases_are_counted_in_every_counterfactual():
    """No what-if brings back a case that could not be judged."""
    account = account_of(SEVEN, POLICY, failed=3)

    assert account.other_filter.failed == 3
    assert account.perfect_ranking.failed == 3
    assert account.perfect_threshold.failed == 3


@some
@given(known=labelled_sets(), policy=policies)
def test_every_case_meets_one_fate_and_fates_agree_with_endings(known, policy):
    """Right, refused and taken are those endings; the three losses are the wrong and the missed."""
    labelled, expected = known
    counts = counts_alone(labelled, expected, policy)

    account = account_of(labelled, policy)
    numbers = {fate: account.number(fate) for fate in Fate}
    lost = numbers[Fate.FILTERED] + numbers[Fate.OUTRANKED] + numbers[Fate.HELD_BACK]

    assert sum(numbers.values()) == len(labelled)
    assert numbers[Fate.RIGHT] == counts.right
    assert numbers[Fate.REFUSED] == counts.refused
    assert numbers[Fate.TAKEN] == counts.taken
    assert lost == counts.wrong + counts.missed


@some
@given(known=labelled_sets(), policy=policies)
def test_the_three_losses_are_told_apart_as_rankings_tell_them(known, policy):
    """No candidate, or a candidate but not the best, or the best: from each case's ranking."""
    labelled, expected = known
    policy = replace(policy, use_tags=True)
    account = account_of(labelled, policy)

    for row, fate in enumerate(account.fates.tolist()):
        if fate not in (Fate.FILTERED, Fate.OUTRANKED, Fate.HELD_BACK):
            continue
        ranking = rank_by(labelled.evidence[row], labelled.registry, policy)
        returned = [score.agent.id for score in ranking]
        candidates = [score.agent.id for score in ranking if score.kept]
        removed = expected[row] in returned and expected[row] not in candidates

        assert (fate == Fate.FILTERED) == removed
        assert (fate == Fate.HELD_BACK) == (expected[row] == candidates[0])


@some
@given(known=labelled_sets(), policy=policies)
def test_the_other_filter_is_the_policy_with_its_filter_switched(known, policy):
    """Its counts are those of deciding each case under that policy."""
    labelled, expected = known
    switched = replace(policy, use_tags=not policy.use_tags)

    assert account_of(labelled, policy).other_filter == counts_alone(labelled, expected, switched)


@some
@given(known=labelled_sets(), policy=policies)
def test_a_perfect_stage_never_makes_a_case_worse(known, policy):
    """Neither counterfactual has fewer good endings or more hand-offs to somebody wrong."""
    labelled, expected = known
    counts = counts_alone(labelled, expected, policy)

    account = account_of(labelled, policy)

    for better in (account.perfect_ranking, account.perfect_threshold):
        assert better.cases == counts.cases
        assert better.right >= counts.right
        assert better.refused >= counts.refused
        assert better.wrong + better.taken <= counts.wrong + counts.taken


def test_candidates_are_those_whose_expected_agent_the_filter_leaves():
    """Nobody expected counts as one; an agent that the registry lacks is not even there."""
    labelled = label(
        evidence_set(REGISTRY, [[0.5, 0.25, 0.0]] * 5, tags=[("x",), ("x",), (), ("x",), ()]),
        REGISTRY,
        ["a", "b", "b", None, MISSING],
    )

    standing = stand(labelled, use_tags=True)

    assert standing.candidate.tolist() == [True, False, True, True, False]
    assert standing.there.tolist() == [True, True, True, True, False]


def test_without_the_filter_whoever_is_there_is_a_candidate():
    """Only an agent that the registry lacks is none."""
    labelled = label(
        evidence_set(REGISTRY, [[0.5, 0.25, 0.0]] * 2, tags=[("x",), ()]),
        REGISTRY,
        ["b", MISSING],
    )

    assert stand(labelled, use_tags=False).candidate.tolist() == [True, False]


def test_a_large_index_has_those_that_it_returned_and_the_filter_leaves():
    """The expected agent is looked for among the returned positions, not at its own."""
    labelled = label(
        evidence_set(
            REGISTRY,
            [[0.5, 0.25]] * 4,
            tags=[(), (), ("x",), ("x",)],
            positions=[[1, 2], [0, 1], [0, 1], [0, 2]],
        ),
        REGISTRY,
        ["c", "c", "b", None],
    )

    standing = stand(labelled, use_tags=True)

    assert standing.there.tolist() == [True, False, True, True]
    assert standing.candidate.tolist() == [True, False, False, True]


@pytest.mark.parametrize("use_tags", [True, False])
def test_an_absent_expected_agent_is_outranked_and_no_ranking_gets_it_right(use_tags):
    """The filter did not remove whom the registry lacks, and a perfect ranking cannot name it."""
    labelled = label(
        evidence_set(REGISTRY, [[0.75, 0.0, 0.0], [0.25, 0.0, 0.0]], tags=[("x",), ("y",)]),
        REGISTRY,
        [MISSING, MISSING],
    )

    account = account_of(labelled, replace(POLICY, use_tags=use_tags))

    assert account.fates.tolist() == [Fate.OUTRANKED, Fate.OUTRANKED]
    assert account.perfect_ranking == Counts(0, 1, 1, 0, 0)


def test_an_agent_that_a_large_index_did_not_return_is_outranked():
    """As for one that the registry lacks: nothing the filter does would have brought it in."""
    labelled = label(
        evidence_set(REGISTRY, [[0.75, 0.5]], tags=[("x",)], positions=[[0, 1]]), REGISTRY, ["c"]
    )

    account = account_of(labelled, POLICY)

    assert account.fates.tolist() == [Fate.OUTRANKED]
    assert account.perfect_ranking.right == 0
