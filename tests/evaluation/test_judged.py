"""The arrays say of every case what core says of it alone."""

from collections import Counter

import numpy as np
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

from handoff.core.model import Agent, Registry
from handoff.core.ranking import rank_by
from handoff.evaluation.confusion import selected
from handoff.evaluation.counts import Ending, count, endings
from handoff.evaluation.judged import ABSENT, NOBODY, Judged, label, rank_cases, settle

REGISTRY = Registry(
    (
        Agent("a", "A", "Does a.", ("x",)),
        Agent("b", "B", "Does b.", ("y",), 0.4),
        Agent("c", "C", "Does c.", ("x", "y")),
    )
)


@some
@given(known=labelled_sets(), policy=policies)
def test_who_gets_each_case_is_what_deciding_it_alone_says(known, policy):
    """Filter, ties, lexical help, margin and own thresholds come to the same agent, or nobody."""
    labelled, _ = known
    ids = [agent.id for agent in labelled.registry.agents]

    got = selected(settled_by(labelled, policy), policy.threshold).tolist()

    assert [None if at == NOBODY else ids[at] for at in got] == decided(labelled, policy)


@some
@given(known=labelled_sets(), policy=policies)
def test_how_each_case_ends_is_what_deciding_it_alone_says(known, policy):
    """Beside its label, each case is right, wrong, missed, refused or taken in both ways."""
    labelled, expected = known
    alone = [
        ending(got, wanted) for got, wanted in zip(decided(labelled, policy), expected, strict=True)
    ]

    ended = endings(settled_by(labelled, policy), policy.threshold)

    assert [Ending(each).name.lower() for each in ended.tolist()] == alone


@some
@given(known=labelled_sets(), policy=policies)
def test_counting_endings_is_counting_what_deciding_alone_says(known, policy):
    """The five counts are those of the cases one by one, and failures come on top."""
    labelled, expected = known
    alone = Counter(
        ending(got, wanted) for got, wanted in zip(decided(labelled, policy), expected, strict=True)
    )

    counts = count(endings(settled_by(labelled, policy), policy.threshold), failed=2)

    assert {name: getattr(counts, name) for name in alone} == dict(alone)
    assert counts.cases == len(expected) + 2


@some
@given(known=labelled_sets(), policy=policies)
def test_best_score_and_lead_are_those_of_the_ranking(known, policy):
    """Before threshold and margin, the arrays hold what `rank_by` puts first, to the last bit."""
    labelled, _ = known
    rankings = [rank_by(one, labelled.registry, policy) for one in labelled.evidence]

    ranked = rank_cases(labelled, use_tags=policy.use_tags, lexical_weight=policy.lexical_weight)

    assert ranked.best.tolist() == [int(ranking.order[0]) for ranking in rankings]
    assert ranked.levels.tolist() == [float(ranking.scores[0]) for ranking in rankings]
    assert ranked.leads.tolist() == [
        np.inf if ranking.margin is None else ranking.margin for ranking in rankings
    ]


@some
@given(known=labelled_sets(), policy=policies)
def test_ranking_leaves_the_evidence_alone(known, policy):
    """A set is ranked again on every change of a control, so nothing in it may move."""
    labelled, _ = known
    before = (labelled.evidence.similarities.tolist(), labelled.removed.tolist())

    settled_by(labelled, policy)

    assert (labelled.evidence.similarities.tolist(), labelled.removed.tolist()) == before


def test_labels_become_positions():
    """Nobody, and somebody whom the registry does not have, are told from its agents and apart."""
    evidence = evidence_set(REGISTRY, [[0.5, 0.25, 0.0]] * 4)

    labelled = label(evidence, REGISTRY, ["c", None, MISSING, "a"])

    assert labelled.expected.tolist() == [2, NOBODY, ABSENT, 0]
    assert len(labelled) == 4


def test_an_absent_agent_is_expected_but_never_right():
    """Whom the registry lacks cannot get the query: the case is in scope, and wrong or missed."""
    labelled = label(evidence_set(REGISTRY, [[0.5, 0.25, 0.0]]), REGISTRY, [MISSING])

    judged = rank_cases(labelled, use_tags=True)

    assert judged.in_scope.tolist() == [True]
    assert endings(judged, 0.5).tolist() == [Ending.WRONG]
    assert endings(judged, 0.6).tolist() == [Ending.MISSED]


def test_own_thresholds_are_laid_out_by_agent():
    """NaN says that an agent has none, since every number is a threshold."""
    labelled = label(evidence_set(REGISTRY, [[0.5, 0.25, 0.0]]), REGISTRY, ["a"])

    assert labelled.own_thresholds.tolist() == pytest.approx([np.nan, 0.4, np.nan], nan_ok=True)


