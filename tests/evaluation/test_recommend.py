"""A threshold chosen by cross-validation, with its price on what each fold left out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import some
from ranked import GOALS, POLICY, SET, ranked_cases

from handoff.evaluation.binomial import allowed_errors, needed_trials
from handoff.evaluation.counts import Counts, count, endings
from handoff.evaluation.folds import leave_out
from handoff.evaluation.goal import Aim, Goal, choose, choose_each
from handoff.evaluation.judged import NOBODY, settle
from handoff.evaluation.recommend import FEWEST, FOLDS, REPEATS, intervals, recommend
from handoff.evaluation.sweep import best_threshold, sweep

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


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_a_recommendation_depends_on_its_seed_only(goal):
    """The same cases and seed give the same figures to the last digit."""
    assert facts(recommend(SET, goal, POLICY, 2)) == facts(recommend(SET, goal, POLICY, 2))


def test_another_seed_deals_other_folds():
    """The seed reaches the folds: figures differ."""
    first = recommend(SET, GOALS[0], POLICY, 2, seed=1)

    assert facts(first) != facts(recommend(SET, GOALS[0], POLICY, 2, seed=2))


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_labels_that_are_held_out_have_no_say_in_a_folds_threshold(goal):
    """With every label of a fold changed, it chooses the same, and others choose otherwise."""
    held_out = leave_out(SET.expected, FOLDS, REPEATS, 0)
    changed = np.where(SET.expected == NOBODY, SET.best, NOBODY)
    poisoned = replace(SET, expected=np.where(held_out[3], changed, SET.expected))

    clean, other = (choose_each(judged, goal, ~held_out) for judged in (SET, poisoned))

    assert other[3] == clean[3]
    assert other.tolist() != clean.tolist()


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_figures_are_counted_on_what_each_fold_left_out(goal):
    """They are added up over the folds, each at its own threshold; every case has its turn."""
    held_out = leave_out(SET.expected, FOLDS, REPEATS, 0)
    thresholds = choose_each(SET, goal, ~held_out)
    counted = [
        count(endings(SET.part(rows), threshold))
        for rows, threshold in zip(held_out, thresholds, strict=True)
    ]

    found = recommend(SET, goal, POLICY, 2)

    assert found.held_out == Counts(
        *(
            sum(getattr(each, name) for each in counted)
            for name in ("right", "wrong", "missed", "refused", "taken")
        )
    )
    assert found.held_out.cases == REPEATS * len(SET)
    assert found.cases == len(SET)
    assert found.at_present == count(endings(SET, POLICY.threshold))
    assert found.handing_off_all == count(endings(SET, -1.0))


@pytest.mark.parametrize("goal", GOALS[:2], ids=str)
def test_the_threshold_is_the_mean_of_the_folds(goal):
    """It lies between the lowest and the highest, which are told."""
    thresholds = choose_each(SET, goal, ~leave_out(SET.expected, FOLDS, REPEATS, 0))

    found = recommend(SET, goal, POLICY, 2)

    assert found.threshold == pytest.approx(thresholds.mean(), abs=0.0001)
    assert (found.lowest, found.highest) == (thresholds.min(), thresholds.max())
    assert found.lowest < found.threshold < found.highest


@settings(max_examples=15, deadline=None)
@given(goal=st.sampled_from(GOALS[2:]), seed=st.integers(0, 99), cases=st.integers(5, 120))
def test_a_promise_is_kept_on_all_cases_at_the_mean_of_the_folds(goal, seed, cases):
    """The mean is never less careful than the threshold that keeps the promise on all cases."""
    judged = ranked_cases(2 * cases, cases, seed=seed)
    chosen = choose(judged, goal)

    found = recommend(judged, goal, POLICY, 2)
    ended = count(endings(judged, found.threshold))
    errors = ended.wrong + ended.taken if goal.aim is Aim.WRONG else ended.cases - ended.handed_off

    assert (found.kept, found.promised) == (chosen.kept, chosen.promised)
    assert errors <= allowed_errors(ended.cases, 0.1 if goal.aim is Aim.WRONG else 0.5) or (
        not found.promised
    )
    if goal.aim is Aim.WRONG:
        assert found.threshold >= chosen.threshold
    else:
        assert found.threshold <= chosen.threshold


@pytest.mark.parametrize("goal", GOALS[:2], ids=str)
def test_one_label_more_moves_the_threshold_little(goal):
    """One choice with a label and one without it differ by less than 0.005, whichever it is."""
    labelled = ranked_cases(150, 55)
    with_it = recommend(labelled, goal, POLICY, 2).threshold

    without = [
        recommend(labelled.part(np.arange(205) != row), goal, POLICY, 2).threshold
        for row in range(0, 205, 10)
    ]

    assert max(abs(each - with_it) for each in without) < 0.005


@pytest.mark.parametrize("goal", GOALS, ids=str)
@pytest.mark.parametrize("present", [-1.0, 0.3, 0.45, 0.5, 0.6, 1.0])
def test_a_threshold_is_offered_only_where_it_is_no_worse_held_out(goal, present):
    """Otherwise the one in use is the one to keep."""
    found = recommend(SET, goal, replace(POLICY, threshold=present), 2)
    ours, other = found.at_present, found.held_out

    if goal.aim is Aim.ACCURACY:
        assert found.keep == (ours.accuracy > other.accuracy)
    if goal.aim is Aim.BALANCED:
        assert found.keep == (ours.balanced > other.balanced)
    assert found.best == (present if found.keep else found.threshold)


@pytest.mark.parametrize(
    ("goal", "present", "keep"),
    [
        pytest.param(Goal(Aim.ACCURACY), -1.0, False, id="accuracy, a bad one"),
        pytest.param(Goal(Aim.BALANCED), 1.0, False, id="balanced, a bad one"),
        pytest.param(Goal(Aim.WRONG, 0.1), -1.0, False, id="wrong, a share that is not kept"),
        pytest.param(Goal(Aim.WRONG, 0.1), 1.0, False, id="wrong, a share kept by nothing"),
        pytest.param(Goal(Aim.COVERAGE, 0.5), 1.0, False, id="coverage, a share that is not kept"),
    ],
)
def test_a_bad_threshold_in_use_is_not_kept(goal, present, keep):
    """A share that is broken is worse than one that is kept, and nothing handed off than some."""
    assert recommend(SET, goal, replace(POLICY, threshold=present), 2).keep == keep


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_the_best_threshold_in_hindsight_is_kept(goal):
    """What no choice can beat on these cases is not to be given up for one that was chosen."""
    swept = sweep(SET)
    chosen = choose(SET, goal)
    worth = swept.balanced if goal.aim is Aim.BALANCED else swept.accuracy
    best = best_threshold(swept, worth) if goal.share is None else chosen.threshold

    found = recommend(SET, goal, replace(POLICY, threshold=best), 2)

    assert found.keep or found.threshold == best


def test_a_threshold_in_use_that_is_the_chosen_one_is_not_said_to_be_kept():
    """There is one threshold, and it is offered."""
    chosen = recommend(SET, GOALS[0], POLICY, 2).threshold

    found = recommend(SET, GOALS[0], replace(POLICY, threshold=chosen), 2)

    assert not found.keep
    assert found.best == chosen


def test_handing_off_all_holds_nothing_back_for_a_low_score():
    """Cosines may lie below zero; without a threshold these are handed off too."""
    low = replace(SET, levels=SET.levels - np.float32(0.6))

    found = recommend(low, GOALS[0], POLICY, 2)

    assert low.levels.min() < 0
    assert found.handing_off_all.handed_off == found.handing_off_all.cases


def test_the_margin_in_use_stays():
    """Ambiguous cases stay so at any threshold, and have no say in it."""
    settled = settle(SET, 0.25, None)
    sure = np.isfinite(settled.levels)

    found = recommend(settled, GOALS[0], replace(POLICY, margin=0.25), 2)

    assert found.threshold == pytest.approx(choose(SET.part(sure), GOALS[0]).threshold, abs=0.005)
    assert found.handing_off_all.handed_off == sure.sum() < found.handing_off_all.cases


def test_fewer_than_ten_cases_are_no_ground_for_a_recommendation():
    """None below ten, a recommendation from ten on."""
    assert FEWEST == 10
    assert recommend(SET.part(np.arange(9)), GOALS[0], POLICY, 2) is None
    assert recommend(SET.part(np.arange(10)), GOALS[0], POLICY, 2) is not None


def test_a_recommendation_beats_a_bad_threshold_and_none():
    """What it is compared with is counted on the same cases."""
    found = recommend(SET, GOALS[0], POLICY, 2)

    assert found.held_out.accuracy > found.at_present.accuracy
    assert found.held_out.accuracy > found.handing_off_all.accuracy
    assert found.at_present.accuracy > found.handing_off_all.accuracy


@some
@given(numbers=endings_of_ten, seed=st.integers(0, 9))
def test_intervals_contain_their_estimate_and_stay_shares(numbers, seed):
    """For any counts, accuracy and coverage lie in their own interval, within 0 and 1."""
    counts = Counts(*numbers)

    accuracy, coverage = intervals(counts, seed=seed)

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

    assert intervals(counts, seed=4) == intervals(counts, seed=4)
    assert intervals(counts, seed=4) != intervals(counts, seed=5)


def test_more_cases_are_wanted_until_the_interval_is_narrow():
    """They are so many that all of them, held out, settle the accuracy to within 10 points."""
    found = recommend(SET, GOALS[0], POLICY, 2)
    accuracy = found.held_out.accuracy
    cases = len(SET) + found.more_cases
    width = 2 * 1.96 * (accuracy * (1 - accuracy) / cases) ** 0.5

    assert found.more_cases > 0
    assert width == pytest.approx(0.1, abs=0.001)


def test_a_large_set_wants_no_more_cases():
    """Two thousand cases settle an accuracy."""
    assert recommend(ranked_cases(1_400, 700), GOALS[0], POLICY, 2).more_cases == 0


def test_a_promise_that_is_out_of_reach_says_how_many_cases_it_takes():
    """With so many more, the cases are enough for a sample without errors."""
    goal = Goal(Aim.WRONG, 0.02)

    found = recommend(ranked_cases(80, 40), goal, POLICY, 2)

    assert not found.promised
    assert 120 + found.more_cases == needed_trials(0.02)


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
    """All none: the threshold lies high, and every case is counted."""
    found = recommend(ranked_cases(0, 60), goal, POLICY, 2)

    assert found.nobodies == 60
    assert found.held_out.refused >= 0.9 * found.held_out.cases
    assert found.held_out.right == 0


def test_nobodies_are_counted_once_each():
    """The warning is about the whole set."""
    assert recommend(SET, GOALS[0], POLICY, 2).nobodies == 60
