"""Who gets whose queries."""

from dataclasses import dataclass

import numpy as np

from handoff.core.model import FloatArray, IntArray
from handoff.evaluation.judged import NOBODY, Judged


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """The cells of a confusion matrix that are not empty, fullest first; shape (cells,).

    Agents are positions in the registry; `NOBODY` is nobody.

    Attributes:
        expected: Who should get the queries.
        got: Who gets them.
        cases: How many.
    """

    expected: IntArray
    got: IntArray
    cases: IntArray

    @property
    def off_diagonal(self) -> "Confusion":
        """The cells where another one gets the queries than should."""
        strange = self.expected != self.got
        return Confusion(self.expected[strange], self.got[strange], self.cases[strange])


@dataclass(frozen=True, slots=True, eq=False)
class AgentFigures:
    """What each agent should get, gets and gets rightly; all of shape (agents,).

    Attributes:
        expected: Cases that it should get.
        got: Cases that it gets.
        right: Cases that it should get and gets.
    """

    expected: IntArray
    got: IntArray
    right: IntArray

    @property
    def precision(self) -> FloatArray:
        """Share of what an agent gets that it should get; NaN where it gets nothing."""
        return _shares(self.right, self.got)

    @property
    def recall(self) -> FloatArray:
        """Share of what an agent should get that it gets; NaN where that is nothing."""
        return _shares(self.right, self.expected)


def selected(judged: Judged, threshold: float) -> IntArray:
    """Return who gets each case at a common threshold, or `NOBODY`, shape (cases,)."""
    return np.where(judged.levels >= np.float32(threshold), judged.best, NOBODY)


def confuse(judged: Judged, threshold: float) -> Confusion:
    """Count who gets whose queries at a common threshold; equal cells keep registry order."""
    got = selected(judged, threshold)
    # One number a pair: positions begin at -2.
    base = int(max(judged.expected.max(), got.max())) + 3
    pairs, cases = np.unique((judged.expected + 2) * base + got + 2, return_counts=True)
    order = np.argsort(-cases, kind="stable")
    expected, taken = np.divmod(pairs[order], base)
    return Confusion(expected - 2, taken - 2, cases[order])


def figures_by_agent(confusion: Confusion, agents: int) -> AgentFigures:
    """Add up a confusion by agent.

    Args:
        confusion: Of a registry.
        agents: How many that registry has.
    """

    def total(owners: IntArray, cases: IntArray) -> IntArray:
        named = owners >= 0
        return np.bincount(owners[named], cases[named], agents).astype(np.intp)

    diagonal = confusion.expected == confusion.got
    return AgentFigures(
        expected=total(confusion.expected, confusion.cases),
        got=total(confusion.got, confusion.cases),
        right=total(confusion.got[diagonal], confusion.cases[diagonal]),
    )


def _shares(part: IntArray, whole: IntArray) -> FloatArray:
    # 0 / 0 is the NaN that is wanted.
    with np.errstate(invalid="ignore"):
        return np.asarray(part / whole, dtype=np.float32)
