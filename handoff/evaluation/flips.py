"""Which cases end otherwise than before, better and worse apart."""

from dataclasses import dataclass

import numpy as np

from handoff.core.model import IntArray
from handoff.evaluation.counts import EndingArray, good


@dataclass(frozen=True, slots=True, eq=False)
class Flips:
    """Rows of the cases that another one gets than before, or that nobody gets any more.

    Attributes:
        better: They end as their label says now, and did not before.
        worse: They did before, and do not now.
        neither: They did not before and do not now.
    """

    better: IntArray
    worse: IntArray
    neither: IntArray

    def __len__(self) -> int:
        return len(self.better) + len(self.worse) + len(self.neither)


def find_flips(
    before: EndingArray, got_before: IntArray, after: EndingArray, got_after: IntArray
) -> Flips:
    """Compare the same cases in two ways; all of shape (cases,).

    Args:
        before: How they ended.
        got_before: Who got them.
        after: How they end.
        got_after: Who gets them, in the same numbering.
    """
    was_good, is_good = good(before), good(after)
    moved = got_before != got_after
    return Flips(
        better=np.flatnonzero(is_good & ~was_good),
        worse=np.flatnonzero(was_good & ~is_good),
        neither=np.flatnonzero(moved & ~was_good & ~is_good),
    )
