"""A route as rows of plain values, for any table."""

from handoff.router import Route


def ranking_rows(route: Route) -> list[dict[str, str | float | bool]]:
    """Return one row an agent, best first, candidates before the removed ones."""
    return [
        {
            "agent": score.agent.name,
            "score": round(score.score, 3),
            "kept": score.kept,
            "matched tags": ", ".join(score.matched_tags),
            "to threshold": round(score.score - route.decision.threshold, 3),
        }
        for score in route.ranking
    ]
