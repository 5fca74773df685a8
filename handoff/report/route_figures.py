"""Charts of a route as plain dictionaries in Plotly's form."""

import math
from collections.abc import Sequence

from handoff.core.decision import reaches
from handoff.core.model import Score
from handoff.report.charts import (
    BELOW,
    BEST,
    GAP,
    NOTHING,
    ON_BAR,
    PASSES,
    REMOVED,
    ROW_PX,
    THRESHOLD,
    Chart,
    above,
    bars,
    framed,
    label,
    rows_axis,
    upright,
)
from handoff.report.numbers import beside, milliseconds
from handoff.report.route_words import STAGES_IN_WORDS, headline, names, reason
from handoff.router import Route
from handoff.trace import Span, wall_ms

SHOWN = 25
_STAGE_PX = 22
_LONGEST_LABEL = 28
_ROOMY = 0.6


def similarity_chart(route: Route, typical: tuple[float, float], ink: str | None = None) -> Chart:
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
    scores, limit = beside([score.score for score in shown], threshold)
    written = [f"{label(name)}  {score}" for name, score in zip(short, scores, strict=True)]
    labels = [f"<b>{written[0]}</b>", *written[1 : len(kept)]]
    values: list[float | None] = [score.score for score in kept]
    # Nobody reaches anything where the query's letters decide.
    needed = threshold if route.decision.unknown_script is None else math.inf
    colors = [_color(rank, score, needed) for rank, score in enumerate(kept)]
    lines = list(colors)
    if removed:
        labels += ["<i>Removed by the tag filter</i>", *written[len(kept) :]]
        values += [None, *(score.score for score in removed)]
        colors += [NOTHING] * (1 + len(removed))
        lines += [NOTHING, *[REMOVED] * len(removed)]
    low = min(typical[0], float(ranking.scores.min()))
    high = max(typical[1], float(ranking.scores.max()))
    line = min(max(threshold, low), high)
    return framed(
        [bars(values, colors, outlines=lines)],
        ink,
        height=_height(30, len(shown) + 1, ROW_PX),
        margin=(8, 30, 12, 28),
        xaxis=_axis(low, high),
        yaxis=_rows(labels, len(shown) + 1),
        bargap=GAP,
        shapes=[upright(line, THRESHOLD, "dash")],
        annotations=[_threshold_label(threshold, limit, line, (line - low) / (high - low))],
    )


def similarity_alt(route: Route) -> str:
    """Return the chart's message for those who do not see it."""
    return f"Bar chart of similarities. {headline(route.decision)}. {reason(route)}"


def timeline_chart(spans: Sequence[Span], ink: str | None = None) -> Chart:
    """Return one bar a stage from its start to its end; what a cache answered is hollow.

    Args:
        spans: Up to the decision.
        ink: The colour of labels; None leaves it to the theme.
    """
    total = max(wall_ms(spans), 1e-6)
    cached = [span.facts.from_cache for span in spans]
    labels = [STAGES_IN_WORDS[span.name] for span in spans]
    # A bar that is too short to be seen still shows when its stage ran.
    lasting = [max(span.ms, total * 0.004) for span in spans]
    fills = [NOTHING if hit else BEST for hit in cached]
    outlines = [REMOVED if hit else BEST for hit in cached]
    notes = [
        milliseconds(span.ms) + (", from the cache" if hit else "")
        for span, hit in zip(spans, cached, strict=True)
    ]
    return framed(
        [bars(lasting, fills, outlines=outlines) | {"base": [span.start_ms for span in spans]}],
        ink,
        height=_height(4, len(labels), _STAGE_PX),
        margin=(8, 4, 12, 28),
        xaxis=_axis(0, total) | {"ticksuffix": " ms", "tickformat": ".3~f"},
        yaxis=_rows(labels, len(labels)),
        bargap=GAP,
        annotations=[
            _bar_note(span, total, on_bar=None if hit else ON_BAR) | {"y": row, "text": note}
            for row, (note, span, hit) in enumerate(zip(notes, spans, cached, strict=True))
        ],
    )


def timeline_alt(spans: Sequence[Span]) -> str:
    """Return the timeline's message for those who do not see it."""
    longest = max(spans, key=lambda span: span.ms)
    return (
        f"Timeline of the stages, {milliseconds(wall_ms(spans))} in all. The longest is "
        f"{STAGES_IN_WORDS[longest.name]} with {milliseconds(longest.ms)}."
    )


def _height(top_px: int, rows: int, row_px: int) -> int:
    return top_px + 40 + row_px * rows


def _rows(labels: list[str], rows: int) -> Chart:
    return rows_axis(labels) | {"range": [rows - 0.4, -0.6]}


def _axis(low: float, high: float) -> Chart:
    pad = (high - low) * 0.02
    return {
        "range": [low - (pad if low < 0 else 0), high + pad],
        "fixedrange": True,
        "showgrid": False,
        "zeroline": True,
        "tickformat": ".1f",
    }


def _threshold_label(threshold: float, written: str, line: float, place: float) -> Chart:
    """Return the line's label; with an arrow where the threshold is beyond the axis."""
    text = f"threshold {written}"
    if threshold > line:
        text += " \u2192"
    elif threshold < line:
        text = f"\u2190 {text}"
    return above(line, text, place, edge=0.15)


def _bar_note(span: Span, total: float, *, on_bar: str | None) -> Chart:
    """Place a bar's latency on the side that has room, or on the bar where neither has."""
    end, gap = span.start_ms + span.ms, total * 0.01
    if end < total * _ROOMY:
        return {"x": end + gap, "xanchor": "left", "showarrow": False}
    if span.start_ms > total * (1 - _ROOMY):
        return {"x": span.start_ms - gap, "xanchor": "right", "showarrow": False}
    font = {} if on_bar is None else {"font": {"color": on_bar}}
    return {"x": end - gap, "xanchor": "right", "showarrow": False} | font


def _color(rank: int, score: Score, threshold: float) -> str:
    if not reaches(score.score, threshold):
        return BELOW
    return BEST if rank == 0 else PASSES
