"""All figures of one labelled set under one policy."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from judging import decided, ending, evidence_set, labelled_sets, policies, settled_by, some

from handoff.core.model import Agent, Policy, Registry, ThresholdSource
from handoff.core.ranking import rank_by
from handoff.evaluation.account import Fate
from handoff.evaluation.analysis import analyse
from handoff.evaluation.confusion import confuse
from handoff.evaluation.counts import Counts, Ending, count, endings
from handoff.evaluation.judged import NOBODY, label
from handoff.evaluation.sweep import false_positives_at

REGISTRY = Registry(
    (
        Agent("a", "A", "Does a.", ("x",)),
        Agent("b", "B", "Does b.", ("y",), 0.7),
        Agent("c", "C", "Does c."),
    )
)
POLICY = Policy(0.5, ThresholdSource.CONFIG)
# Six cases, worked out by hand:
#   a is handed to a; c is filtered away and b gets the query; b scores below a, which gets it;
#   a is best but below 0.5; nobody is refused; nobody is taken by b.
EVIDENCE = evidence_set(
    REGISTRY,
    [
        [0.75, 0.0, 0.25],
        [0.0, 0.625, 0.875],
        [0.75, 0.625, 0.0],
        [0.375, 0.25, 0.0],
        [0.25, 0.0, 0.0],
        [0.0, 0.625, 0.0],
    ],
    tags=[("x",), ("y",), (), (), (), ()],
    lexical=[[0.0, 0.0, 0.0]] * 3 + [[0.5, 0.0, 0.0]] + [[0.0, 0.0, 0.0]] * 2,
)
EXPECTED = ["a", "c", "b", "a", None, None]
SIX = label(EVIDENCE, REGISTRY, EXPECTED)


def test_the_counts_in_figures():
    """One right, two wrong, one missed, one refused, one taken; failures on top."""
    analysis = analyse(SIX, POLICY, failed=2)

    assert analysis.counts == Counts(1, 2, 1, 1, 1, failed=2)
    assert analysis.ended.tolist() == [
        Ending.RIGHT,
        Ending.WRONG,
        Ending.WRONG,
        Ending.MISSED,
        Ending.REFUSED,
        Ending.TAKEN,
    ]
    assert analysis.got.tolist() == [0, 1, 0, NOBODY, NOBODY, 1]


def test_the_shares_in_figures():
    """Of the four in-scope cases two are ranked right, three unfiltered; three keep their agent."""
    analysis = analyse(SIX, POLICY)

    assert analysis.top1 == 2 / 4
    assert analysis.top1_unfiltered == 3 / 4
    assert analysis.kept == 3 / 4


def test_auroc_and_false_positives_in_figures():
    """Of eight pairs six are in order, one is level; nobody's 0.625 passes, 0.375 being enough."""
    analysis = analyse(SIX, POLICY)

    # In scope 0.75, 0.625, 0.75 and 0.375; of nobody's 0.25 and 0.625.
    assert analysis.auroc == (4 + 2.5) / 8
    assert analysis.false_positives == 1 / 2


def test_the_account_in_figures():
    """Each case by the stage that lost it, and the counts with each stage made perfect."""
    account = analyse(SIX, POLICY).account

    assert account.fates.tolist() == [
        Fate.RIGHT,
        Fate.FILTERED,
        Fate.OUTRANKED,
        Fate.HELD_BACK,
        Fate.REFUSED,
        Fate.TAKEN,
    ]
    assert account.other_filter == Counts(2, 1, 1, 1, 1)
    assert account.perfect_ranking == Counts(2, 1, 1, 1, 1)
    assert account.perfect_threshold == Counts(2, 0, 2, 2, 0)


def test_the_figures_by_agent():
    """What each of the three should get, gets, and gets rightly."""
    by_agent = analyse(SIX, POLICY).by_agent

    assert by_agent.expected.tolist() == [2, 1, 1]
    assert by_agent.got.tolist() == [2, 2, 0]
    assert by_agent.right.tolist() == [1, 0, 0]


