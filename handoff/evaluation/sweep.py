"""One threshold for all: what each would come to, exactly, from evidence that was gathered once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handoff.core.model import BoolArray, EvidenceSet, FloatArray, IntArray, Registry
from handoff.core.ranking import rank


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a sweep needs to know of each case; all of shape (cases,).

    Attributes:
        best_scores: The best candidate's score.
        correct: The best candidate is the expected agent.
        in_scope: Somebody is expected.
    """

    best_scores: FloatArray
    correct: BoolArray
    in_scope: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Counts at every threshold at which anything changes; all of shape (thresholds,).

    Attributes:
        thresholds: Every distinct best score, ascending, and last one that nothing reaches.
        right: Handed to the expected agent.
        wrong: Handed to another agent than the expected one.
        missed: Somebody was expected, nobody selected.
        refused: Nobody was expected, nobody selected.
        taken: Nobody was expected, somebody selected.
    """

    thresholds: FloatArray
    right: IntArray
    wrong: IntArray
    missed: IntArray
    refused: IntArray
    taken: IntArray

    @property
    def accuracy(self) -> FloatArray:
        """Share of cases that end as their label says, shape (thresholds,)."""
        cases = self.right[0] + self.wrong[0] + self.missed[0] + self.refused[0] + self.taken[0]
        return np.asarray((self.right + self.refused) / cases, dtype=np.float32)

    @property
    def net(self) -> IntArray:
        """Right hand-offs less those to somebody wrong, shape (thresholds,).

        What nobody takes counts nothing: a person looks at it, and little is lost.
        """
        return self.right - self.wrong - self.taken


def judge_cases(
    evidence: EvidenceSet,
    registry: Registry,
    expected: Sequence[str | None],
    *,
    use_tags: bool = True,
) -> Judged:
    """Rank every case once.

    Args:
        evidence: At least one case.
        registry: The one that the evidence was gathered on.
        expected: One agent id a case, None where nobody should take it.
        use_tags: Whether the tag filter is on.
    """
    rankings = [rank(one, registry, use_tags=use_tags) for one in evidence]
    wanted = [-1 if agent is None else registry.positions[agent] for agent in expected]
    return Judged(
        best_scores=np.array([ranking.scores[0] for ranking in rankings], dtype=np.float32),
        correct=np.array([ranking.order[0] for ranking in rankings]) == np.array(wanted),
        in_scope=np.array(wanted) >= 0,
    )


def sweep(judged: Judged) -> Sweep:
    """Count outcomes at every distinct best score; exact, since nothing changes in between."""
    distinct = np.unique(judged.best_scores)
    beyond = np.nextafter(distinct[-1], np.float32(np.inf), dtype=np.float32)
    thresholds = np.append(distinct, beyond)

    def reaching(group: BoolArray) -> IntArray:
        scores = np.sort(judged.best_scores[group])
        return len(scores) - np.searchsorted(scores, thresholds, side="left")

    right = reaching(judged.correct)
    wrong = reaching(judged.in_scope & ~judged.correct)
    taken = reaching(~judged.in_scope)
    in_scope = int(np.count_nonzero(judged.in_scope))
    return Sweep(
        thresholds=thresholds,
        right=right,
        wrong=wrong,
        missed=in_scope - right - wrong,
        refused=len(judged.in_scope) - in_scope - taken,
        taken=taken,
    )


def best_threshold(swept: Sweep, worth: FloatArray | IntArray) -> float:
    """Return the threshold of most worth, from the middle of the widest gap that has it.

    Any threshold between two neighbouring scores decides the same; the middle is farthest from
    changing its mind.

    Args:
        swept: At least one case.
        worth: What each threshold is worth, such as `swept.net`, shape (thresholds,).
    """
    best = np.flatnonzero(worth == worth.max())
    # A threshold above the score before and up to this one decides as this one does.
    before = swept.thresholds[np.maximum(best - 1, 0)]
    widest = int(np.argmax(swept.thresholds[best] - before))
    lower, upper = before[widest], swept.thresholds[best][widest]
    middle = np.float32((float(lower) + float(upper)) / 2)
    # Between neighbours of float32 there is no middle.
    return float(middle if middle > lower else upper)


def accuracy_at(judged: Judged, threshold: float) -> float:
    """Return the share of cases that end as their label says at one threshold."""
    reached = judged.best_scores >= np.float32(threshold)
    return float(np.mean(np.where(judged.in_scope, reached & judged.correct, ~reached)))


def top1(judged: Judged) -> float:
    """Return the share of in-scope cases whose best candidate is the expected agent, or NaN."""
    in_scope = judged.correct[judged.in_scope]
    return float(in_scope.mean()) if len(in_scope) else float("nan")


def auroc(judged: Judged) -> float:
    """Return how often an in-scope case scores above one that nobody should take; ties count half.

    The area under the receiver operating characteristic as Mann and Whitney's statistic; NaN where
    one of the two kinds is missing.
    """
    inside = np.sort(judged.best_scores[judged.in_scope])
    outside = judged.best_scores[~judged.in_scope]
    if not len(inside) or not len(outside):
        return float("nan")
    above = len(inside) - np.searchsorted(inside, outside, side="right")
    below = np.searchsorted(inside, outside, side="left")
    ties = len(inside) - above - below
    return float(np.mean(above + ties / 2) / len(inside))
