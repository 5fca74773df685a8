"""What a threshold is for, and the best one for it on cases that were swept."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from handoff.core.errors import SettingsError
from handoff.core.model import BoolArray, FloatArray
from handoff.core.texts import parse_number, shorten
from handoff.evaluation.binomial import allowed_errors, needed_trials
from handoff.evaluation.counts import Counts
from handoff.evaluation.crossing import find_crossings
from handoff.evaluation.judged import Judged
from handoff.evaluation.sweep import best_threshold, sweep


class Aim(StrEnum):
    """What is asked of a threshold."""

    ACCURACY = "accuracy"
    """As many cases as possible end as their label says."""
    BALANCED = "balanced"
    """The same, with both kinds of cases weighing the same."""
    WRONG = "wrong"
    """At most a share of the cases is handed off wrongly; else as many hand-offs as possible."""
    COVERAGE = "coverage"
    """At least a share of the cases is handed off; else as accurate as possible."""


@dataclass(frozen=True, slots=True)
class Goal:
    """An aim, and the share that it promises, from 0 to 1, where it promises one."""

    aim: Aim
    share: float | None = None

    def __str__(self) -> str:
        return self.aim.value if self.share is None else f"{self.aim.value}={self.share:g}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold for a goal.

    Attributes:
        threshold: The threshold.
        kept: Whether the goal's share holds on the cases; True for goals without one.
        promised: Whether the cases are many enough to promise it beyond them; likewise.
    """

    threshold: float
    kept: bool = True
    promised: bool = True


def parse_goal(text: str) -> Goal:
    """Return the goal that somebody typed: accuracy, balanced, wrong=0.02 or coverage=0.8.

    Raises:
        SettingsError: It is none of these.
    """
    name, equals, share = text.strip().partition("=")
    aims = {aim.value: aim for aim in Aim}
    aim = aims.get(name.strip().lower())
    promises = aim in (Aim.WRONG, Aim.COVERAGE)
    if aim is None or promises != bool(equals):
        raise SettingsError(
            f"The goal '{shorten(text)}' is unknown: choose accuracy, balanced, wrong=SHARE or "
            "coverage=SHARE."
        )
    return Goal(aim, parse_share(share, f"The share of the goal {aim.value}") if promises else None)


def parse_share(text: str, name: str) -> float:
    """Return the share that somebody typed.

    Raises:
        SettingsError: It is no number from 0 to 1.
    """
    share = parse_number(text)
    if not 0 <= share <= 1:
        raise SettingsError(f"{name} must be a number from 0 to 1.")
    return share


def choose(judged: Judged, goal: Goal) -> Choice:
    """Choose the threshold that serves a goal best on these cases.

    What is to be as high as possible is not read off an exact curve, whose peak owes much to
    chance, but fitted (see `find_crossings`). A promised share is kept with room for chance, so
    that it holds for other queries of the kind (see `allowed_errors`); where the cases are too few
    for that, it holds on them only.

    Args:
        judged: At least one case.
        goal: What the threshold should achieve.
    """
    if goal.aim in (Aim.ACCURACY, Aim.BALANCED):
        everything = np.ones((1, len(judged)), dtype=np.bool_)
        return Choice(float(choose_each(judged, goal, everything)[0]))
    swept = sweep(judged)
    share = goal.share or 0.0
    if goal.aim is Aim.WRONG:
        errors, most, worth = swept.to_wrong, share, swept.handed_off.astype(np.float32)
    else:
        errors, most, worth = swept.cases - swept.handed_off, 1 - share, swept.accuracy
    allowed = errors <= allowed_errors(swept.cases, most)
    promised = bool(allowed.any())
    held = int(swept.cases * most + 1e-9)
    kept = bool(errors.min() <= held)
    if not promised:
        allowed = errors <= max(held, int(errors.min()))
    worth = np.where(allowed, worth, -np.inf)
    threshold = _legible(best_threshold(swept, worth), judged.levels)
    # A threshold that had to come down to 1 may hand off more than was asked for.
    at = int(np.searchsorted(swept.thresholds[:-1], np.float32(threshold)))
    return Choice(threshold, kept and bool(errors[at] <= held), promised and bool(allowed[at]))


def choose_each(judged: Judged, goal: Goal, parts: BoolArray) -> NDArray[np.float64]:
    """Choose a threshold on each of several parts of a set, as `choose` does on one.

    Args:
        judged: The set.
        goal: What the thresholds should achieve.
        parts: Which cases each part has, at least one, shape (parts, cases).

    Returns:
        Shape (parts,).
    """
    if goal.aim in (Aim.WRONG, Aim.COVERAGE):
        return np.array([choose(judged.part(part), goal).threshold for part in parts])
    weights = np.ones(len(parts))
    if goal.aim is Aim.BALANCED:
        weights = np.array([weight_of_nobody(judged.part(part)) for part in parts])
    return np.clip(np.round(find_crossings(judged, parts, weights), 4), -1, 1)


def serve(counts: Counts, goal: Goal, *, promised: bool = True) -> tuple[float, ...]:
    """Return how well endings serve a goal, to be compared: the higher, the better.

    A promised share goes before one that only holds, and keeping it before what it leaves.

    Args:
        counts: At least one case.
        goal: What they should achieve.
        promised: Whether the goal's share is promised; True for goals without one.
    """
    if goal.aim is Aim.ACCURACY:
        return (counts.accuracy,)
    if goal.aim is Aim.BALANCED:
        return (counts.balanced,)
    share = goal.share or 0.0
    if goal.aim is Aim.WRONG:
        return (float(promised), -max(0.0, counts.wrong_share - share), counts.coverage)
    return (float(promised), -max(0.0, share - counts.coverage), counts.accuracy)


def weight_of_nobody(judged: Judged) -> float:
    """Return what a case that nobody should take counts if both kinds are to weigh the same."""
    in_scope = int(np.count_nonzero(judged.in_scope))
    others = len(judged) - in_scope
    return in_scope / others if in_scope and others else 1.0


def more_to_promise(cases: int, goal: Goal) -> int | None:
    """Return how many more cases it takes to promise anything at all; None where no number does.

    Args:
        cases: How many there are to choose with.
        goal: One with a share.
    """
    share = goal.share or 0.0
    needed = needed_trials(share if goal.aim is Aim.WRONG else 1 - share)
    return None if needed is None else max(0, needed - cases)


def _legible(threshold: float, levels: FloatArray) -> float:
    """Return a threshold with four decimals, unless that decides a case otherwise."""
    short = np.float32(round(threshold, 4))
    same = np.array_equal(levels >= short, levels >= np.float32(threshold))
    return _within_range(round(threshold, 4) if same else threshold)


def _within_range(threshold: float) -> float:
    """Return a threshold that may be typed: lexical help can lift a score above 1."""
    return float(np.clip(threshold, -1, 1))
