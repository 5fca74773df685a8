"""Routes as rows of plain values, for any table; no cell is a spreadsheet's formula."""

from handoff.core.texts import formula_safe
from handoff.report.numbers import rounded, together
from handoff.report.route_words import headline
from handoff.router import Route


def ranking_rows(route: Route) -> list[dict[str, str | float | bool]]:
    """Return one row an agent, best first, candidates before the removed ones."""
    return [
        {
            "agent": formula_safe(score.agent.name),
            "score": round(score.score, 3),
            "kept": score.kept,
            "matched tags": formula_safe(", ".join(score.matched_tags)),
            "to threshold": round(score.score - route.decision.threshold, 3),
        }
        for score in route.ranking
    ]


def side_by_side(route: Route, other: Route) -> list[dict[str, str]]:
    """Return one row a fact, with both routes' values."""
    here, there = _facts(route), _facts(other)
    return [
        {
            "": name,
            "this route": formula_safe(here[name]),
            "the earlier one": formula_safe(there[name]),
        }
        for name in here
    ]


def _facts(route: Route) -> dict[str, str]:
    decision, ranking = route.decision, route.ranking
    second = ranking[1] if ranking.candidates > 1 else None
    score, threshold = together(decision.best.score, decision.threshold)
    return {
        "query": route.evidence.query,
        "outcome": headline(decision),
        "best": f"{decision.best.agent.name} {score}",
        "runner-up": "none"
        if second is None
        else f"{second.agent.name} {rounded(second.score, 2)}",
        "threshold": threshold,
        "tags": ", ".join(route.evidence.tags) or "none",
        "kept": f"{ranking.candidates:,} of {len(ranking):,}",
    }
