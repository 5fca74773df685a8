"""From a ranking to a decision: the threshold and the margin."""

from collections.abc import Mapping

import numpy as np

from handoff.core.model import Decision, Outcome, Policy, Ranking


def reaches(score: float, threshold: float) -> bool:
    """Tell whether a score reaches a threshold: at least as high, in the precision of scores.

    Scores are float32. Judged in that precision, a score that was printed and typed back in as a
    threshold is still reached.
    """
    return bool(np.float32(score) >= np.float32(threshold))


def decide(
    ranking: Ranking,
    threshold: float,
    margin: float = 0.0,
    per_agent: Mapping[str, float] | None = None,
    *,
    known_scripts_only: bool = True,
) -> Decision:
    """Judge the best candidate; a runner-up never takes over.

    Args:
        ranking: At least one candidate.
        threshold: The least score at which the query is handed off, inclusive; 0.0 is one.
        margin: Closer than this to the runner-up is ambiguous; 0.0 never is.
        per_agent: Thresholds by agent id that come before `threshold`; None leaves them out.
        known_scripts_only: Whether nobody gets a query that is mostly in an unknown script.
    """
    best = ranking[0]
    own = None if per_agent is None else per_agent.get(best.agent.id)
    applied = threshold if own is None else own
    lead = ranking.margin
    unknown = ranking.unknown_script if known_scripts_only else None
    if unknown is not None or not reaches(best.score, applied):
        outcome = Outcome.BELOW_THRESHOLD
    elif lead is not None and not reaches(lead, margin):
        outcome = Outcome.AMBIGUOUS
    else:
        outcome = Outcome.SELECTED
    return Decision(
        outcome=outcome,
        best=best,
        threshold=applied,
        own_threshold=own is not None,
        margin=lead,
        unknown_script=unknown,
    )


def decide_by(ranking: Ranking, policy: Policy) -> Decision:
    """Judge the best candidate as a policy says."""
    per_agent = ranking.registry.thresholds if policy.per_agent else None
    return decide(
        ranking,
        policy.threshold,
        policy.margin,
        per_agent,
        known_scripts_only=policy.known_scripts_only,
    )
