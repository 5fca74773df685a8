"""What a count of errors says about the share behind it; exact, whatever the size of the set."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95


def cumulative(trials: int, share: float) -> NDArray[np.float64]:
    """Return how likely at most so many successes are, shape (trials + 1,).

    Args:
        trials: At least 0.
        share: How likely one success is, above 0 and below 1.
    """
    successes = np.arange(1, trials + 1)
    choices = np.concatenate([[0.0], np.cumsum(np.log((trials - successes + 1) / successes))])
    times = np.arange(trials + 1)
    logs = choices + times * np.log(share) + (trials - times) * np.log1p(-share)
    return np.asarray(np.minimum(np.cumsum(np.exp(logs)), 1.0))


@lru_cache(maxsize=256)
def allowed_errors(trials: int, share: float) -> int:
    """Return the most errors in a sample that still promise a share of errors behind it.

    Clopper and Pearson's one-sided test at `CONFIDENCE`: were the true share any higher, so few
    errors would come up in one sample of twenty.

    Args:
        trials: How many cases were sampled.
        share: The promise, from 0 to 1.

    Returns:
        -1 where not even a sample without errors promises so much.
    """
    if share >= 1:
        return trials
    if share <= 0:
        return -1
    unlikely = cumulative(trials, share) <= 1 - CONFIDENCE
    return int(np.count_nonzero(unlikely)) - 1


def needed_trials(share: float) -> int | None:
    """Return the least sample whose lack of errors promises a share; None where none does."""
    if share <= 0:
        return None
    if share >= 1:
        return 0
    return int(np.ceil(np.log(1 - CONFIDENCE) / np.log1p(-share)))


def mcnemar(better: int, worse: int) -> float:
    """Return how likely flips at least so uneven are, were better and worse equally likely.

    McNemar's test in its exact, two-sided form; 1 without flips.

    Args:
        better: Cases that only the second of two routers gets right.
        worse: Cases that only the first gets right.
    """
    flips = better + worse
    if not flips:
        return 1.0
    return float(min(1.0, 2 * cumulative(flips, 0.5)[min(better, worse)]))
