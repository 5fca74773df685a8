"""A route in words, for people; plain text, whoever shows it escapes it."""

from handoff.core.model import Decision, Outcome, ThresholdSource
from handoff.router import Route

_FINE_GAP = 0.01

SOURCES = {
    ThresholdSource.ARGUMENT: "as asked for",
    ThresholdSource.CONFIG: "from handoff.toml",
    ThresholdSource.EMBEDDER: "the embedder's default",
    ThresholdSource.AGENT: "the agent's own",
}


def headline(decision: Decision) -> str:
    """Say who takes the query, or that nobody does."""
    if decision.outcome is Outcome.SELECTED:
        return f"Hand off to {decision.best.agent.name}"
    if decision.outcome is Outcome.AMBIGUOUS:
        return "Hand off to nobody: too close to call"
    return "Hand off to nobody"


def reason(route: Route) -> str:
    """Say in one sentence how the best score stands to the threshold and to the runner-up."""
    decision, ranking = route.decision, route.ranking
    best = decision.best
    score, threshold = together(best.score, decision.threshold)
    source = SOURCES[route.threshold_source]
    if decision.outcome is Outcome.SELECTED:
        return f"Its similarity {score} reaches the threshold {threshold} ({source})."
    if decision.outcome is Outcome.BELOW_THRESHOLD:
        return (
            f"The best, {best.agent.name}, has similarity {score}, below the threshold "
            f"{threshold} ({source})."
        )
    lead, needed = together(decision.margin or 0.0, route.policy.margin)
    return (
        f"{best.agent.name} leads {ranking[1].agent.name} by {lead}, less than the margin {needed} "
        "that was asked for."
    )


def together(value: float, limit: float) -> tuple[str, str]:
    """Format two numbers with two decimals, or with as many as it takes to tell them apart."""
    decimals = 2
    if value != limit and abs(value - limit) < _FINE_GAP:
        decimals = 3
        while decimals < 8 and f"{value:.{decimals}f}" == f"{limit:.{decimals}f}":  # noqa: PLR2004
            decimals += 1
    return f"{value:.{decimals}f}", f"{limit:.{decimals}f}"


def filter_note(route: Route) -> str:
    """Say what the tag filter did, and what was skipped."""
    ranking, agents = route.ranking, len(route.ranking)
    if route.evidence.degraded:
        return f"Tags could not be extracted, so all {agents} agents were kept."
    if not route.policy.use_tags:
        return f"The tag filter is off: all {agents} agents were kept."
    if not ranking.tags:
        return f"No tag fits the query, so all {agents} agents were kept."
    if ranking.widened:
        return f"No agent carries these tags, so all {agents} agents were kept."
    return f"{ranking.candidates} of {agents} agents kept."


def milliseconds(ms: float) -> str:
    """Format a duration so that a short one is not zero."""
    if ms < 0.1:  # noqa: PLR2004 - below it, digits would be noise
        return "<0.1 ms"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:,.0f} ms"  # noqa: PLR2004
