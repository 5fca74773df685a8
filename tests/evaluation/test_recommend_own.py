"""Own thresholds beside a recommended one: when they are offered."""

from dataclasses import replace

import numpy as np
import pytest
from ranked import GOALS, POLICY, SET, ranked_cases

from handoff.evaluation.counts import Counts, count, endings
from handoff.evaluation.folds import split
from handoff.evaluation.judged import NOBODY, Judged, settle
from handoff.evaluation.recommend import recommend


def test_own_thresholds_are_offered_where_they_win_on_the_held_out_half():
    """An agent that scores 0.4 higher gains by one of its own, and its price is counted there."""
    judged = ranked_cases(400, 200, low=0.9)
    other = judged.part(~split(judged.expected, 0))

    found = recommend(judged, GOALS[0], POLICY, 2)

    assert found.own is not None
    assert found.own.held_out == count(
        endings(settle(other, 0.0, found.own.thresholds), found.threshold)
    )
    assert found.own.without == count(endings(other, found.threshold))
    assert found.own.held_out.accuracy > found.own.without.accuracy


def test_own_thresholds_are_not_offered_where_the_held_out_half_disagrees():
    """What won on the choosing half is dropped where it loses on the other."""
    judged = ranked_cases(400, 200, low=0.9)
    held_out = ~split(judged.expected, 0)
    # There, agent 1 scores as the other one does.
    shift = np.where(held_out & (judged.best == 1), 0.4, 0).astype(np.float32)

    assert recommend(judged, GOALS[0], POLICY, 2).own is not None
    assert recommend(replace(judged, levels=judged.levels - shift), GOALS[0], POLICY, 2).own is None


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
        "handoff.evaluation.recommend.choose_each",
        lambda *asked: np.full(len(asked[2]), chosen),
    )
    own = np.array([0.5], dtype=np.float32)
    monkeypatch.setattr("handoff.evaluation.recommend.fit_own", lambda *_: own)

    found = recommend(judged, goal, POLICY, 1)

    assert found.own is None or found.own.without == Counts(200, 0, 0, 5, 15)
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
