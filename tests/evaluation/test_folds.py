"""Cases divided at random: halves and folds."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from judging import some
from ranked import SET

from handoff.evaluation.folds import leave_out, split

labels = st.lists(st.integers(-2, 4), max_size=40)


@some
@given(expected=labels, seed=st.integers(0, 99))
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


@some
@given(expected=labels, folds=st.integers(2, 6), repeats=st.integers(1, 3), seed=st.integers(0, 99))
def test_each_repeat_leaves_every_case_out_once(expected, folds, repeats, seed):
    """And each fold leaves out its share of every label, to within one."""
    expected = np.array(expected, dtype=np.intp)
    left_out = leave_out(expected, folds, repeats, seed)
    whole = Counter(expected.tolist())

    assert left_out.shape == (repeats * folds, len(expected))
    assert (left_out.reshape(repeats, folds, -1).sum(axis=1) == 1).all()
    for rows in left_out:
        part = Counter(expected[rows].tolist())
        assert all(abs(part[each] - whole[each] / folds) < 1 for each in whole)


def test_every_repeat_deals_anew():
    """Ten rounds are ten sets of folds, and a seed gives the same ones twice."""
    left_out = leave_out(SET.expected, 5, 10, 0)

    assert len({rows.tobytes() for rows in left_out}) == 50
    assert np.array_equal(left_out, leave_out(SET.expected, 5, 10, 0))
    assert not np.array_equal(left_out, leave_out(SET.expected, 5, 10, 1))
