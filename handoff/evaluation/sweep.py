"""One threshold for all: what each would come to, exactly, from cases that were ranked once."""

from dataclasses import dataclass

import numpy as np

from handoff.core.model import BoolArray, FloatArray, IntArray
from handoff.evaluation.counts import Counts
from handoff.evaluation.judged import Judged


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Counts at every threshold at which anything changes; all of shape (thresholds,).

    Attributes:
        thresholds: Every distinct level, ascending, plus one threshold above every score,
            where only cases with level +inf are still handed off.
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

    def __getitem__(self, at: int) -> Counts:
        """Return the counts at one of the thresholds."""
        counts = (self.right, self.wrong, self.missed, self.refused, self.taken)
        return Counts(*(int(each[at]) for each in counts))

    @property
    def cases(self) -> int:
        """How many were judged."""
        return self[0].cases

    @property
    def handed_off(self) -> IntArray:
        """Cases that somebody gets, shape (thresholds,)."""
        return self.right + self.wrong + self.taken

    @property
    def to_wrong(self) -> IntArray:
        """Cases that are handed off wrongly, expected or not, shape (thresholds,)."""
        return self.wrong + self.taken

    @property
    def accuracy(self) -> FloatArray:
        """Share of cases that end as their label says, shape (thresholds,)."""
        return np.asarray((self.right + self.refused) / self.cases, dtype=np.float32)

    @property
    def balanced(self) -> FloatArray:
        """Mean of the shares that end well of both kinds; of the only kind where one is missing."""
        in_scope = self.right[0] + self.wrong[0] + self.missed[0]
        shares = [
            part / whole
            for part, whole in ((self.right, in_scope), (self.refused, self.cases - in_scope))
            if whole
        ]
        return np.asarray(np.mean(shares, axis=0), dtype=np.float32)


def sweep(judged: Judged) -> Sweep:
    """Count endings at every distinct level; exact, since nothing changes in between.

    Args:
        judged: At least one case.
    """
    distinct = np.unique(judged.levels[np.isfinite(judged.levels)])
    highest = distinct[-1:] if len(distinct) else np.zeros(1, dtype=np.float32)
    beyond = np.nextafter(highest, np.float32(np.inf), dtype=np.float32)
    thresholds = np.append(distinct, beyond)

    def reaching(group: BoolArray) -> IntArray:
        levels = np.sort(judged.levels[group])
        return len(levels) - np.searchsorted(levels, thresholds, side="left")

    in_scope, correct = judged.in_scope, judged.correct
    right = reaching(correct)
    wrong = reaching(in_scope & ~correct)
    taken = reaching(~in_scope)
    expecting = int(np.count_nonzero(in_scope))
    return Sweep(
        thresholds=thresholds,
        right=right,
        wrong=wrong,
        missed=expecting - right - wrong,
        refused=len(in_scope) - expecting - taken,
        taken=taken,
    )


def best_threshold(swept: Sweep, worth: FloatArray | IntArray) -> float:
    """Return the threshold of most worth, from the middle of the widest gap that has it.

    Any threshold between two neighbouring levels decides the same; the middle is farthest from
    changing its mind.

    Args:
        swept: At least one case.
        worth: What each threshold is worth, such as `swept.accuracy`, shape (thresholds,).
    """
    best = np.flatnonzero(worth == worth.max())
    # A threshold above the level before and up to this one decides as this one does.
    before = swept.thresholds[np.maximum(best - 1, 0)]
    widest = int(np.argmax(swept.thresholds[best] - before))
    lower, upper = before[widest], swept.thresholds[best][widest]
    middle = np.float32((float(lower) + float(upper)) / 2)
    # Between neighbours of float32 there is no middle.
    return float(middle if middle > lower else upper)


def top1(judged: Judged) -> float:
    """Return the share of in-scope cases whose best candidate is the expected agent, or NaN."""
    in_scope = judged.correct[judged.in_scope]
    return float(in_scope.mean()) if len(in_scope) else float("nan")


def auroc(judged: Judged) -> float:
    """Return how often an in-scope case scores above one that nobody should take; ties count half.

    The area under the receiver operating characteristic as Mann and Whitney's statistic; NaN where
    one of the two kinds is missing.
    """
    inside, outside = _both_kinds(judged)
    if not len(inside) or not len(outside):
        return float("nan")
    above = len(inside) - np.searchsorted(inside, outside, side="right")
    below = np.searchsorted(inside, outside, side="left")
    ties = len(inside) - above - below
    return float(np.mean(above + ties / 2) / len(inside))


def false_positives_at(judged: Judged, true_positives: float = 0.95) -> float:
    """Return the share of cases nobody should take that reach what most in-scope cases reach.

    The false-positive rate at a true-positive rate, with in-scope as the positives; NaN where one
    of the two kinds is missing.

    Args:
        judged: Any set.
        true_positives: The share of in-scope cases that shall reach the threshold.
    """
    inside, outside = _both_kinds(judged)
    if not len(inside) or not len(outside):
        return float("nan")
    given_up = min(int(np.floor(len(inside) * (1 - true_positives) + 1e-9)), len(inside) - 1)
    return float(np.mean(outside >= inside[given_up]))


def _both_kinds(judged: Judged) -> tuple[FloatArray, FloatArray]:
    """Return the levels of the in-scope cases, ascending, and those of the others."""
    return np.sort(judged.levels[judged.in_scope]), judged.levels[~judged.in_scope]
