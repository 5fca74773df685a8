"""Goals in words, and the threshold that serves each best."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import counted, figures, judged_of, kinds, scored, some

from handoff.core.errors import SettingsError
from handoff.evaluation.binomial import allowed_errors
from handoff.evaluation.goal import (
    Aim,
    Goal,
    choose,
    more_to_promise,
    parse_goal,
    parse_share,
    weight_of_nobody,
)
from handoff.evaluation.own_thresholds import fit_own
from handoff.evaluation.sweep import sweep

ALL = (
    Goal(Aim.ACCURACY),
    Goal(Aim.BALANCED),
    Goal(Aim.WRONG, 0.02),
    Goal(Aim.WRONG, 0.5),
    Goal(Aim.COVERAGE, 0.8),
    Goal(Aim.COVERAGE, 0.25),
)
goals = st.one_of(
    st.sampled_from(ALL),
    st.builds(Goal, st.sampled_from([Aim.WRONG, Aim.COVERAGE]), st.floats(0, 1)),
)
# Below 1: a threshold of 1 is the highest that may be typed, and a score of 1 still reaches it.
below_one = st.lists(
    st.tuples(figures.filter(lambda figure: figure < 1), kinds), min_size=1, max_size=30
)


def spread(kind: str, centre: float, times: int) -> list[tuple[float, str]]:
    """Return cases of a kind whose scores lie evenly around a centre, 0.1 to either side."""
    return [(centre + 0.2 * (at / (times - 1) - 0.5), kind) for at in range(times)]


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        pytest.param("accuracy", Goal(Aim.ACCURACY), id="accuracy"),
        pytest.param(" Balanced ", Goal(Aim.BALANCED), id="with capitals and spaces"),
        pytest.param("wrong=0.02", Goal(Aim.WRONG, 0.02), id="wrong"),
        pytest.param("wrong = .5", Goal(Aim.WRONG, 0.5), id="with spaces inside"),
        pytest.param("wrong=0", Goal(Aim.WRONG, 0.0), id="none wrong"),
        pytest.param("coverage=1", Goal(Aim.COVERAGE, 1.0), id="all covered"),
    ],
)
def test_a_goal_is_parsed(text, goal):
    """An aim by its name, and the share where the aim promises one."""
    assert parse_goal(text) == goal


@pytest.mark.parametrize(
    "text",
    ["", "=", "best", "wrong", "coverage", "accuracy=0.9", "balanced=", "=0.2", "wrong:0.2"],
)
def test_another_goal_is_refused_with_those_that_there_are(text):
    """A share where none belongs, or none where one does, is unknown too."""
    with pytest.raises(SettingsError) as complaint:
        parse_goal(text)

    assert str(complaint.value) == (
        f"The goal '{text}' is unknown: choose accuracy, balanced, wrong=SHARE or coverage=SHARE."
    )


@pytest.mark.parametrize("share", ["2", "-0.1", "nan", "inf", "2 %", "", "0.1=0.2", "1.0000001"])
def test_a_share_that_is_none_is_refused(share):
    """The sentence names the goal whose share it is."""
    with pytest.raises(SettingsError) as complaint:
        parse_goal(f"wrong={share}")

    assert str(complaint.value) == ("The share of the goal wrong must be a number from 0 to 1.")


def test_a_share_goes_by_the_name_that_it_is_given():
    """The sentence begins with what the user typed it for."""
    with pytest.raises(SettingsError, match=r"^--max-wrong must be a number from 0 to 1"):
        parse_share("3", "--max-wrong")


@some
@given(goal=goals)
def test_a_goal_that_is_printed_parses_to_itself(goal):
    """What a report says may be typed back in, to six digits of its share."""
    again = parse_goal(str(goal))

    assert again.aim is goal.aim
    assert again.share == (None if goal.share is None else pytest.approx(goal.share, rel=1e-5))


@some
@given(cases=scored, goal=goals)
def test_a_chosen_threshold_may_be_typed(cases, goal):
    """It is a number from -1 to 1, for any goal and any cases, down to a single one."""
    assert -1 <= choose(judged_of(*cases), goal).threshold <= 1


@some
@given(goal=goals, levels=st.lists(st.sampled_from([np.inf, -np.inf]), min_size=1, max_size=4))
def test_where_no_threshold_matters_one_is_chosen_all_the_same(goal, levels):
    """Margins may decide every case; the threshold is then any that may be typed."""
    chosen = choose(judged_of(*((level, "right") for level in levels)), goal)

    assert -1 <= chosen.threshold <= 1


@some
@given(cases=below_one, goal=goals.filter(lambda goal: goal.aim in (Aim.WRONG, Aim.COVERAGE)))
def test_a_promised_share_is_kept_with_room_for_chance(cases, goal):
    """Where it is promised, no more cases break it than the exact test allows."""
    chosen = choose(judged_of(*cases), goal)
    counts = counted(cases, chosen.threshold)
    handed_off = counts["right"] + counts["wrong"] + counts["taken"]
    if goal.aim is Aim.WRONG:
        broken, most = counts["wrong"] + counts["taken"], goal.share
    else:
        broken, most = len(cases) - handed_off, 1 - goal.share

    allowed = allowed_errors(len(cases), most)

    if chosen.promised:
        assert broken <= allowed
    else:
        assert broken <= Fraction(len(cases)) * Fraction(most) + Fraction(1, 10**6)
    assert chosen.kept


@some
@given(cases=below_one, share=st.floats(0, 1))
def test_the_goal_of_few_wrong_hands_off_as_many_as_it_may(cases, share):
    """No threshold of the sweep that keeps the promise hands off more."""
    swept = sweep(judged_of(*cases))
    chosen = choose(judged_of(*cases), Goal(Aim.WRONG, share))
    counts = counted(cases, chosen.threshold)
    errors = counts["wrong"] + counts["taken"]
    most = allowed_errors(len(cases), share) if chosen.promised else len(cases) * share + 1e-9

    assert errors <= most
    assert counts["right"] + errors == swept.handed_off[swept.to_wrong <= most].max()


@some
@given(cases=below_one, share=st.floats(0, 1))
def test_the_goal_of_coverage_is_as_accurate_as_it_may_be(cases, share):
    """No threshold of the sweep that keeps the promise has more good endings."""
    swept = sweep(judged_of(*cases))
    chosen = choose(judged_of(*cases), Goal(Aim.COVERAGE, share))
    counts = counted(cases, chosen.threshold)
    most = (
        allowed_errors(len(cases), 1 - share)
        if chosen.promised
        else len(cases) * (1 - share) + 1e-9
    )
    kept = (len(cases) - swept.handed_off) <= most

    assert counts["right"] + counts["refused"] == (swept.right + swept.refused)[kept].max()


def test_coverage_out_of_reach_hands_off_all_that_it_can():
    """Where a margin holds half of the cases back, no threshold should hold back more."""
    cases = [(-np.inf, "right")] * 5 + [(at / 10, "wrong") for at in range(1, 6)]

    chosen = choose(judged_of(*cases), Goal(Aim.COVERAGE, 0.9))

    assert not chosen.kept
    assert not chosen.promised
    assert counted(cases, chosen.threshold)["wrong"] == 5


def test_enough_cases_promise_and_too_few_do_not():
    """59 cases without an error promise at most 5 % wrong; 58 do not."""
    goal = Goal(Aim.WRONG, 0.05)

    assert choose(judged_of(*[(0.5, "right")] * 59), goal).promised
    assert not choose(judged_of(*[(0.5, "right")] * 58), goal).promised


def test_what_own_thresholds_hand_off_no_common_one_keeps_from_going_wrong():
    """Where too much goes to somebody wrong at any common threshold, the choice says so."""
    cases = [(np.inf, "nobody")] * 5 + [(0.5, "right")] * 95

    assert not choose(judged_of(*cases), Goal(Aim.WRONG, 0.04)).kept
    assert choose(judged_of(*cases), Goal(Aim.WRONG, 0.05)).kept
    assert not choose(judged_of(*cases), Goal(Aim.WRONG, 0.05)).promised


@pytest.mark.parametrize("aim", [Aim.ACCURACY, Aim.BALANCED])
def test_aims_without_a_share_break_no_promise(aim):
    """There is none to keep."""
    chosen = choose(judged_of((0.5, "wrong")), Goal(aim))

    assert chosen.kept
    assert chosen.promised


@pytest.mark.parametrize("aim", [Aim.ACCURACY, Aim.BALANCED])
def test_two_clear_crowds_are_separated_between_them(aim):
    """Where a gap tells the kinds apart, the threshold lies in it."""
    cases = spread("nobody", 0.2, 20) + spread("right", 0.7, 20)

    threshold = choose(judged_of(*cases), Goal(aim)).threshold

    assert 0.3 < threshold <= 0.6


def test_balanced_weighs_the_two_kinds_the_same():
    """Many in-scope cases outvote a few of nobody's for accuracy, not for balance."""
    cases = spread("right", 0.5, 90) + spread("nobody", 0.5, 10) + spread("right", 0.75, 20)

    plain = choose(judged_of(*cases), Goal(Aim.ACCURACY)).threshold
    balanced = choose(judged_of(*cases), Goal(Aim.BALANCED)).threshold

    assert plain < 0.4
    assert balanced > plain


