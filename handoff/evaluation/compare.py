"""Two registries on the same labelled queries, case by case."""

from dataclasses import dataclass

import numpy as np

from handoff.core.model import IntArray, Registry
from handoff.evaluation.analysis import Analysis
from handoff.evaluation.binomial import mcnemar
from handoff.evaluation.flips import Flips, find_flips
from handoff.evaluation.judged import NOBODY


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What changes from one registry to another.

    Attributes:
        before: The same cases on the first.
        after: And on the second.
        flips: The cases that another agent gets, or nobody.
        p_value: How likely flips at least so uneven are by chance; McNemar's exact test.
    """

    before: Analysis
    after: Analysis
    flips: Flips
    p_value: float


def compare(before: Analysis, after: Analysis) -> Comparison:
    """Compare two analyses of the same cases in the same order."""
    registry, other = before.labelled.registry, after.labelled.registry
    flips = find_flips(
        before.ended, before.got, after.ended, _renumbered(after.got, other, registry)
    )
    return Comparison(before, after, flips, mcnemar(len(flips.better), len(flips.worse)))


def _renumbered(got: IntArray, registry: Registry, other: Registry) -> IntArray:
    """Return positions in another registry; agents that it lacks are numbered after its own."""
    numbers = [
        other.positions.get(agent.id, len(other) + position)
        for position, agent in enumerate(registry.agents)
    ]
    # The last one stands for nobody, at position -1.
    return np.array([*numbers, NOBODY], dtype=np.intp)[got]
