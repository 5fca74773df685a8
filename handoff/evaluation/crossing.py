"""Where it becomes worth while to hand off: a logistic curve through what hand-offs are worth."""

import numpy as np
from numpy.typing import NDArray

from handoff.core.model import BoolArray
from handoff.evaluation.judged import Judged

RIDGE = 1.0
"""Keeps the curve from becoming a step where few cases, or clear ones, would make it one."""
ROUNDS = 30
_LONGEST_STEP = 2.0
_CLOSE = 1e-7
_NARROWEST = 0.001
_BEYOND = 3
"""So many widths of a level's uncertainty beyond the last level there is no case to come."""


def find_crossings(
    judged: Judged, parts: BoolArray, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find the level at which a right hand-off becomes likelier than one of nobody's case.

    A logistic regression on the level, of the cases whose best candidate is the expected agent
    against those that nobody should take; whom another agent would get is lost at any threshold.
    Two numbers are fitted, and every case has a say in both: the peak of a curve that counts cases
    moves more with each of them. All parts are fitted at once, by Newton's method.

    Args:
        judged: At least one case; those that no common threshold decides have no say.
        parts: Which cases each fit sees, shape (parts, cases).
        weights: What a case of nobody's counts in each, beside 1 for any other, shape (parts,).

    Returns:
        Shape (parts,). Where one kind is missing, or higher levels are no likelier to be right, a
        level beyond all others that hands off all or nothing, whichever is worth more.
    """
    certain = np.isfinite(judged.levels)
    levels = judged.levels[certain].astype(np.float64)
    if not len(levels):
        return np.zeros(len(parts))
    centre, spread = float(levels.mean()), max(float(levels.std()), _NARROWEST)
    margin = _BEYOND * max(spread * len(levels) ** -0.2, _NARROWEST)
    lowest, highest = float(levels.min()) - margin, float(levels.max()) + margin
    counting = certain & (judged.correct | ~judged.in_scope)
    right = judged.correct[counting]
    standard = (judged.levels[counting].astype(np.float64) - centre) / spread
    weighted = np.where(right, 1.0, weights[:, None]) * parts[:, counting]
    slope, height = _fit(standard, right, weighted)
    worth = weighted @ np.where(right, 1.0, -1.0)
    rising = slope > 0
    crossing = centre - spread * height / np.where(rising, slope, 1.0)
    all_or_nothing = np.where(worth >= 0, lowest, highest)
    both = (weighted @ right.astype(np.float64) > 0) & (weighted @ (~right).astype(np.float64) > 0)
    return np.clip(np.where(rising & both, crossing, all_or_nothing), lowest, highest)


def _fit(
    standard: NDArray[np.float64], right: BoolArray, weighted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return slope and height of each part's curve, shape (parts,) each.

    Args:
        standard: Levels in standard deviations from their mean, shape (cases,).
        right: Which cases a hand-off is right for, same shape.
        weighted: What each case counts in each part, shape (parts, cases).
    """
    slope, height = np.zeros(len(weighted)), np.zeros(len(weighted))
    powers = np.stack([np.ones_like(standard), standard, standard**2], axis=1)
    wanted = (weighted * right) @ powers[:, :2]
    for _ in range(ROUNDS):
        # tanh is the logistic function and does not overflow.
        likely = 0.5 + 0.5 * np.tanh((slope[:, None] * standard + height[:, None]) / 2)
        expecting = weighted * likely
        by_height, by_slope = (wanted - expecting @ powers[:, :2]).T
        by_slope = by_slope - RIDGE * slope
        flat, mixed, steep = ((expecting - expecting * likely) @ powers).T
        flat, steep = flat + _CLOSE, steep + RIDGE
        area = flat * steep - mixed**2
        steps = np.stack(
            [(flat * by_slope - mixed * by_height), (steep * by_height - mixed * by_slope)]
        )
        steps = np.clip(steps / area, -_LONGEST_STEP, _LONGEST_STEP)
        slope, height = slope + steps[0], height + steps[1]
        if np.abs(steps).max(initial=0.0) < _CLOSE:
            break
    return slope, height
