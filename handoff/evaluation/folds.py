"""Cases divided at random, each label's evenly: in two halves, or in folds, again and again."""

import numpy as np

from handoff.core.model import BoolArray, IntArray


def split(expected: IntArray, seed: int) -> BoolArray:
    """Choose half of the cases, half of each label's to within one; shape (cases,)."""
    return np.equal(_deal(expected, 2, np.random.default_rng(seed)), 0)


def leave_out(expected: IntArray, folds: int, repeats: int, seed: int) -> BoolArray:
    """Draw stratified folds several times over, and hold out each once.

    Args:
        expected: Each case's label, from -2, shape (cases,).
        folds: How many parts the cases are dealt to, at least 2.
        repeats: How often they are shuffled and dealt anew.
        seed: Of the shuffling.

    Returns:
        Which cases each fold holds out, shape (repeats * folds, cases); every case is held out by
        one fold of each repeat.
    """
    dealt = [
        _deal(expected, folds, np.random.default_rng((seed, repeat))) for repeat in range(repeats)
    ]
    return np.concatenate([each == np.arange(folds)[:, None] for each in dealt])


def _deal(expected: IntArray, parts: int, random: np.random.Generator) -> IntArray:
    """Return which part each case goes to, each label's cases in turn, shape (cases,)."""
    shuffled = random.permutation(len(expected))
    # Labels with a single case are shuffled as well; positions begin at -2.
    turn = random.permutation(int(expected.max(initial=0)) + 3)
    by_label = shuffled[np.argsort(turn[expected[shuffled] + 2], kind="stable")]
    part = np.empty(len(expected), dtype=np.intp)
    part[by_label] = np.arange(len(expected)) % parts
    return part
