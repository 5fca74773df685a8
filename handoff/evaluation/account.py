"""Where queries are lost, stage by stage, and what each stage could give back."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from handoff.core.model import BoolArray
from handoff.evaluation.counts import Counts, Ending, count, endings
from handoff.evaluation.judged import NOBODY, Judged, Labelled

FateArray = NDArray[np.int8]


class Fate(IntEnum):
    """What became of a case: the first stage that lost it, if any did."""

    RIGHT = 0
    """Handed to the expected agent."""
    FILTERED = 1
    """The tag filter removed the expected agent."""
    OUTRANKED = 2
    """The expected agent was a candidate, another one was the best."""
    HELD_BACK = 3
    """The expected agent was the best; threshold, margin or script kept it from the query."""
    REFUSED = 4
    """Nobody was expected, nobody selected."""
    TAKEN = 5
    """Nobody was expected, somebody selected."""


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Per case: was the expected agent there, and did it survive the tag filter?

    Both of shape (cases,), and True for cases that expect nobody.

    Attributes:
        there: The registry has it, and a large index returned it.
        candidate: It is there, and the tag filter, where it is on, kept it.
    """

    there: BoolArray
    candidate: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """What became of every case, and three ways in which it could have been otherwise.

    Attributes:
        fates: Each case's `Fate`, shape (cases,).
        other_filter: The counts with the tag filter switched the other way.
        perfect_ranking: With the expected agent the best wherever the filter kept it.
        perfect_threshold: With every hand-off that the ranking allows, and no other.
    """

    fates: FateArray
    other_filter: Counts
    perfect_ranking: Counts
    perfect_threshold: Counts

    def number(self, fate: Fate) -> int:
        """Return how many cases met a fate."""
        return int(np.count_nonzero(self.fates == fate))


def take_account(
    judged: Judged, standing: Standing, switched: Judged, threshold: float, failed: int = 0
) -> Account:
    """Say of every case which stage lost it.

    Args:
        judged: The cases, margin and own thresholds settled.
        standing: Of the expected agents.
        switched: The cases judged with the tag filter switched the other way.
        threshold: The common one.
        failed: How many more cases could not be judged.
    """
    ended = endings(judged, threshold)
    lost = np.where(judged.correct, Fate.HELD_BACK, Fate.OUTRANKED)
    lost = np.where(standing.there & ~standing.candidate, Fate.FILTERED, lost)
    unexpected = np.where(ended == Ending.TAKEN, Fate.TAKEN, Fate.REFUSED)
    fates = np.where(
        ended == Ending.RIGHT, Fate.RIGHT, np.where(judged.in_scope, lost, unexpected)
    ).astype(np.int8)
    outranked = (fates == Fate.OUTRANKED) & standing.there
    ranked = np.where(outranked & (ended == Ending.WRONG), Ending.RIGHT, ended)
    separated = np.select(
        [fates == Fate.HELD_BACK, fates == Fate.TAKEN, ended == Ending.WRONG],
        [Ending.RIGHT, Ending.REFUSED, Ending.MISSED],
        ended,
    )
    return Account(
        fates=fates,
        other_filter=count(endings(switched, threshold), failed),
        perfect_ranking=count(ranked.astype(np.int8), failed),
        perfect_threshold=count(separated.astype(np.int8), failed),
    )


def stand(labelled: Labelled, *, use_tags: bool) -> Standing:
    """Tell where the expected agents stand.

    Args:
        labelled: Any set.
        use_tags: Whether the tag filter is on.
    """
    positions, expected = labelled.evidence.positions, labelled.expected
    nobody = expected == NOBODY
    if positions is None:
        removed = labelled.removed[np.arange(len(labelled)), np.maximum(expected, 0)]
        there = expected >= 0
    else:
        at = positions == expected[:, None]
        removed = (at & labelled.removed).any(axis=1)
        there = at.any(axis=1)
    candidate = there & ~removed if use_tags else there
    return Standing(np.asarray(there | nobody), np.asarray(candidate | nobody))
