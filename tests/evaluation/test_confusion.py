"""Who gets whose queries, beside counting with a dictionary."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from judging import MISSING, decided, labelled_sets, policies, settled_by, some

from handoff.evaluation.confusion import Confusion, confuse, figures_by_agent
from handoff.evaluation.judged import ABSENT, NOBODY, Judged


def judged_cases(*cases: tuple[int, int, float]) -> Judged:
    """Return cases by who is expected, who is the best candidate, and its score."""
    return Judged(
        best=np.array([best for _, best, _ in cases], dtype=np.intp),
        levels=np.array([score for _, _, score in cases], dtype=np.float32),
        leads=np.full(len(cases), np.inf, dtype=np.float32),
        expected=np.array([expected for expected, _, _ in cases], dtype=np.intp),
    )


def cells(confusion: Confusion) -> dict[tuple[int, int], int]:
    """Return a confusion as a dictionary."""
    pairs = zip(confusion.expected.tolist(), confusion.got.tolist(), strict=True)
    return dict(zip(pairs, confusion.cases.tolist(), strict=True))


SIX = judged_cases(
    (0, 0, 0.9), (0, 0, 0.8), (0, 1, 0.7), (NOBODY, 1, 0.6), (1, 1, 0.4), (ABSENT, 2, 0.9)
)


@some
@given(known=labelled_sets(), policy=policies)
def test_a_confusion_is_what_a_dictionary_counts(known, policy):
    """Every pair of who should get a case and who gets it, decided one by one, with its number."""
    labelled, expected = known
    numbers = {None: NOBODY, MISSING: ABSENT, **labelled.registry.positions}
    alone = Counter(
        (numbers[wanted], numbers[got])
        for wanted, got in zip(expected, decided(labelled, policy), strict=True)
    )

    confusion = confuse(settled_by(labelled, policy), policy.threshold)

    assert cells(confusion) == alone
    assert len(confusion.cases) == len(alone)


@some
@given(known=labelled_sets(), policy=policies)
def test_the_figures_of_an_agent_are_what_counting_gives(known, policy):
    """What it should get, gets, and gets rightly, of the cases decided one by one."""
    labelled, expected = known
    got = decided(labelled, policy)
    ids = [agent.id for agent in labelled.registry.agents]

    figures = figures_by_agent(confuse(settled_by(labelled, policy), policy.threshold), len(ids))

    assert figures.expected.tolist() == [expected.count(agent) for agent in ids]
    assert figures.got.tolist() == [got.count(agent) for agent in ids]
    assert figures.right.tolist() == [
        sum(one == other == agent for one, other in zip(expected, got, strict=True))
        for agent in ids
    ]


def test_a_confusion_in_figures():
    """Fullest cell first; equal ones by who is expected, then by who gets them."""
    confusion = confuse(SIX, 0.5)

    assert list(cells(confusion).items()) == [
        ((0, 0), 2),
        ((ABSENT, 2), 1),
        ((NOBODY, 1), 1),
        ((0, 1), 1),
        ((1, NOBODY), 1),
    ]


def test_off_the_diagonal_are_the_cells_that_went_elsewhere():
    """Right ones and those refused rightly are left out, the order stays."""
    confusion = confuse(judged_cases((0, 0, 0.9), (NOBODY, 0, 0.1), (1, 0, 0.9), (1, 1, 0.1)), 0.5)

    assert list(cells(confusion.off_diagonal).items()) == [((1, NOBODY), 1), ((1, 0), 1)]


def test_precision_and_recall_in_figures():
    """NaN for the agent that nobody expects and the one that gets nothing, without a warning."""
    figures = figures_by_agent(confuse(SIX, 0.5), 4)

    assert figures.expected.tolist() == [3, 1, 0, 0]
    assert figures.got.tolist() == [2, 2, 1, 0]
    assert figures.right.tolist() == [2, 0, 0, 0]
    assert figures.precision.tolist() == pytest.approx([1, 0, 0, np.nan], nan_ok=True)
    assert figures.recall.tolist() == pytest.approx([2 / 3, 0, np.nan, np.nan], nan_ok=True)
