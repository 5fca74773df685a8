"""A route as text for a terminal."""

from handoff.report.numbers import beside, milliseconds
from handoff.report.route_words import filter_note, headline, reason, troubles
from handoff.router import Route
from handoff.trace import wall_ms

_SHOWN = 25


def route_to_text(route: Route, top: int | None = None) -> str:
    """Return a route as lines: the verdict, the tags, what failed, the ranking, the stages.

    Args:
        route: Any route.
        top: At most so many rows of the ranking; None for the first 25.
    """
    tags = ", ".join(route.evidence.tags) or "none"
    lines = [
        headline(route.decision),
        reason(route),
        f"Tags: {tags}. {filter_note(route)}",
        *troubles(route.spans, route.evidence),
        "",
        *_table(route, min(top or _SHOWN, len(route.ranking))),
        "",
        "  ".join(f"{span.name} {milliseconds(span.ms)}" for span in route.spans),
        f"{milliseconds(wall_ms(route.spans))} in all{_loading(route)}",
    ]
    if route.answer is not None:
        lines += ["", route.answer]
    return "\n".join(lines)


def _table(route: Route, shown: int) -> list[str]:
    ranking = route.ranking
    scores = [ranking[rank] for rank in range(shown)]
    written, _ = beside([score.score for score in scores], route.decision.threshold)
    digits = max(5, *map(len, written))
    width = max(len("agent"), *(len(score.agent.id) for score in scores))
    rows = [f"{'agent':<{width}}  {'score':<{digits}}  kept  matched tags"]
    rows += [
        f"{score.agent.id:<{width}}  {said:>{digits}}  {'yes' if score.kept else 'no':<4}  "
        f"{', '.join(score.matched_tags)}".rstrip()
        for score, said in zip(scores, written, strict=True)
    ]
    if shown < len(ranking):
        rows.append(f"and {len(ranking) - shown:,} more")
    return rows


def _loading(route: Route) -> str:
    loading = sum(span.facts.load_ms or 0.0 for span in route.spans)
    return f", {milliseconds(loading)} of it to load the model" if loading else ""