def test_with_the_filter_off_nothing_is_lost_to_it():
    """The query for c is right then, and the account's other filter is the one with tags."""
    analysis = analyse(SIX, replace(POLICY, use_tags=False))

    assert analysis.counts == Counts(2, 1, 1, 1, 1)
    assert analysis.account.number(Fate.FILTERED) == 0
    assert analysis.account.other_filter == Counts(1, 2, 1, 1, 1)
    assert analysis.top1 == analysis.top1_unfiltered == 3 / 4
    assert analysis.kept == 3 / 4


def test_with_the_filter_off_a_case_that_it_would_lose_is_lost_elsewhere():
    """Above 0.875 the query for c is held back, though its tags would have removed c."""
    strict = replace(POLICY, threshold=0.9)

    unfiltered = analyse(SIX, replace(strict, use_tags=False)).account

    assert analyse(SIX, strict).account.fates[1] == Fate.FILTERED
    assert unfiltered.fates[1] == Fate.HELD_BACK


def test_lexical_help_reaches_every_figure():
    """Half of 0.5 lifts the query that was held back to 0.625, above the threshold."""
    analysis = analyse(SIX, replace(POLICY, lexical_weight=0.5))

    assert analysis.counts == Counts(2, 2, 0, 1, 1)
    assert analysis.ranked.levels.tolist() == [0.75, 0.625, 0.75, 0.625, 0.25, 0.625]
    assert analysis.auroc == (4 + 2 + 0.5 * 2) / 8


def test_own_thresholds_count_only_where_they_are_switched_on():
    """With 0.7 of its own, b gets neither the query for c nor the one for nobody."""
    analysis = analyse(SIX, replace(POLICY, per_agent=True))

    assert analysis.counts == Counts(1, 1, 2, 2, 0)
    assert analysis.account.other_filter == Counts(2, 1, 1, 2, 0)
    assert analyse(SIX, POLICY).counts == Counts(1, 2, 1, 1, 1)


def test_a_margin_holds_back_what_is_close():
    """The query for b leads by 0.125 only, so it is missed instead of wrong."""
    analysis = analyse(SIX, replace(POLICY, margin=0.25))

    assert analysis.counts == Counts(1, 1, 2, 1, 1)
    assert analysis.account.other_filter == Counts(2, 0, 2, 1, 1)
    assert analysis.ranked.leads.tolist()[:3] == [np.inf, np.inf, 0.125]


def test_scores_are_told_before_margin_and_own_thresholds():
    """What a recommendation starts from, and how well scores tell the kinds, is without them."""
    analysis = analyse(SIX, replace(POLICY, margin=0.25, per_agent=True))

    assert analysis.auroc == (4 + 2.5) / 8
    assert analysis.false_positives == 1 / 2
    assert analysis.ranked.levels.tolist() == [0.75, 0.625, 0.75, 0.375, 0.25, 0.625]


def test_a_recommendation_starts_from_margin_and_own_thresholds():
    """Agent b never reaches its 0.7, two queries lead by 0.125 only; the rest keep their score."""
    settled = analyse(SIX, replace(POLICY, margin=0.25, per_agent=True)).settled

    assert settled.levels.tolist() == [0.75, -np.inf, -np.inf, -np.inf, 0.25, -np.inf]


def test_cases_without_a_tagger_are_counted():
    """Other stages that were skipped do not count."""
    degraded = (("extract_tags",), (), ("embed_query",), ("embed_query", "extract_tags"), (), ())

    analysis = analyse(label(replace(EVIDENCE, degraded=degraded), REGISTRY, EXPECTED), POLICY)

    assert analysis.degraded == 2


