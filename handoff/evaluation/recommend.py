"""A threshold that can be defended: chosen fold by fold, and reported on what each left out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handoff.core.model import BoolArray, FloatArray, IntArray, Policy
from handoff.evaluation.binomial import allowed_errors
from handoff.evaluation.counts import Counts, count, endings
from handoff.evaluation.folds import leave_out, split
from handoff.evaluation.goal import (
    Aim,
    Choice,
    Goal,
    choose,
    choose_each,
    more_to_promise,
    serve,
    weight_of_nobody,
)
from handoff.evaluation.judged import Judged, settle
from handoff.evaluation.own_thresholds import fit_own

FEWEST = 10
"""With fewer cases what is left out says nothing."""
FEWEST_OF_A_KIND = 20
"""With fewer cases that nobody should take, a threshold is a guess about them."""
WIDEST = 0.1
"""An interval no wider than this settles what an accuracy is."""
FOLDS = 5
REPEATS = 10
"""How often the cases are dealt to folds anew."""
RESAMPLES = 2_000
SEED = 0

_Z = 1.96


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a share lies with a probability of 95 %."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class OwnThresholds:
    """Thresholds of the agents' own that did better than the common one on a held-out half.

    Attributes:
        thresholds: Fitted on the other half; NaN where an agent has none, shape (agents,).
        held_out: What they come to on the held-out half.
        without: What the common threshold alone comes to there.
    """

    thresholds: FloatArray
    held_out: Counts
    without: Counts


@dataclass(frozen=True, slots=True, eq=False)
class Recommendation:
    """A threshold for a goal with its price, counted on cases that did not choose it.

    Attributes:
        goal: What it is for.
        threshold: Chosen by cross-validation: the mean over the folds.
        lowest: The lowest that a fold chose.
        highest: The highest that a fold chose.
        present: The threshold in use.
        keep: Whether the one in use serves the goal better than what the folds chose.
        kept: Whether the goal's share holds on the cases at the chosen threshold.
        promised: Whether they are many enough to promise it beyond them.
        cases: How many there are; each was held out once per repeat.
        held_out: Counts of the held-out cases, added up over the repeats.
        accuracy: 95 % interval of that accuracy, by bootstrap over the cases.
        coverage: 95 % interval of the coverage there, likewise.
        at_present: Counts of the cases with the present threshold.
        handing_off_all: Counts of the cases if every query were handed off.
        own: Thresholds of the agents' own, where they beat the common one held out.
        more_cases: How many more labelled queries would settle it; 0 where it is settled, None
            where no number would.
        nobodies: How many cases nobody should take.
    """

    goal: Goal
    threshold: float
    lowest: float
    highest: float
    present: float
    keep: bool
    kept: bool
    promised: bool
    cases: int
    held_out: Counts
    accuracy: Interval
    coverage: Interval
    at_present: Counts
    handing_off_all: Counts
    own: OwnThresholds | None
    more_cases: int | None
    nobodies: int

    @property
    def best(self) -> float:
        """The threshold to use: the chosen one, or the one in use where that is to be kept."""
        return self.present if self.keep else self.threshold


def recommend(
    settled: Judged, goal: Goal, policy: Policy, agents: int, seed: int = SEED
) -> Recommendation | None:
    """Choose a threshold by cross-validation and tell its price on what each fold left out.

    Args:
        settled: As `settle` returned it.
        goal: What the threshold should achieve.
        policy: The one in use, settled but for its threshold, which is compared with.
        agents: How many the registry has.
        seed: Of the folds and the bootstrap.

    Returns:
        None with fewer than `FEWEST` cases.
    """
    cases = len(settled)
    if cases < FEWEST:
        return None
    left_out = leave_out(settled.expected, FOLDS, REPEATS, seed)
    thresholds = choose_each(settled, goal, ~left_out)
    chosen = choose(settled, goal)
    threshold = _agree(thresholds, chosen, goal)
    held_out = _count_left_out(settled, thresholds, left_out)
    at_present = count(endings(settled, policy.threshold))
    keep = policy.threshold != threshold and serve(
        at_present, goal, promised=_promises(at_present, goal)
    ) > serve(held_out, goal, promised=chosen.promised)
    accuracy, coverage = intervals(held_out, cases, seed)
    common = policy.threshold if keep else threshold
    return Recommendation(
        goal=goal,
        threshold=threshold,
        lowest=float(thresholds.min()),
        highest=float(thresholds.max()),
        present=policy.threshold,
        keep=keep,
        kept=chosen.kept,
        promised=chosen.promised,
        cases=cases,
        held_out=held_out,
        accuracy=accuracy,
        coverage=coverage,
        at_present=at_present,
        handing_off_all=count(endings(settled, -1.0)),
        own=None if policy.per_agent else _offer_own(settled, goal, common, agents, seed),
        more_cases=_more_cases(cases, chosen, goal, held_out),
        nobodies=int(np.count_nonzero(~settled.in_scope)),
    )


def _agree(thresholds: NDArray[np.float64], chosen: Choice, goal: Goal) -> float:
    """Return the mean of the folds' thresholds, but no less careful than a promise on all cases.

    A promise is a count of errors over all cases, and holds for every threshold beyond.
    """
    mean = round(float(thresholds.mean()), 4)
    if goal.aim is Aim.WRONG:
        return max(mean, chosen.threshold)
    return min(mean, chosen.threshold) if goal.aim is Aim.COVERAGE else mean


def _count_left_out(
    settled: Judged, thresholds: NDArray[np.float64], left_out: BoolArray
) -> Counts:
    """Count how each fold's held-out cases end at the threshold that the others chose."""
    held = left_out.astype(np.float32)
    reached = held * (settled.levels >= thresholds.astype(np.float32)[:, None])
    kinds = np.stack(
        [settled.correct, settled.in_scope & ~settled.correct, ~settled.in_scope], axis=1
    )
    # Sums of ones; they stay exact in float32 up to 16 million a fold.
    handed_off = (reached @ kinds.astype(np.float32)).sum(axis=0, dtype=np.float64)
    right, wrong, taken = (int(each) for each in handed_off)
    all_of_kind = (held @ kinds.astype(np.float32)).sum(axis=0, dtype=np.float64)
    correct, incorrect, nobodys = (int(each) for each in all_of_kind)
    return Counts(
        right=right,
        wrong=wrong,
        missed=correct + incorrect - right - wrong,
        refused=nobodys - taken,
        taken=taken,
    )


