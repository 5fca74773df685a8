"""Ranked cases by a seed, and what is asked of a recommendation."""

import numpy as np

from handoff.core.model import Policy, ThresholdSource
from handoff.evaluation.goal import Aim, Goal
from handoff.evaluation.judged import NOBODY, Judged

POLICY = Policy(0.3, ThresholdSource.CONFIG)

GOALS = (
    Goal(Aim.ACCURACY),
    Goal(Aim.BALANCED),
    Goal(Aim.WRONG, 0.1),
    Goal(Aim.COVERAGE, 0.5),
)


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
