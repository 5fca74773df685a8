"""Figures as plain dictionaries in Plotly's form; no plotting library is needed to make one."""

from collections.abc import Sequence
from html import escape
from typing import Any

from handoff.core.decision import reaches
from handoff.core.model import Score
from handoff.report.numbers import milliseconds, rounded
from handoff.report.route_words import STAGES_IN_WORDS, headline, names, reason
from handoff.router import Route
from handoff.trace import Span, wall_ms

SHOWN = 25
BEST, PASSES, BELOW, REMOVED, THRESHOLD = "#1F77C9", "#4A90D0", "#8496AC", "#8A95A5", "#D55E00"
_NONE = "rgba(0,0,0,0)"
_ROW_PX = 27
_STAGE_PX = 22
_LONGEST_LABEL = 28
_ROOMY = 0.6


def similarity_chart(
    route: Route, typical: tuple[float, float], ink: str | None = None
) -> dict[str, Any]:
    """Return bars of the best agents, the removed ones hollow under their own heading.

    The threshold is a line; scores stand in the labels, where they cannot collide with it. Height
    and axis do not depend on threshold or filter, so that nothing jumps when they move.

    Args:
        route: Any route.
        typical: From where to where the embedder's similarities usually lie; the axis.
        ink: The colour of labels; None leaves it to the theme.
    """
    ranking, threshold = route.ranking, route.decision.threshold
    shown = [ranking[rank] for rank in range(min(SHOWN, len(ranking)))]
    kept = [score for score in shown if score.kept]
    removed = [score for score in shown if not score.kept]
    short = names(shown, longest=_LONGEST_LABEL)
    written = [_label(name, score) for name, score in zip(short, shown, strict=True)]
    labels = [f"<b>{written[0]}</b>", *written[1 : len(kept)]]
    values: list[float | None] = [score.score for score in kept]
    colors = [_color(rank, score, threshold) for rank, score in enumerate(kept)]
    lines = list(colors)
    if removed:
        labels += ["<i>Removed by the tag filter</i>", *written[len(kept) :]]
        values += [None, *(score.score for score in removed)]
        colors += [_NONE] * (1 + len(removed))
        lines += [_NONE, *[REMOVED] * len(removed)]
    low = min(typical[0], float(ranking.scores.min()))
    high = max(typical[1], float(ranking.scores.max()))
    line = min(max(threshold, low), high)
    return {
        "data": [_bars(values, colors, lines)],
        "layout": {
            **_layout(labels, rows=len(shown) + 1, row_px=_ROW_PX, top_px=30, ink=ink),
            "xaxis": _axis(low, high, ink),
            "shapes": [
                {
                    "type": "line",
                    "x0": line,
                    "x1": line,
                    "yref": "paper",
                    "y0": 0,
                    "y1": 1,
                    "line": {"color": THRESHOLD, "width": 2, "dash": "dash"},
                }
            ],
            "annotations": [_threshold_label(threshold, line, (line - low) / (high - low))],
        },
    }


def similarity_alt(route: Route) -> str:
    """Return the chart's message for those who do not see it."""
    return f"Bar chart of similarities. {headline(route.decision)}. {reason(route)}"


def timeline_chart(spans: Sequence[Span], ink: str | None = None) -> dict[str, Any]:
    """Return one bar a stage from its start to its end; what a cache answered is hollow.

    Args:
        spans: Up to the decision.
        ink: The colour of labels; None leaves it to the theme.
    """
    total = max(wall_ms(spans), 1e-6)
    cached = [span.facts.from_cache for span in spans]
    labels = [STAGES_IN_WORDS[span.name] for span in spans]
    # A bar that is too short to be seen still shows when its stage ran.
    bars = _bars(
        [max(span.ms, total * 0.004) for span in spans],
        [_NONE if hit else BEST for hit in cached],
        [REMOVED if hit else BEST for hit in cached],
    )
    bars["base"] = [span.start_ms for span in spans]
    notes = [
        milliseconds(span.ms) + (", from the cache" if hit else "")
        for span, hit in zip(spans, cached, strict=True)
    ]
    return {
        "data": [bars],
        "layout": {
            **_layout(labels, rows=len(labels), row_px=_STAGE_PX, top_px=4, ink=ink),
            "xaxis": _axis(0, total, ink) | {"ticksuffix": " ms", "tickformat": ".3~f"},
            "annotations": [
                _bar_note(span, total, on_bar=None if hit else "#FFFFFF") | {"y": row, "text": note}
                for row, (note, span, hit) in enumerate(zip(notes, spans, cached, strict=True))
            ],
        },
    }


