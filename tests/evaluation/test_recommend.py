"""A threshold chosen on one half of the cases, with its price on the other."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import some

from handoff.core.model import Policy, ThresholdSource
from handoff.evaluation.binomial import needed_trials
from handoff.evaluation.counts import Counts, count, endings
from handoff.evaluation.goal import Aim, Choice, Goal, choose
from handoff.evaluation.judged import NOBODY, Judged, settle
from handoff.evaluation.recommend import FEWEST, intervals, recommend, split

POLICY = Policy(0.3, ThresholdSource.CONFIG)
GOALS = (
    Goal(Aim.ACCURACY),
    Goal(Aim.BALANCED),
    Goal(Aim.WRONG, 0.1),
    Goal(Aim.COVERAGE, 0.5),
)
endings_of_ten = st.lists(st.integers(0, 40), min_size=5, max_size=5).filter(any)


def ranked_cases(in_scope: int, nobodys: int, *, low: float = 0.5, seed: int = 3) -> Judged:
    """Return cases of two agents whose scores overlap: in scope around 0.6, the others 0.3.

    One in ten of the in-scope cases has the other agent as its best. Agent 1 scores higher by the
    difference of `low` and 0.5.
    """
    random = np.random.default_rng(seed)
    cases = in_scope + nobodys
    best = np.arange(cases) % 2
    expected = np.where(np.arange(cases) % 10 == 7, 1 - best, best)
    expected[in_scope:] = NOBODY
    centres = np.where(np.arange(cases) < in_scope, 0.6, 0.3) + (low - 0.5) * best
    return Judged(
        best=best,
        levels=(centres + random.normal(0, 0.12, cases)).clip(-1, 1).astype(np.float32),
        leads=random.uniform(0, 0.5, cases).astype(np.float32),
        expected=expected,
    )


SET = ranked_cases(120, 60)


def facts(found):
    """Return what two recommendations may be compared by."""
    own = None if found.own is None else (found.own.thresholds.tolist(), found.own.held_out)
    return (
        found.threshold,
        found.kept,
        found.promised,
        found.held_out,
        found.accuracy,
        found.coverage,
        found.at_present,
        found.handing_off_all,
        found.more_cases,
        found.nobodies,
        str(own),
    )


@some
@given(expected=st.lists(st.integers(-2, 4), max_size=40), seed=st.integers(0, 99))
def test_a_split_is_half_of_the_cases_and_of_each_label(expected, seed):
    """To within one, for every label and for the whole."""
    chosen = split(np.array(expected, dtype=np.intp), seed)
    whole = Counter(expected)
    half = Counter(np.array(expected, dtype=np.intp)[chosen].tolist())

    assert chosen.shape == (len(expected),)
    assert abs(2 * int(chosen.sum()) - len(expected)) <= 1
    assert all(abs(2 * half[each] - whole[each]) <= 1 for each in whole)


def test_a_split_depends_on_its_seed_only():
    """The same seed chooses the same half, another one another."""
    assert split(SET.expected, 1).tolist() == split(SET.expected, 1).tolist()
    assert split(SET.expected, 1).tolist() != split(SET.expected, 2).tolist()


def test_labels_with_a_single_case_do_not_all_land_in_the_same_half():
    """Which of them is chosen hangs on the seed, not on their place in the registry."""
    singles = np.arange(20)

    chosen = [tuple(np.flatnonzero(split(singles, seed)).tolist()) for seed in range(5)]

    assert [len(each) for each in chosen] == [10] * 5
    assert len(set(chosen)) == 5


def test_a_split_does_not_follow_the_order_of_the_file():
    """Files are sorted by agent and by how hard their cases are; every second row is no sample."""
    chosen = split(np.zeros(40, dtype=np.intp), 0)

    assert chosen.tolist() not in ([True, False] * 20, [False, True] * 20)


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_a_recommendation_depends_on_its_seed_only(goal):
    """The same cases and seed give the same figures to the last digit."""
    assert facts(recommend(SET, goal, POLICY, 2)) == facts(recommend(SET, goal, POLICY, 2))


def test_another_seed_is_another_split():
    """The seed reaches the split: figures differ."""
    first = recommend(SET, GOALS[0], POLICY, 2, seed=1)

    assert facts(first) != facts(recommend(SET, GOALS[0], POLICY, 2, seed=2))


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_the_held_out_half_has_no_say_in_the_threshold(goal):
    """With its scores and leads turned upside down, the same threshold is chosen."""
    held_out = ~split(SET.expected, 0)
    poisoned = replace(
        SET,
        levels=np.where(held_out, -SET.levels, SET.levels),
        leads=np.where(held_out, 0, SET.leads).astype(np.float32),
    )

    clean, other = (recommend(judged, goal, POLICY, 2) for judged in (SET, poisoned))

    assert other.threshold == clean.threshold
    assert other.promised == clean.promised
    assert other.held_out != clean.held_out


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_the_held_out_labels_have_no_say_in_the_threshold(goal, monkeypatch):
    """With every label there changed, on the same split, the same threshold is chosen."""
    choosing = split(SET.expected, 0)
    monkeypatch.setattr("handoff.evaluation.recommend.split", lambda *_: choosing)
    changed = np.where(SET.expected == NOBODY, SET.best, NOBODY)
    poisoned = replace(SET, expected=np.where(choosing, SET.expected, changed))

    clean, other = (recommend(judged, goal, POLICY, 2) for judged in (SET, poisoned))

    assert other.threshold == clean.threshold
    assert other.promised == clean.promised
    assert other.held_out != clean.held_out


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_the_choosing_half_has_no_say_in_the_price(goal):
    """The reported counts are those of the other half at the chosen threshold, and no others."""
    found = recommend(SET, goal, POLICY, 2)
    held_out = SET.part(~split(SET.expected, 0))

    assert found.held_out == count(endings(held_out, found.threshold))
    assert found.at_present == count(endings(held_out, POLICY.threshold))
    assert found.handing_off_all == count(endings(held_out, -1.0))
    assert found.held_out.cases == len(SET) // 2


def test_handing_off_all_holds_nothing_back_for_a_low_score():
    """Cosines may lie below zero; without a threshold these are handed off too."""
    low = replace(SET, levels=SET.levels - np.float32(0.6))

    found = recommend(low, GOALS[0], POLICY, 2)

    assert low.levels.min() < 0
    assert found.handing_off_all.handed_off == found.handing_off_all.cases


def test_the_margin_in_use_stays():
    """Ambiguous cases stay so at any threshold, and the threshold is chosen with them."""
    settled = settle(SET, 0.25, None)
    choosing = split(SET.expected, 0)

    found = recommend(settled, GOALS[0], replace(POLICY, margin=0.25), 2)

    assert found.threshold == choose(settled.part(choosing), GOALS[0]).threshold
    assert found.held_out == count(endings(settled.part(~choosing), found.threshold))
    assert found.handing_off_all.handed_off < found.handing_off_all.cases


def test_fewer_than_ten_cases_are_no_ground_for_a_recommendation():
    """None below ten, a recommendation from ten on."""
    assert FEWEST == 10
    assert recommend(SET.part(np.arange(9)), GOALS[0], POLICY, 2) is None
    assert recommend(SET.part(np.arange(10)), GOALS[0], POLICY, 2) is not None


def test_a_recommendation_beats_a_bad_threshold_and_none():
    """What it is compared with is counted on the same half."""
    found = recommend(SET, GOALS[0], POLICY, 2)

    assert found.held_out.accuracy > found.at_present.accuracy
    assert found.held_out.accuracy > found.handing_off_all.accuracy
    assert found.at_present.accuracy > found.handing_off_all.accuracy


@some
@given(numbers=endings_of_ten, seed=st.integers(0, 9))
def test_intervals_contain_their_estimate_and_stay_shares(numbers, seed):
    """For any counts, accuracy and coverage lie in their own interval, within 0 and 1."""
    counts = Counts(*numbers)

    accuracy, coverage = intervals(counts, seed)

    assert 0 <= accuracy.low <= counts.accuracy <= accuracy.high <= 1
    assert 0 <= coverage.low <= counts.coverage <= coverage.high <= 1


def test_an_interval_in_figures():
    """Of 100 cases, 80 right: about 0.8 plus and minus 1.96 standard errors of 0.04."""
    accuracy, coverage = intervals(Counts(60, 10, 10, 20, 0))

    assert (accuracy.low, accuracy.high) == pytest.approx((0.72, 0.88), abs=0.015)
    assert (coverage.low, coverage.high) == pytest.approx((0.61, 0.79), abs=0.015)


def test_four_times_the_cases_halve_an_interval():
    """An interval is about the number of cases, not only about the share."""
    narrow, _ = intervals(Counts(240, 40, 40, 80, 0))
    wide, _ = intervals(Counts(60, 10, 10, 20, 0))

    ratio = (narrow.high - narrow.low) / (wide.high - wide.low)

    assert ratio == pytest.approx(0.5, abs=0.06)


def test_intervals_depend_on_their_seed_only():
    """A page that asks twice shows the same figures."""
    counts = Counts(61, 10, 9, 20, 3)

    assert intervals(counts, 4) == intervals(counts, 4)
    assert intervals(counts, 4) != intervals(counts, 5)


def test_more_cases_are_wanted_until_the_interval_is_narrow():
    """They are so many that the held-out half settles its accuracy to within 10 points."""
    found = recommend(SET, GOALS[0], POLICY, 2)
    accuracy = found.held_out.accuracy
    half = (len(SET) + found.more_cases) / 2
    width = 2 * 1.96 * (accuracy * (1 - accuracy) / half) ** 0.5

    assert found.more_cases > 0
    assert width == pytest.approx(0.1, abs=0.001)


def test_a_large_set_wants_no_more_cases():
    """Two thousand cases settle an accuracy."""
    assert recommend(ranked_cases(1_400, 700), GOALS[0], POLICY, 2).more_cases == 0


def test_a_promise_that_is_out_of_reach_says_how_many_cases_it_takes():
    """With so many more, the choosing half is large enough for a sample without errors."""
    goal = Goal(Aim.WRONG, 0.02)

    found = recommend(SET, goal, POLICY, 2)

    assert not found.promised
    assert (len(SET) + found.more_cases) // 2 == needed_trials(0.02)


def test_a_goal_that_does_not_hold_asks_for_no_more_cases():
    """Where a margin keeps half of the cases back, more of them change nothing."""
    settled = settle(SET, 0.25, None)

    found = recommend(settled, Goal(Aim.COVERAGE, 0.9), replace(POLICY, margin=0.25), 2)

    assert not found.kept
    assert not found.promised
    assert found.more_cases is None


def test_a_promise_that_no_sample_can_give_asks_for_none():
    """None wrong at all is never sure: no number of cases settles it."""
    found = recommend(SET, Goal(Aim.WRONG, 0.0), POLICY, 2)

    assert not found.promised
    assert found.more_cases is None


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_a_set_without_nobodys_cases_says_so(goal):
    """There is a threshold, and the number 0 to warn by."""
    found = recommend(ranked_cases(60, 0), goal, POLICY, 2)

    assert found.nobodies == 0
    assert -1 <= found.threshold <= 1
    assert found.held_out.refused == found.held_out.taken == 0


@pytest.mark.parametrize("goal", GOALS[:3], ids=str)
def test_a_set_of_nobodys_cases_only_refuses_nearly_all(goal):
    """All none: the threshold lies high, and both halves are counted."""
    found = recommend(ranked_cases(0, 60), goal, POLICY, 2)

    assert found.nobodies == 60
    assert found.held_out.refused >= 27
    assert found.held_out.right == 0


def test_nobodies_are_counted_in_both_halves():
    """The warning is about the whole set."""
    assert recommend(SET, GOALS[0], POLICY, 2).nobodies == 60


def test_own_thresholds_are_offered_where_they_win_on_the_held_out_half():
    """An agent that scores 0.4 higher gains by one of its own, and its price is counted there."""
    judged = ranked_cases(400, 200, low=0.9)
    other = judged.part(~split(judged.expected, 0))

    found = recommend(judged, GOALS[0], POLICY, 2)

    assert found.own is not None
    assert found.own.held_out == count(
        endings(settle(other, 0.0, found.own.thresholds), found.threshold)
    )
    assert found.own.held_out.accuracy > found.held_out.accuracy


def test_own_thresholds_are_not_offered_where_the_held_out_half_disagrees():
    """What won on the choosing half is dropped where it loses on the other."""
    judged = ranked_cases(400, 200, low=0.9)
    held_out = ~split(judged.expected, 0)
    # There, agent 1 scores as the other one does.
    shift = np.where(held_out & (judged.best == 1), 0.4, 0).astype(np.float32)

    found = recommend(replace(judged, levels=judged.levels - shift), GOALS[0], POLICY, 2)

    assert found.threshold == recommend(judged, GOALS[0], POLICY, 2).threshold
    assert found.own is None


@pytest.mark.parametrize(
    ("goal", "weight"),
    [
        pytest.param(GOALS[0], 1.0, id="accuracy"),
        pytest.param(GOALS[1], 2.0, id="balanced, with twice as many in scope"),
    ],
)
def test_own_thresholds_are_fitted_on_the_choosing_half_as_the_goal_weighs(
    goal, weight, monkeypatch
):
    """With the chosen threshold as the common one, and without what the margin decided."""
    asked = []

    def fit(*arguments):
        asked.append(arguments)
        return np.array([np.nan, np.nan], dtype=np.float32)

    monkeypatch.setattr("handoff.evaluation.recommend.fit_own", fit)
    choosing = settle(SET, 0.25, None).part(split(SET.expected, 0))
    sure = choosing.part(np.isfinite(choosing.levels))

    found = recommend(settle(SET, 0.25, None), goal, replace(POLICY, margin=0.25), 2)

    ((judged, common, agents, used),) = asked

    assert judged.levels.tolist() == sure.levels.tolist()
    assert (common, agents, used) == (found.threshold, 2, weight)
    assert found.own is None


def test_own_thresholds_stand_beside_the_chosen_common_one(monkeypatch):
    """An agent without one of its own is judged by the common one when the price is counted."""
    judged = ranked_cases(400, 200, low=0.9)
    own = np.array([np.nan, 0.85], dtype=np.float32)
    monkeypatch.setattr("handoff.evaluation.recommend.fit_own", lambda *_: own)
    other = judged.part(~split(judged.expected, 0))

    found = recommend(judged, GOALS[0], POLICY, 2)

    assert found.own.held_out == count(endings(settle(other, 0.0, own), found.threshold))
    assert count(endings(settle(other, 0.0, own), 0.0)) != found.own.held_out


@pytest.mark.parametrize(
    ("goal", "offered"), [(GOALS[0], False), (GOALS[1], True)], ids=["accuracy", "balanced"]
)
def test_own_thresholds_win_by_what_the_goal_counts(goal, offered, monkeypatch):
    """Refusing more is worse for accuracy and better for balance, where nobody's cases are few."""
    chosen = 0.3
    levels = [0.35] * 40 + [0.6] * 360 + [0.35] * 30 + [0.1] * 10
    expected = np.array([0] * 400 + [NOBODY] * 40, dtype=np.intp)
    judged = Judged(
        best=np.zeros(440, dtype=np.intp),
        levels=np.array(levels, dtype=np.float32),
        leads=np.full(440, np.inf, dtype=np.float32),
        expected=expected,
    )
    # Half of every kind of case, to the one.
    half = np.arange(440) % 2 == 0
    monkeypatch.setattr("handoff.evaluation.recommend.split", lambda *_: half)
    monkeypatch.setattr(
        "handoff.evaluation.recommend.choose", lambda *_: Choice(chosen, promised=True)
    )
    own = np.array([0.5], dtype=np.float32)
    monkeypatch.setattr("handoff.evaluation.recommend.fit_own", lambda *_: own)

    found = recommend(judged, goal, POLICY, 1)

    assert found.held_out == Counts(200, 0, 0, 5, 15)
    assert (found.own is not None) == offered


@pytest.mark.parametrize("goal", GOALS[2:], ids=str)
def test_goals_with_a_promise_offer_no_own_thresholds(goal):
    """Own thresholds are fitted for accuracy; they keep no promise."""
    assert recommend(ranked_cases(400, 200, low=0.9), goal, POLICY, 2).own is None


def test_where_own_thresholds_are_in_use_none_are_offered():
    """They have their say in the settled cases already."""
    policy = replace(POLICY, per_agent=True)

    assert recommend(ranked_cases(400, 200, low=0.9), GOALS[0], policy, 2).own is None


def test_a_margin_stays_with_own_thresholds():
    """What is ambiguous is handed to nobody, whatever its agent's own threshold says."""
    judged = ranked_cases(400, 200, low=0.9)
    policy = replace(POLICY, margin=0.25)
    other = judged.part(~split(judged.expected, 0))

    found = recommend(settle(judged, 0.25, None), GOALS[0], policy, 2)

    assert found.own is not None
    assert found.own.held_out == count(
        endings(settle(other, 0.25, found.own.thresholds), found.threshold)
    )
