"""A threshold that can be defended: chosen on one half of the cases, reported on the other."""

from dataclasses import dataclass

import numpy as np

from handoff.core.model import BoolArray, FloatArray, IntArray, Policy
from handoff.evaluation.counts import Counts, count, endings
from handoff.evaluation.goal import Aim, Choice, Goal, choose, more_to_promise, weight_of_nobody
from handoff.evaluation.judged import Judged, settle
from handoff.evaluation.own_thresholds import fit_own

FEWEST = 10
"""With fewer cases no half says anything."""
FEWEST_OF_A_KIND = 20
"""With fewer cases that nobody should take, a threshold is a guess about them."""
WIDEST = 0.1
"""An interval no wider than this settles what an accuracy is."""
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
    """Thresholds of the agents' own that did better than the common one on the held-out half.

    Attributes:
        thresholds: NaN where an agent has none, shape (agents,).
        held_out: What they come to there.
    """

    thresholds: FloatArray
    held_out: Counts


@dataclass(frozen=True, slots=True, eq=False)
class Recommendation:
    """A threshold for a goal with its price, counted on the half that did not choose it.

    Attributes:
        goal: What it is for.
        threshold: The threshold.
        kept: Whether the goal's share holds on the half that the threshold was chosen on.
        promised: Whether that half is large enough to promise it.
        held_out: Counts on the held-out half.
        accuracy: 95 % interval of that accuracy, by bootstrap.
        coverage: 95 % interval of the coverage there, likewise.
        at_present: Counts on the held-out half with the present threshold.
        handing_off_all: Counts on the held-out half if every query were handed off.
        own: Thresholds of the agents' own, where they beat the common one there.
        more_cases: How many more labelled queries would settle it; 0 where it is settled, None
            where no number would.
        nobodies: How many cases nobody should take, in both halves.
    """

    goal: Goal
    threshold: float
    kept: bool
    promised: bool
    held_out: Counts
    accuracy: Interval
    coverage: Interval
    at_present: Counts
    handing_off_all: Counts
    own: OwnThresholds | None
    more_cases: int | None
    nobodies: int


def recommend(
    settled: Judged, goal: Goal, policy: Policy, agents: int, seed: int = SEED
) -> Recommendation | None:
    """Choose a threshold on one half of the cases and tell its price on the other.

    Args:
        settled: As `settle` returned it.
        goal: What the threshold should achieve.
        policy: The one in use, settled but for its threshold, which is compared with.
        agents: How many the registry has.
        seed: Of the split and the bootstrap.

    Returns:
        None with fewer than `FEWEST` cases.
    """
    if len(settled) < FEWEST:
        return None
    choosing = split(settled.expected, seed)
    half, other = settled.part(choosing), settled.part(~choosing)
    chosen = choose(half, goal)
    held_out = count(endings(other, chosen.threshold))
    accuracy, coverage = intervals(held_out, seed)
    return Recommendation(
        goal=goal,
        threshold=chosen.threshold,
        kept=chosen.kept,
        promised=chosen.promised,
        held_out=held_out,
        accuracy=accuracy,
        coverage=coverage,
        at_present=count(endings(other, policy.threshold)),
        handing_off_all=count(endings(other, -1.0)),
        own=None if policy.per_agent else _offer_own(half, other, goal, chosen.threshold, agents),
        more_cases=_more_cases(len(settled), len(half), chosen, goal, held_out),
        nobodies=int(np.count_nonzero(~settled.in_scope)),
    )


def split(expected: IntArray, seed: int) -> BoolArray:
    """Choose half of the cases, half of each label's to within one; shape (cases,)."""
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(expected))
    # Labels with a single case are shuffled as well; positions begin at -2.
    turn = random.permutation(int(expected.max(initial=0)) + 3)
    by_label = shuffled[np.argsort(turn[expected[shuffled] + 2], kind="stable")]
    chosen = np.zeros(len(expected), dtype=np.bool_)
    chosen[by_label[::2]] = True
    return chosen


def intervals(counts: Counts, seed: int = SEED) -> tuple[Interval, Interval]:
    """Return 95 % intervals of accuracy and coverage, by bootstrap over the cases.

    Drawing cases with replacement is drawing counts of endings from a multinomial distribution.

    Args:
        counts: At least one case, none failed.
        seed: Of the bootstrap.
    """
    each = np.array([counts.right, counts.wrong, counts.missed, counts.refused, counts.taken])
    drawn = np.random.default_rng(seed).multinomial(
        counts.cases, each / counts.cases, size=RESAMPLES
    )
    right, wrong, _, refused, taken = drawn.T
    return _interval(right + refused, counts.cases), _interval(right + wrong + taken, counts.cases)


def _interval(drawn: IntArray, cases: int) -> Interval:
    low, high = np.quantile(drawn / cases, (0.025, 0.975))
    return Interval(float(low), float(high))


def _offer_own(
    half: Judged, other: Judged, goal: Goal, common: float, agents: int
) -> OwnThresholds | None:
    """Fit own thresholds on the choosing half; None where they do not win on the other."""
    if goal.aim not in (Aim.ACCURACY, Aim.BALANCED):
        return None
    weight = weight_of_nobody(half) if goal.aim is Aim.BALANCED else 1.0
    own = fit_own(half.part(np.isfinite(half.levels)), common, agents, weight)
    if np.isnan(own).all():
        return None
    without = count(endings(other, common))
    held_out = count(endings(settle(other, 0.0, own), common))
    better = (
        held_out.balanced > without.balanced
        if goal.aim is Aim.BALANCED
        else held_out.accuracy > without.accuracy
    )
    return OwnThresholds(own, held_out) if better else None


def _more_cases(
    cases: int, choosing: int, chosen: Choice, goal: Goal, held_out: Counts
) -> int | None:
    if not chosen.kept:
        return None
    if not chosen.promised:
        more = more_to_promise(choosing, goal)
        return None if more is None else 2 * more
    # The normal approximation of an interval's width; both halves have to grow.
    spread = held_out.accuracy * (1 - held_out.accuracy)
    needed = int(np.ceil(spread * (2 * _Z / WIDEST) ** 2))
    return max(0, 2 * needed - cases)