def _promises(counts: Counts, goal: Goal) -> bool:
    """Tell whether so few errors promise the goal's share, at a threshold chosen elsewhere."""
    share = goal.share or 0.0
    if goal.aim is Aim.WRONG:
        return counts.wrong + counts.taken <= allowed_errors(counts.cases, share)
    if goal.aim is Aim.COVERAGE:
        return counts.cases - counts.handed_off <= allowed_errors(counts.cases, 1 - share)
    return True


def intervals(
    counts: Counts, cases: int | None = None, seed: int = SEED
) -> tuple[Interval, Interval]:
    """Return 95 % intervals of accuracy and coverage, by bootstrap over the cases.

    Drawing cases with replacement is drawing counts of endings from a multinomial distribution.

    Args:
        counts: At least one case, none failed.
        cases: How many were drawn from, where each was counted more than once; None for once.
        seed: Of the bootstrap.
    """
    drawn_from = counts.cases if cases is None else cases
    each = np.array([counts.right, counts.wrong, counts.missed, counts.refused, counts.taken])
    drawn = np.random.default_rng(seed).multinomial(drawn_from, each / counts.cases, size=RESAMPLES)
    right, wrong, _, refused, taken = drawn.T
    return _interval(right + refused, drawn_from), _interval(right + wrong + taken, drawn_from)


def _interval(drawn: IntArray, cases: int) -> Interval:
    low, high = np.quantile(drawn / cases, (0.025, 0.975))
    return Interval(float(low), float(high))


def _offer_own(
    settled: Judged, goal: Goal, common: float, agents: int, seed: int
) -> OwnThresholds | None:
    """Fit own thresholds on one half; None where they do not win on the other."""
    if goal.aim not in (Aim.ACCURACY, Aim.BALANCED):
        return None
    fitting = split(settled.expected, seed)
    half, other = settled.part(fitting), settled.part(~fitting)
    weight = weight_of_nobody(half) if goal.aim is Aim.BALANCED else 1.0
    own = fit_own(half.part(np.isfinite(half.levels)), common, agents, weight)
    if np.isnan(own).all():
        return None
    without = count(endings(other, common))
    held_out = count(endings(settle(other, 0.0, own), common))
    better = serve(held_out, goal) > serve(without, goal)
    return OwnThresholds(own, held_out, without) if better else None


def _more_cases(cases: int, chosen: Choice, goal: Goal, held_out: Counts) -> int | None:
    if not chosen.kept:
        return None
    if not chosen.promised:
        return more_to_promise(cases, goal)
    # The normal approximation of an interval's width; every case is held out.
    spread = held_out.accuracy * (1 - held_out.accuracy)
    needed = int(np.ceil(spread * (2 * _Z / WIDEST) ** 2))
    return max(0, needed - cases)