@pytest.mark.parametrize("goal", [ALL[0], ALL[1], ALL[2]], ids=str)
@pytest.mark.parametrize("times", [1, 5, 40])
def test_a_set_of_nobodys_cases_is_refused_throughout(goal, times):
    """All none: the threshold lies above every score."""
    cases = [(0.5 + at / 100, "nobody") for at in range(times)]

    assert counted(cases, choose(judged_of(*cases), goal).threshold)["taken"] == 0


@pytest.mark.parametrize("goal", ALL, ids=str)
@pytest.mark.parametrize("times", [1, 5, 40])
def test_a_set_of_right_in_scope_cases_is_handed_off_throughout(goal, times):
    """All in scope and the best always right: no goal has a reason to hold any back."""
    cases = [(0.5 + at / 100, "right") for at in range(times)]

    assert counted(cases, choose(judged_of(*cases), goal).threshold)["right"] == times


@some
@given(cases=below_one, goal=goals)
def test_thresholds_have_four_decimals_unless_these_change_a_case(cases, goal):
    """A short figure decides as the exact one would; where none does, the exact one is kept."""
    chosen = choose(judged_of(*cases), goal)
    short = round(chosen.threshold, 4)

    if short != chosen.threshold:
        assert any(
            (np.float32(score) >= np.float32(short))
            != (np.float32(score) >= np.float32(chosen.threshold))
            for score, _ in cases
        )