def timeline_alt(spans: Sequence[Span]) -> str:
    """Return the timeline's message for those who do not see it."""
    longest = max(spans, key=lambda span: span.ms)
    return (
        f"Timeline of the stages, {milliseconds(wall_ms(spans))} in all. The longest is "
        f"{STAGES_IN_WORDS[longest.name]} with {milliseconds(longest.ms)}."
    )


def _bars(values: Sequence[float | None], colors: list[str], lines: list[str]) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "x": list(values),
        # Positions, not names: two agents may share a name.
        "y": list(range(len(values))),
        "marker": {"color": colors, "line": {"color": lines, "width": 1}, "cornerradius": 3},
        "hoverinfo": "skip",
    }


def _layout(
    labels: list[str], *, rows: int, row_px: int, top_px: int, ink: str | None
) -> dict[str, Any]:
    return {
        "font": {"color": ink},
        "height": top_px + 40 + row_px * rows,
        "margin": {"l": 8, "r": 12, "t": top_px, "b": 28},
        "bargap": 0.35,
        "showlegend": False,
        "dragmode": False,
        "yaxis": {
            "tickvals": list(range(len(labels))),
            "ticktext": labels,
            "range": [rows - 0.4, -0.6],
            "fixedrange": True,
            "automargin": True,
            "tickfont": {"color": ink},
            "showgrid": False,
            "zeroline": False,
        },
    }


def _axis(low: float, high: float, ink: str | None) -> dict[str, Any]:
    pad = (high - low) * 0.02
    return {
        "range": [low - (pad if low < 0 else 0), high + pad],
        "fixedrange": True,
        "showgrid": False,
        "zeroline": True,
        "tickformat": ".1f",
        "tickfont": {"color": ink},
    }


def _threshold_label(threshold: float, line: float, place: float) -> dict[str, Any]:
    """Return the line's label, turned inward near an edge; an arrow where the line is beyond it."""
    text = f"threshold {threshold:.2f}"
    if threshold > line:
        text += " \u2192"
    elif threshold < line:
        text = f"\u2190 {text}"
    return {
        "x": line,
        "yref": "paper",
        "y": 1,
        "yanchor": "bottom",
        "xanchor": "right" if place > 0.85 else "left" if place < 0.15 else "center",  # noqa: PLR2004
        "text": f"<b>{text}</b>",
        "showarrow": False,
    }


def _bar_note(span: Span, total: float, *, on_bar: str | None) -> dict[str, Any]:
    """Place a bar's latency on the side that has room, or on the bar where neither has."""
    end, gap = span.start_ms + span.ms, total * 0.01
    if end < total * _ROOMY:
        return {"x": end + gap, "xanchor": "left", "showarrow": False}
    if span.start_ms > total * (1 - _ROOMY):
        return {"x": span.start_ms - gap, "xanchor": "right", "showarrow": False}
    font = {} if on_bar is None else {"font": {"color": on_bar}}
    return {"x": end - gap, "xanchor": "right", "showarrow": False} | font


def _label(name: str, score: Score) -> str:
    """Return an axis label; a name is text here, never markup."""
    return f"{escape(name, quote=False)}  {rounded(score.score, 2)}"


def _color(rank: int, score: Score, threshold: float) -> str:
    if not reaches(score.score, threshold):
        return BELOW
    return BEST if rank == 0 else PASSES
