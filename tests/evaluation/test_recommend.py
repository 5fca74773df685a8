"""A threshold chosen on one half of the cases, with its price on the other."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import some
from ranked import GOALS, POLICY, SET, ranked_cases

from handoff.evaluation.binomial import needed_trials
from handoff.evaluation.counts import Counts, count, endings
from handoff.evaluation.goal import Aim, Goal, choose
from handoff.evaluation.judged import NOBODY, settle
from handoff.evaluation.recommend import FEWEST, intervals, recommend, split

endings_of_ten = st.lists(st.integers(0, 40), min_size=5, max_size=5).filter(any)


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
