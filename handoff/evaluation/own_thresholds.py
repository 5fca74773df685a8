"""A threshold of its own for each agent, shrunk towards the common one."""

import numpy as np

from handoff.core.model import FloatArray, IntArray
from handoff.evaluation.judged import Judged

FOLDS = 5
SHRINKAGES = (3.0, 10.0, 30.0, 100.0, np.inf)
"""So many cases of an agent weigh as much as the common threshold; all are tried."""


def fit_own(judged: Judged, common: float, agents: int, weight_of_nobody: float) -> FloatArray:
    """Find each agent's threshold; how far to trust it is settled by cross-validation.

    Args:
        judged: Cases whose levels no own threshold decides.
        common: The common threshold.
        agents: How many the registry has.
        weight_of_nobody: What a case that nobody should take counts, beside 1 for any other.

    Returns:
        Shape (agents,), NaN for agents that are nobody's best candidate and where the common
        threshold is no worse.
    """
    folds = np.arange(len(judged)) % FOLDS
    gains = np.zeros(len(SHRINKAGES))
    for fold in range(FOLDS):
        inside, outside = judged.part(folds != fold), judged.part(folds == fold)
        if not len(inside):
            continue
        exact, seen = _exact(inside, common, agents, weight_of_nobody)
        for at, shrinkage in enumerate(SHRINKAGES):
            own = _shrunk(exact, seen, common, shrinkage)
            gains[at] += _gain(outside, own, common, weight_of_nobody)
    # The strongest shrinkage among the best: less is trusted.
    best = len(SHRINKAGES) - 1 - int(np.argmax(gains[::-1]))
    if np.isinf(SHRINKAGES[best]):
        return np.full(agents, np.nan, dtype=np.float32)
    exact, seen = _exact(judged, common, agents, weight_of_nobody)
    own = _shrunk(exact, seen, common, SHRINKAGES[best])
    own = np.clip(own, -1, 1)
    return np.where(np.isnan(exact) | (own == np.float32(common)), np.nan, own).astype(np.float32)


def _exact(
    judged: Judged, common: float, agents: int, weight_of_nobody: float
) -> tuple[FloatArray, IntArray]:
    """Return each agent's best threshold, nearest to the common one, and how many cases it saw."""
    seen = np.bincount(judged.best, minlength=agents)
    exact = np.full(agents, np.nan, dtype=np.float32)
    worth = np.where(judged.correct, 1.0, np.where(judged.in_scope, 0.0, -weight_of_nobody))
    order = np.lexsort((-judged.levels, judged.best))
    levels, worth = judged.levels[order], worth[order]
    ends = np.cumsum(seen)
    for agent in np.flatnonzero(seen):
        part = slice(ends[agent] - seen[agent], ends[agent])
        exact[agent] = _best_cut(levels[part], worth[part], common)
    return exact, seen


def _best_cut(levels: FloatArray, worth: FloatArray, common: float) -> float:
    """Return the cut of most worth above it; of equals, the one nearest to the common threshold.

    Args:
        levels: Descending, shape (cases,).
        worth: What it is worth to hand each off, same shape.
        common: The common threshold.
    """
    totals = np.concatenate([[0.0], np.cumsum(worth)])
    # Between equal levels there is no cut.
    cuttable = np.concatenate([[True], levels[:-1] > levels[1:], [True]])
    best = np.flatnonzero(cuttable & (totals >= totals[cuttable].max() - 1e-9))
    # Above the first level and below the last there is no neighbour to stay clear of.
    upper = np.concatenate([[np.inf], levels])[best]
    lower = np.concatenate([levels, [-np.inf]])[best]
    middle = (upper + lower) / 2
    inside = np.where(np.isfinite(middle), middle, common)
    # The common threshold itself wherever the gap holds it.
    near = np.where((common > lower) & (common <= upper), common, inside)
    near = np.clip(near, np.nextafter(lower, np.inf), upper)
    return float(near[np.argmin(np.abs(near - common))])


def _shrunk(exact: FloatArray, seen: IntArray, common: float, shrinkage: float) -> FloatArray:
    trust = seen / (seen + shrinkage)
    return np.where(np.isnan(exact), common, trust * exact + (1 - trust) * common).astype(
        np.float32
    )


def _gain(judged: Judged, own: FloatArray, common: float, weight_of_nobody: float) -> float:
    """Return what own thresholds gain over the common one on these cases."""
    worth = np.where(judged.correct, 1.0, np.where(judged.in_scope, 0.0, -weight_of_nobody))
    with_own = judged.levels >= own[judged.best]
    without = judged.levels >= np.float32(common)
    return float((worth * with_own).sum() - (worth * without).sum())
