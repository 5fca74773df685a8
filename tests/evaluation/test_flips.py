"""Which cases end otherwise than before."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from judging import some

from handoff.evaluation.counts import Ending
from handoff.evaluation.flips import find_flips
from handoff.evaluation.judged import NOBODY


def end(got: int, expected: int) -> Ending:
    """Say how a case ends by who gets it and who should."""
    if expected == NOBODY:
        return Ending.REFUSED if got == NOBODY else Ending.TAKEN
    if got == NOBODY:
        return Ending.MISSED
    return Ending.RIGHT if got == expected else Ending.WRONG


someone = st.integers(NOBODY, 2)
moves = st.lists(st.tuples(someone, someone, someone), max_size=8)


def flips_of(cases):
    """Compare cases, each given as who should get it, who got it and who gets it."""
    before = np.array([end(was, wanted) for wanted, was, _ in cases], dtype=np.int8)
    after = np.array([end(now, wanted) for wanted, _, now in cases], dtype=np.int8)
    got_before = np.array([was for _, was, _ in cases], dtype=np.intp)
    got_after = np.array([now for _, _, now in cases], dtype=np.intp)
    return find_flips(before, got_before, after, got_after)


def test_flips_in_figures():
    """Better, worse, neither, and two that are no flips: unmoved, and unmoved but wrong."""
    flips = flips_of([(0, 1, 0), (0, 0, NOBODY), (0, 1, 2), (0, 0, 0), (0, 1, 1)])

    assert flips.better.tolist() == [0]
    assert flips.worse.tolist() == [1]
    assert flips.neither.tolist() == [2]
    assert len(flips) == 3


@some
@given(cases=moves)
def test_every_case_that_moved_stands_in_exactly_one_list(cases):
    """And no other case does."""
    flips = flips_of(cases)
    listed = [*flips.better.tolist(), *flips.worse.tolist(), *flips.neither.tolist()]

    assert sorted(listed) == [row for row, (_, was, now) in enumerate(cases) if was != now]
    assert len(flips) == len(listed)


@some
@given(cases=moves)
def test_better_ends_as_labelled_now_and_worse_did_before(cases):
    """The label says which: who gets it now, or who got it before, is who should."""
    flips = flips_of(cases)

    assert all(cases[row][2] == cases[row][0] for row in flips.better)
    assert all(cases[row][1] == cases[row][0] for row in flips.worse)
    assert all(cases[row][0] not in cases[row][1:] for row in flips.neither)


@some
@given(cases=moves)
def test_going_back_swaps_better_and_worse(cases):
    """What was gained one way is lost the other way."""
    there = flips_of(cases)
    back = flips_of([(wanted, now, was) for wanted, was, now in cases])

    assert back.better.tolist() == there.worse.tolist()
    assert back.worse.tolist() == there.better.tolist()
    assert back.neither.tolist() == there.neither.tolist()


def test_a_case_that_nobody_gets_any_more_may_be_neither():
    """From a wrong agent to nobody is a move, but not to what the label says."""
    assert flips_of([(0, 1, NOBODY)]).neither.tolist() == [0]