@pytest.mark.parametrize(
    ("expected", "nan"),
    [
        pytest.param(["a"] * 6, {"auroc", "false_positives"}, id="all one agent"),
        pytest.param(
            [None] * 6,
            {"auroc", "false_positives", "top1", "top1_unfiltered", "kept"},
            id="all nobody",
        ),
    ],
)
def test_a_figure_without_cases_of_its_kind_is_nan(expected, nan):
    """All none or all one agent is analysed all the same, without a warning."""
    analysis = analyse(label(EVIDENCE, REGISTRY, expected), POLICY)
    named = ("auroc", "false_positives", "top1", "top1_unfiltered", "kept")

    assert {name for name in named if math.isnan(getattr(analysis, name))} == nan
    assert analysis.counts.cases == 6


@some
@given(known=labelled_sets(), policy=policies)
def test_the_fields_of_an_analysis_say_the_same(known, policy):
    """Endings, counts, confusion, figures by agent and fates are of one set under one policy."""
    labelled, expected = known
    got = decided(labelled, policy)
    ids = [agent.id for agent in labelled.registry.agents]

    analysis = analyse(labelled, policy, failed=1)

    assert [None if at == NOBODY else ids[at] for at in analysis.got.tolist()] == got
    assert [Ending(each).name.lower() for each in analysis.ended.tolist()] == [
        ending(one, wanted) for one, wanted in zip(got, expected, strict=True)
    ]
    assert analysis.counts == count(analysis.ended, 1)
    assert analysis.counts.cases == len(labelled) + 1
    assert analysis.confusion.cases.sum() == len(labelled)
    assert analysis.by_agent.right.sum() == analysis.counts.right
    assert analysis.by_agent.got.sum() == analysis.counts.handed_off
    assert analysis.account.number(Fate.RIGHT) == analysis.counts.right
    assert analysis.account.number(Fate.TAKEN) == analysis.counts.taken
    assert analysis.account.perfect_threshold.failed == 1


@some
@given(known=labelled_sets(), policy=policies)
def test_the_sweep_of_an_analysis_holds_its_policy_but_for_the_threshold(known, policy):
    """At each of its thresholds it counts what analysing with that threshold counts."""
    labelled, _ = known

    swept = analyse(labelled, policy).swept

    for at, threshold in enumerate(swept.thresholds.tolist()):
        assert swept[at] == analyse(labelled, replace(policy, threshold=threshold)).counts


@some
@given(known=labelled_sets(), policy=policies)
def test_the_confusion_of_an_analysis_is_that_of_its_policy(known, policy):
    """Margin, own thresholds, filter and lexical help all reach it."""
    labelled, _ = known
    judged = settled_by(labelled, policy)

    analysis = analyse(labelled, policy)
    confusion = confuse(judged, policy.threshold)

    assert analysis.confusion.expected.tolist() == confusion.expected.tolist()
    assert analysis.confusion.got.tolist() == confusion.got.tolist()
    assert analysis.ended.tolist() == endings(judged, policy.threshold).tolist()


def test_the_share_that_passes_at_no_hand_off_is_that_above_the_best():
    """At a rate of 0 the highest in-scope score is asked for, and there is no division by it."""
    ranked = analyse(SIX, POLICY).ranked

    assert false_positives_at(ranked, 0.0) == 0
    assert false_positives_at(ranked, 1.0) == 1 / 2


@some
@given(known=labelled_sets(), policy=policies)
def test_kept_is_the_share_of_expected_agents_that_are_candidates(known, policy):
    """With the filter on: whoever the registry lacks is no candidate, and counts."""
    labelled, expected = known
    kept = [
        any(score.kept and score.agent.id == wanted for score in ranking)
        for ranking, wanted in (
            (rank_by(one, labelled.registry, replace(policy, use_tags=True)), wanted)
            for one, wanted in zip(labelled.evidence, expected, strict=True)
        )
        if wanted is not None
    ]

    found = analyse(labelled, policy).kept

    assert found == pytest.approx(sum(kept) / len(kept) if kept else float("nan"), nan_ok=True)