def test_a_gap_narrower_than_four_decimals_keeps_its_exact_threshold():
    """Rounding would hand off what nobody should take."""
    cases = [(0.50001, "nobody"), (0.50002, "right"), (0.9, "right")] * 3

    threshold = choose(judged_of(*cases), Goal(Aim.WRONG, 0.01)).threshold

    assert counted(cases, threshold) == {
        "right": 6,
        "wrong": 0,
        "missed": 0,
        "refused": 3,
        "taken": 0,
    }


@pytest.mark.parametrize(
    ("cases", "weight"),
    [
        pytest.param([(0.5, "right")] * 3 + [(0.5, "wrong")] + [(0.1, "nobody")] * 2, 2, id="two"),
        pytest.param([(0.5, "right")], 1, id="without nobody's cases"),
        pytest.param([(0.5, "nobody")], 1, id="without in-scope cases"),
    ],
)
def test_the_weight_of_nobodys_cases_in_figures(cases, weight):
    """In-scope cases to the others; right or wrong does not matter."""
    assert weight_of_nobody(judged_of(*cases)) == weight


@pytest.mark.parametrize(
    ("cases", "goal", "more"),
    [
        pytest.param(40, Goal(Aim.WRONG, 0.05), 19, id="19 short of 59"),
        pytest.param(60, Goal(Aim.WRONG, 0.05), 0, id="enough"),
        pytest.param(40, Goal(Aim.COVERAGE, 0.95), 19, id="coverage is a promise of few misses"),
        pytest.param(40, Goal(Aim.WRONG, 0.0), None, id="none wrong is never sure"),
        pytest.param(40, Goal(Aim.COVERAGE, 1.0), None, id="neither is all covered"),
    ],
)
def test_more_to_promise_in_figures(cases, goal, more):
    """How many of the 59 that promise 5 % are missing, if any number would do."""
    assert more_to_promise(cases, goal) == more


def test_a_hundred_thousand_cases_choose_a_promise():
    """The exact test does not overflow on a large set, and the promise holds on it."""
    cases = 100_000
    judged = judged_of(*[(0.25, "nobody")] * 3_000, *[(0.75, "right")] * (cases - 3_000))

    chosen = choose(judged, Goal(Aim.WRONG, 0.02))

    assert chosen.promised
    assert 0.25 < chosen.threshold <= 0.75
    assert not math.isnan(chosen.threshold)


@pytest.mark.parametrize(
    "goal", [Goal(Aim.WRONG, 0.05), Goal(Aim.WRONG, 0.0), Goal(Aim.WRONG, 0.5)], ids=str
)
def test_scores_above_one_break_a_promise_that_no_threshold_can_keep(goal):
    """With lexical help nobody's cases may score above 1, which the highest threshold lets by."""
    chosen = choose(judged_of(*[(1.25, "nobody")] * 200, *[(0.5, "right")] * 20), goal)

    assert chosen.threshold == 1
    assert not chosen.kept
    assert not chosen.promised


@some
@given(
    cases=st.lists(st.tuples(st.floats(-1, 1.5, width=32), kinds), min_size=1, max_size=60),
    share=st.floats(0, 1),
)
def test_a_promise_holds_on_the_cases_whatever_they_score(cases, share):
    """A threshold that had to come down to 1 claims no more than it keeps."""
    chosen = choose(judged_of(*cases), Goal(Aim.WRONG, share))
    counts = counted(cases, chosen.threshold)
    to_wrong = counts["wrong"] + counts["taken"]

    if chosen.promised:
        assert to_wrong <= allowed_errors(len(cases), share)
    if chosen.kept:
        assert to_wrong <= len(cases) * share + 1e-6


def test_an_own_threshold_for_scores_above_one_is_one():
    """With lexical help all that an agent gets wrongly may score above 1; its own may be typed."""
    judged = judged_of(*[(1.05 + at / 1000, "nobody") for at in range(200)])

    own = fit_own(judged, 0.5, 2, 1.0)

    assert own[0] == 1
    assert np.isnan(own[1])


@some
@given(
    cases=st.lists(st.tuples(st.floats(-1.5, 1.5, width=32), kinds), min_size=1, max_size=60),
    common=st.floats(-1, 1, width=32),
)
def test_own_thresholds_may_be_typed_too(cases, common):
    """They lie within -1 and 1 or are not there, whatever the scores."""
    own = fit_own(judged_of(*cases), common, 2, 1.0)

    assert (np.isnan(own) | (np.abs(own) <= 1)).all()