def test_the_filter_removes_nobody_where_nobody_carries_a_tag():
    """A tag of nobody's, or none at all, leaves every agent a candidate."""
    evidence = evidence_set(REGISTRY, [[0.5, 0.25, 0.0]] * 3, tags=[("y",), ("nobody's",), ()])

    labelled = label(evidence, REGISTRY, [None] * 3)

    assert labelled.removed.tolist() == [[True, False, False], [False] * 3, [False] * 3]


def test_the_best_candidate_is_judged_after_the_filter():
    """With the filter on a tag changes who is best, with it off similarity alone does."""
    labelled = label(evidence_set(REGISTRY, [[0.75, 0.5, 0.25]], tags=[("y",)]), REGISTRY, ["b"])

    with_tags = rank_cases(labelled, use_tags=True)
    without = rank_cases(labelled, use_tags=False)

    assert (with_tags.levels.tolist(), with_tags.correct.tolist()) == ([0.5], [True])
    assert (without.levels.tolist(), without.correct.tolist()) == ([0.75], [False])


def test_cases_of_a_large_index_are_judged_by_agent_not_by_column():
    """With positions the first column may be any agent of the registry."""
    evidence = evidence_set(REGISTRY, [[0.75, 0.5], [0.25, 0.5]], positions=[[1, 2], [0, 2]])

    judged = rank_cases(label(evidence, REGISTRY, ["b", None]), use_tags=True)

    assert judged.best.tolist() == [1, 2]
    assert judged.correct.tolist() == [True, False]


def test_the_filter_knows_which_agents_a_large_index_returned():
    """A tag's carriers are looked up by position; where none was returned, all stay."""
    registry = Registry((*REGISTRY.agents, Agent("d", "D", "Does d.")))
    evidence = evidence_set(
        registry, [[0.75, 0.5], [0.25, 0.5]], tags=[("y",), ("x",)], positions=[[0, 2], [1, 3]]
    )

    labelled = label(evidence, registry, [None, None])

    assert labelled.removed.tolist() == [[True, False], [False, False]]


def test_a_single_agent_has_an_infinite_lead():
    """Without a runner-up no margin makes a case ambiguous."""
    registry = Registry(REGISTRY.agents[:1])
    labelled = label(evidence_set(registry, [[0.5]]), registry, ["a"])

    judged = settle(rank_cases(labelled, use_tags=True), 2.0, None)

    assert judged.leads.tolist() == [np.inf]
    assert judged.levels.tolist() == [0.5]


def test_settling_in_figures():
    """A lead below the margin: never; an own threshold: always or never; else the score."""
    ranked = Judged(
        best=np.array([0, 0, 1, 1, 1]),
        levels=np.array([0.5, 0.5, 0.4, 0.375, 0.9], dtype=np.float32),
        leads=np.array([0.1, 0.05, np.inf, np.inf, 0.05], dtype=np.float32),
        expected=np.array([0, 0, 1, 1, 1]),
    )

    settled = settle(ranked, 0.1, np.array([np.nan, 0.4, np.nan], dtype=np.float32))

    assert settled.levels.tolist() == [0.5, -np.inf, np.inf, -np.inf, -np.inf]
    assert settled.levels.dtype == np.float32


def test_without_own_thresholds_and_margin_settling_changes_nothing():
    """Levels stay the scores, ties with a lead of nothing too."""
    evidence = evidence_set(REGISTRY, [[0.5, 0.5, 0.0], [0.25, 0.0, 0.75]])
    ranked = rank_cases(label(evidence, REGISTRY, ["a", None]), use_tags=True)

    settled = settle(ranked, 0.0, None)

    assert settled.levels.tolist() == [0.5, 0.75]


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(np.array([True, False, True]), id="by a mask"),
        pytest.param(np.array([0, 2]), id="by rows"),
    ],
)
def test_a_part_keeps_every_figure_with_its_case(chosen):
    """All four arrays are cut alike."""
    judged = Judged(
        best=np.array([4, 5, 6]),
        levels=np.array([0.1, 0.2, 0.3], dtype=np.float32),
        leads=np.array([0.4, 0.5, 0.6], dtype=np.float32),
        expected=np.array([7, 8, 9]),
    )

    part = judged.part(chosen)

    assert part.best.tolist() == [4, 6]
    assert part.levels.tolist() == pytest.approx([0.1, 0.3])
    assert part.leads.tolist() == pytest.approx([0.4, 0.6])
    assert part.expected.tolist() == [7, 9]


def test_lexical_help_changes_who_is_best():
    """Half of the words in common outweigh a small difference of meaning, if they are to count."""
    evidence = evidence_set(REGISTRY, [[0.5, 0.25, 0.0]], lexical=[[0.0, 0.75, 0.0]])
    labelled = label(evidence, REGISTRY, ["b"])

    without = rank_cases(labelled, use_tags=True)
    with_help = rank_cases(labelled, use_tags=True, lexical_weight=0.5)

    assert (without.best.tolist(), without.levels.tolist()) == ([0], [0.5])
    assert (with_help.best.tolist(), with_help.levels.tolist()) == ([1], [0.625])
    assert with_help.leads.tolist() == [0.125]
