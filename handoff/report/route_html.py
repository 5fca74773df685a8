"""A route as HTML, for a report that stands on its own: the verdict, the ranking, the stages."""

from collections.abc import Sequence
from html import escape

from handoff.report.numbers import beside, milliseconds
from handoff.report.route_words import (
    answered_by,
    comparison,
    filter_note,
    headline,
    reason,
    troubles,
)
from handoff.router import Route, Router
from handoff.trace import wall_ms

_SHOWN = 25


def route_to_html(route: Route, router: Router) -> str:
    """Return a fragment of HTML in which nothing that came from outside is markup.

    The words are those of the page; no script, style sheet or address is in it.

    Args:
        route: Any route.
        router: That gathered its evidence.
    """
    ranking, evidence = route.ranking, route.evidence
    shown = [ranking[rank] for rank in range(min(_SHOWN, len(ranking)))]
    scores, _ = beside([score.score for score in shown], route.decision.threshold)
    agents = [
        (
            score.agent.name,
            score.agent.id,
            written,
            "yes" if score.kept else "no",
            ", ".join(score.matched_tags),
        )
        for score, written in zip(shown, scores, strict=True)
    ]
    stages = [(span.name, milliseconds(span.ms)) for span in route.spans]
    more = len(ranking) - len(shown)
    return "\n".join(
        [
            f"<h1>{escape(headline(route.decision))}</h1>",
            _paragraph(evidence.query),
            _paragraph(reason(route)),
            _paragraph(comparison(route)),
            _paragraph(f"Tags: {', '.join(evidence.tags) or 'none'}. {filter_note(route)}"),
            *(_paragraph(trouble) for trouble in troubles(route.spans, evidence)),
            _table(("agent", "id", "score", "kept", "matched tags"), agents),
            *([_paragraph(f"and {more:,} more")] if more else []),
            _table(("stage", "time"), [*stages, ("in all", milliseconds(wall_ms(route.spans)))]),
            *([] if route.answer is None else [_paragraph(route.answer)]),
            _paragraph(answered_by(route, router)),
        ]
    )


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [_row("th", header), *(_row("td", row) for row in rows)]
    return "\n".join(["<table>", *lines, "</table>"])


def _row(tag: str, cells: tuple[str, ...]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
