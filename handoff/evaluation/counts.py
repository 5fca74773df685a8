"""How the cases of a set end, and the figures that follow from counting them."""

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from handoff.core.model import BoolArray
from handoff.evaluation.judged import Judged

EndingArray = NDArray[np.int8]


class Ending(IntEnum):
    """How one case ends, beside its label."""

    RIGHT = 0
    """Handed to the expected agent."""
    WRONG = 1
    """Handed to another agent than the expected one."""
    MISSED = 2
    """Somebody was expected, nobody selected; an ambiguous route too."""
    REFUSED = 3
    """Nobody was expected, nobody selected."""
    TAKEN = 4
    """Nobody was expected, somebody selected."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cases end how; the six add up to `cases`.

    `failed` are those that could not be read or gathered; none of the shares leaves them out.
    """

    right: int
    wrong: int
    missed: int
    refused: int
    taken: int
    failed: int = 0

    @property
    def cases(self) -> int:
        """All of them."""
        return self.right + self.wrong + self.missed + self.refused + self.taken + self.failed

    @property
    def handed_off(self) -> int:
        """Those that somebody gets."""
        return self.right + self.wrong + self.taken

    @property
    def accuracy(self) -> float:
        """Share of cases that end as their label says; NaN without cases."""
        return _share(self.right + self.refused, self.cases)

    @property
    def coverage(self) -> float:
        """Share of cases that somebody gets; NaN without cases."""
        return _share(self.handed_off, self.cases)

    @property
    def precision(self) -> float:
        """Share of hand-offs that reach the expected agent; NaN without hand-offs."""
        return _share(self.right, self.handed_off)

    @property
    def wrong_share(self) -> float:
        """Share of cases that are handed off wrongly, expected or not; NaN without cases."""
        return _share(self.wrong + self.taken, self.cases)

    @property
    def balanced(self) -> float:
        """Mean of the shares that end well of both kinds; of the only kind where one is missing."""
        in_scope = _share(self.right, self.right + self.wrong + self.missed)
        others = _share(self.refused, self.refused + self.taken)
        there = [share for share in (in_scope, others) if not math.isnan(share)]
        return sum(there) / len(there) if there else float("nan")


def endings(judged: Judged, threshold: float) -> EndingArray:
    """Return how each case ends at a common threshold, as an `Ending`, shape (cases,)."""
    handed_off = judged.levels >= np.float32(threshold)
    in_scope = judged.in_scope
    taken = np.where(judged.correct, Ending.RIGHT, Ending.WRONG)
    return np.where(
        in_scope,
        np.where(handed_off, taken, Ending.MISSED),
        np.where(handed_off, Ending.TAKEN, Ending.REFUSED),
    ).astype(np.int8)


def count(ended: EndingArray, failed: int = 0) -> Counts:
    """Count endings.

    Args:
        ended: As `endings` returned them.
        failed: How many cases have none.
    """
    right, wrong, missed, refused, taken = np.bincount(ended, minlength=len(Ending)).tolist()
    return Counts(right, wrong, missed, refused, taken, failed)


def good(ended: EndingArray) -> BoolArray:
    """Tell which cases end as their label says, shape (cases,)."""
    return np.isin(ended, (Ending.RIGHT, Ending.REFUSED))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
