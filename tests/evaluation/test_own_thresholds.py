"""An agent whose scores lie elsewhere gets a threshold of its own; noise gets none."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from judging import figures, some

from handoff.evaluation.counts import count, endings
from handoff.evaluation.judged import NOBODY, Judged, settle
from handoff.evaluation.own_thresholds import fit_own

COMMON = 0.5
LEAST = 0.39
"""Below every score of an agent whose centre is 0.5: all of it is handed off."""


def cases_of(*agents: tuple[int, float, int], seed: int = 0) -> Judged:
    """Return cases of agents, each given by its position, the centre of its scores, its number.

    An agent's scores spread by 0.1 to both sides. The upper ones are right, the lower ones should
    go to nobody: its centre is its perfect threshold.
    """
    random = np.random.default_rng(seed)
    best = np.concatenate([np.full(number, agent) for agent, _, number in agents])
    centres = np.concatenate([np.full(number, centre) for _, centre, number in agents])
    offsets = random.uniform(0.01, 0.1, len(best)) * random.choice([-1, 1], len(best))
    # In any order: the folds of the cross-validation are rows apart.
    order = random.permutation(len(best))
    return Judged(
        best=best[order],
        levels=(centres + offsets)[order].astype(np.float32),
        leads=np.full(len(best), np.inf, dtype=np.float32),
        expected=np.where(offsets > 0, best, NOBODY)[order],
    )


def good_share(judged: Judged, own: np.ndarray) -> float:
    """Return the accuracy with own thresholds where there are any, else the common one."""
    return count(endings(settle(judged, 0.0, own), COMMON)).accuracy


def test_an_agent_on_another_scale_gets_a_threshold_near_its_own_scale():
    """Its scores lie 0.3 below the others': the common threshold would refuse all of it."""
    judged = cases_of((0, 0.5, 60), (1, 0.2, 60), (2, 0.5, 60))

    own = fit_own(judged, COMMON, 3, weight_of_nobody=1.0)

    assert 0.15 < own[1] < 0.25
    assert np.isnan(own[[0, 2]]).all()
    assert good_share(judged, own) > 0.95
    assert good_share(judged, np.full(3, np.nan)) < 0.9


def test_an_agent_that_scores_too_high_gets_a_higher_threshold():
    """The common one would hand it whatever nobody should take."""
    judged = cases_of((0, 0.5, 60), (1, 0.8, 60))

    own = fit_own(judged, COMMON, 2, weight_of_nobody=1.0)

    assert 0.75 < own[1] < 0.85


def test_agents_that_fit_the_common_threshold_get_none():
    """Where nothing is to be gained, nothing is offered."""
    own = fit_own(cases_of((0, 0.5, 60), (1, 0.5, 60)), COMMON, 2, weight_of_nobody=1.0)

    assert np.isnan(own).all()


def test_noise_seldom_gives_any():
    """Where labels have nothing to do with scores, cross-validation sees through a lucky cut."""
    offered = 0
    for seed in range(40):
        judged = cases_of((0, 0.5, 40), (1, 0.5, 40), (2, 0.5, 40), seed=seed)
        right = np.random.default_rng(seed).permutation(np.arange(len(judged)) % 4 > 0)
        noise = replace(judged, expected=np.where(right, judged.best, NOBODY))
        offered += not np.isnan(fit_own(noise, LEAST, 3, weight_of_nobody=1.0)).all()

    assert offered <= 8


def test_an_agent_that_is_nobodys_best_gets_none():
    """Without a case there is nothing to fit."""
    own = fit_own(cases_of((0, 0.5, 60), (2, 0.2, 60)), COMMON, 4, weight_of_nobody=1.0)

    assert not np.isnan(own[2])
    assert np.isnan(own[[1, 3]]).all()


def test_few_cases_of_an_agent_stay_near_the_common_threshold():
    """The fewer cases, the less they are trusted, whichever shrinkage is chosen."""
    judged = cases_of((0, 0.5, 60), (1, 0.2, 80), (2, 0.2, 8))

    own = fit_own(judged, COMMON, 3, weight_of_nobody=1.0)

    assert own[1] < own[2] < COMMON


def test_a_threshold_lies_between_the_common_one_and_the_agents_best():
    """It is shrunk, so it never goes past the cut that the cases alone would choose."""
    judged = cases_of((0, 0.5, 60), (1, 0.2, 60))

    own = fit_own(judged, COMMON, 2, weight_of_nobody=1.0)
    mine = judged.part(judged.best == 1)
    highest_of_nobody = mine.levels[mine.expected == NOBODY].max()

    assert highest_of_nobody < own[1] < COMMON


def blocks_of(*blocks: tuple[float, int, int]) -> Judged:
    """Return cases of agent 1: of each score so many right ones, then so many for nobody."""
    levels = [np.full(right + wrong, score) for score, right, wrong in blocks]
    expected = [np.repeat([1, NOBODY], [right, wrong]) for _, right, wrong in blocks]
    cases = sum(len(each) for each in levels)
    return Judged(
        best=np.full(cases, 1, dtype=np.intp),
        levels=np.concatenate(levels).astype(np.float32),
        leads=np.full(cases, np.inf, dtype=np.float32),
        expected=np.concatenate(expected),
    )


def test_weighing_nobodys_cases_more_raises_a_threshold():
    """A mixed crowd of scores is handed off where its few mistakes cost little, else not."""
    judged = blocks_of((0.3, 300, 0), (0.2, 180, 120), (0.1, 0, 300))

    light = fit_own(judged, COMMON, 2, weight_of_nobody=1.0)
    heavy = fit_own(judged, COMMON, 2, weight_of_nobody=4.0)

    assert 0.1 < light[1] <= 0.2
    assert 0.2 < heavy[1] <= 0.3


def test_of_equally_good_cuts_the_one_nearest_to_the_common_threshold_is_taken():
    """A crowd that is worth nothing either way stays where the common threshold has it."""
    judged = blocks_of((0.3, 300, 0), (0.2, 150, 150), (0.1, 0, 300))

    from_above = fit_own(judged, COMMON, 2, weight_of_nobody=1.0)
    from_below = fit_own(judged, 0.0, 2, weight_of_nobody=1.0)

    assert 0.2 < from_above[1] <= 0.3
    assert 0.1 < from_below[1] <= 0.2


def test_equal_scores_are_not_cut_apart():
    """That the right ones among them come first in the file earns them nothing."""
    judged = blocks_of((0.3, 300, 0), (0.2, 40, 60))

    own = fit_own(judged, COMMON, 2, weight_of_nobody=1.0)

    assert 0.24 < own[1] <= 0.3


@some
@given(data=st.data(), common=figures)
def test_own_thresholds_are_numbers_or_nan_for_any_cases(data, common):
    """One a registry's agent, finite where there is one, never where an agent has no case."""
    agents = data.draw(st.integers(1, 4), label="agents")
    rows = data.draw(
        st.lists(
            st.tuples(st.integers(0, agents - 1), figures, st.integers(NOBODY, agents - 1)),
            max_size=30,
        ),
        label="cases",
    )
    judged = Judged(
        best=np.array([best for best, _, _ in rows], dtype=np.intp),
        levels=np.array([level for _, level, _ in rows], dtype=np.float32),
        leads=np.full(len(rows), np.inf, dtype=np.float32),
        expected=np.array([expected for _, _, expected in rows], dtype=np.intp),
    )

    own = fit_own(judged, common, agents, weight_of_nobody=1.0)
    seen = set(judged.best.tolist())

    assert own.shape == (agents,)
    assert own.dtype == np.float32
    assert not np.isinf(own).any()
    assert {at for at in range(agents) if not np.isnan(own[at])} <= seen
    assert not (own == np.float32(common)).any()


def test_no_case_at_all_gives_none():
    """Margins may leave nothing to fit."""
    empty = cases_of((0, 0.5, 10)).part(np.array([], dtype=np.intp))

    assert np.isnan(fit_own(empty, COMMON, 2, weight_of_nobody=1.0)).tolist() == [True, True]
