"""Charts of a labelled set as plain dictionaries in Plotly's form."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handoff.core.model import IntArray, Registry
from handoff.evaluation.account import Fate
from handoff.evaluation.analysis import Analysis
from handoff.evaluation.counts import Ending
from handoff.evaluation.judged import NOBODY
from handoff.evaluation.proof import CurvePoint
from handoff.report.numbers import percent
from handoff.report.route_figures import BELOW, BEST, THRESHOLD
from handoff.report.set_groups import ending_key, fate_key, pair_key
from handoff.report.set_words import ENDINGS, FATES, agent_name

MOST_CELLS_ACROSS = 25
_LIGHT, _DARK_ORANGE, _FAILED = "#79B4EA", "#A23B00", "#5B6778"
_COLORS = {
    Ending.RIGHT: BEST,
    Ending.REFUSED: _LIGHT,
    Ending.MISSED: BELOW,
    Ending.WRONG: THRESHOLD,
    Ending.TAKEN: _DARK_ORANGE,
}
_NO_LEGEND = 8
_POINTS = 300
_BINS = 40
_LONGEST_NAME = 22
_SHARE_OF_LABEL = 0.06


@dataclass(frozen=True, slots=True)
class Mark:
    """A threshold that a chart points out."""

    threshold: float
    name: str
    dash: str


def endings_chart(analysis: Analysis, ink: str | None) -> dict[str, Any]:
    """Return one bar over the whole set, a segment an ending, with its count."""
    counts = analysis.counts
    numbers = {
        Ending.RIGHT: counts.right,
        Ending.REFUSED: counts.refused,
        Ending.MISSED: counts.missed,
        Ending.WRONG: counts.wrong,
        Ending.TAKEN: counts.taken,
    }
    segments = [
        (f"{ENDINGS[ending]} {number:,}", number, _COLORS[ending], ending_key(ending))
        for ending, number in numbers.items()
    ]
    if counts.failed:
        segments.append((f"failed {counts.failed:,}", counts.failed, _FAILED, ""))
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [number],
                "y": [0],
                "name": name,
                "text": [f"{number:,}" if number >= counts.cases * _SHARE_OF_LABEL else ""],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "textangle": 0,
                "textfont": {"color": "#0E1624" if color == _LIGHT else "#FFFFFF"},
                "marker": {"color": color, "line": {"width": 0}},
                "hoverinfo": "skip",
                "customdata": [key],
            }
            for name, number, color, key in segments
        ],
        "layout": _layout(ink, height=124, top=0, bottom=64)
        | {
            "barmode": "stack",
            "bargap": 0.1,
            "xaxis": _bare_axis([0, max(counts.cases, 1)]),
            "yaxis": _bare_axis([-0.5, 0.5]),
            "legend": _legend(ink) | {"traceorder": "normal"},
        },
    }


def endings_alt(analysis: Analysis) -> str:
    """Return that chart's message."""
    counts = analysis.counts
    return (
        f"Bar of {counts.cases:,} cases by how they end: {counts.right:,} right, "
        f"{counts.refused:,} refused rightly, {counts.missed:,} missed, {counts.wrong:,} to a "
        f"wrong agent, {counts.taken:,} taken wrongly, {counts.failed:,} failed."
    )


def curves_chart(
    analysis: Analysis, marks: Sequence[Mark], typical: tuple[float, float], ink: str | None
) -> dict[str, Any]:
    """Return accuracy, coverage and hand-offs to somebody wrong over the threshold."""
    swept = analysis.swept
    span = _span(analysis, typical)
    shown = _thinned(len(swept.thresholds))
    # Below the lowest level and above the highest nothing changes any more.
    shown = np.concatenate([shown[:1], shown, shown[-1:]])
    thresholds = swept.thresholds[shown].astype(np.float64)
    thresholds[0], thresholds[-1] = span
    lines: list[tuple[str, NDArray[np.floating[Any]], str, str]] = [
        ("as labelled (accuracy)", swept.accuracy[shown], BEST, "solid"),
        ("handed off (coverage)", swept.handed_off[shown] / swept.cases, BELOW, "dot"),
        ("to somebody wrong", swept.to_wrong[shown] / swept.cases, THRESHOLD, "dash"),
    ]
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                # Between two levels a threshold decides as the upper one does.
                "line": {"color": color, "dash": dash, "width": 2.5, "shape": "vh"},
                "x": _short(thresholds),
                "y": _short(shares),
                "hovertemplate": "%{y:.1%} at %{x:.3f}",
            }
            for name, shares, color, dash in lines
        ],
        "layout": _layout(ink, height=320, top=42, bottom=78)
        | {
            "xaxis": _axis(ink, span, ""),
            "yaxis": _axis(ink, (0.0, 1.0), "", share=True),
            "legend": _legend(ink),
            "shapes": [_line(mark, ink) for mark in marks],
            "annotations": _labels(marks, span, ink),
        },
    }


def curves_alt(analysis: Analysis) -> str:
    """Return that chart's message."""
    swept = analysis.swept
    best = int(np.argmax(swept.accuracy))
    return (
        f"Lines over the threshold: accuracy peaks at {percent(float(swept.accuracy[best]))} near "
        f"{swept.thresholds[best]:.2f}; at the present {analysis.policy.threshold:.2f} it is "
        f"{percent(analysis.counts.accuracy)}, with {percent(analysis.counts.coverage)} handed "
        f"off and {percent(analysis.counts.wrong_share)} to somebody wrong."
    )


def scores_chart(
    analysis: Analysis, marks: Sequence[Mark], typical: tuple[float, float], ink: str | None
) -> dict[str, Any]:
    """Return how the best scores of three kinds of cases are spread."""
    low, high = _span(analysis, typical)
    edges, counted = spread(analysis, (low, high), _BINS)
    looks = ((BEST, "solid"), (THRESHOLD, "dash"), (BELOW, "dot"))
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{name} ({int(cases.sum()):,})",
                "line": {"color": color, "dash": dash, "width": 2.5, "shape": "hvh"},
                "x": _short((edges[:-1] + edges[1:]) / 2),
                "y": cases.tolist(),
                "hovertemplate": "%{y:,} cases near %{x:.2f}",
            }
            for (name, cases), (color, dash) in zip(counted.items(), looks, strict=True)
            if cases.any()
        ],
        "layout": _layout(ink, height=300, top=42, bottom=78)
        | {
            "xaxis": _axis(ink, (low, high), ""),
            "yaxis": _axis(ink, None, "") | {"rangemode": "tozero", "title": {"text": "cases"}},
            "legend": _legend(ink),
            "shapes": [_line(mark, ink) for mark in marks],
            "annotations": _labels(marks, (low, high), ink),
        },
    }


def spread(
    analysis: Analysis, span: tuple[float, float], bins: int
) -> tuple[NDArray[np.floating[Any]], dict[str, IntArray]]:
    """Count best scores in equal bins, three kinds of cases apart.

    Args:
        analysis: Of a set.
        span: From where to where.
        bins: How many.

    Returns:
        The bins' edges, shape (bins + 1,), and each kind's counts, shape (bins,).
    """
    ranked = analysis.ranked
    edges = np.linspace(*span, bins + 1)
    kinds = {
        "right agent first": ranked.correct,
        "another agent first": ranked.in_scope & ~ranked.correct,
        "nobody should take it": ~ranked.in_scope,
    }
    return edges, {
        name: np.histogram(ranked.levels[chosen], edges)[0] for name, chosen in kinds.items()
    }


def scores_alt(analysis: Analysis) -> str:
    """Return that chart's message."""
    return (
        "Lines of how many cases have which best score, in-scope and nobody's apart. A random "
        f"in-scope case scores above a random one of nobody's in {percent(analysis.auroc)} of all "
        "pairs."
    )


def account_chart(analysis: Analysis, ink: str | None) -> dict[str, Any]:
    """Return one bar for each way of losing a query."""
    numbers = [analysis.account.number(fate) for fate in FATES]
    colors = [BELOW, THRESHOLD, BELOW, _DARK_ORANGE]
    most = max(*numbers, 1)
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": numbers,
                "y": list(range(len(numbers))),
                "text": [f"{number:,}" for number in numbers],
                "textposition": "outside",
                "textfont": {"color": ink},
                "cliponaxis": False,
                "marker": {"color": colors, "cornerradius": 3},
                # "skip" would swallow clicks as well.
                "hoverinfo": "none",
                "customdata": [fate_key(fate) for fate in FATES],
            }
        ],
        "layout": _layout(ink, height=176, top=4)
        | {
            "bargap": 0.35,
            "xaxis": _bare_axis([0, most * 1.12]),
            "yaxis": _bare_axis([len(numbers) - 0.5, -0.5])
            | {
                "visible": True,
                "showgrid": False,
                "tickvals": list(range(len(numbers))),
                "ticktext": list(_SHORT_FATES.values()),
                "tickfont": {"color": ink},
                "automargin": True,
            },
        },
    }


_SHORT_FATES = {
    Fate.FILTERED: "removed by the filter",
    Fate.OUTRANKED: "another ranked first",
    Fate.HELD_BACK: "below threshold",
    Fate.TAKEN: "taken wrongly",
}


def account_alt(analysis: Analysis) -> str:
    """Return that chart's message."""
    lost = ", ".join(
        f"{analysis.account.number(fate):,} {name}" for fate, name in _SHORT_FATES.items()
    )
    return f"Bars of where queries are lost: {lost}."


def confusion_chart(analysis: Analysis, ink: str | None) -> dict[str, Any]:
    """Return the agents that matter against each other: who should get, and who gets.

    Of a large registry, those with the most cases that went astray.
    """
    shown = _busiest(analysis)
    registry, cells = analysis.labelled.registry, analysis.confusion
    names = [_axis_name(registry, position) for position in shown]
    place = {position: at for at, position in enumerate(shown)}
    listed = [
        (place[got], place[expected], cases, pair_key(expected, got), expected == got)
        for expected, got, cases in zip(
            cells.expected.tolist(), cells.got.tolist(), cells.cases.tolist(), strict=True
        )
        if expected in place and got in place
    ]
    most = max((cases for *_, cases, _, _ in listed), default=1)
    size = 24 if len(shown) <= MOST_CELLS_ACROSS // 2 else 15
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": [x for x, *_ in listed],
                "y": [y for _, y, *_ in listed],
                "text": [f"{cases:,}" for _, _, cases, _, _ in listed],
                "textfont": {"size": 11, "color": "#FFFFFF"},
                "customdata": [key for *_, key, _ in listed],
                "hovertext": [
                    f"{names[y]} \u2192 {names[x]}: {cases:,}" for x, y, cases, _, _ in listed
                ],
                "hoverinfo": "text",
                "marker": {
                    "symbol": "square",
                    "opacity": 1,
                    "size": [size * (0.75 + 0.35 * cases / most) for _, _, cases, _, _ in listed],
                    "color": [BEST if right else "#C24F00" for *_, right in listed],
                    "line": {"width": 0},
                },
            }
        ],
        "layout": _layout(ink, height=90 + 30 * len(shown), top=8)
        | {
            "xaxis": _names_axis(names, ink) | {"tickangle": -45, "title": {"text": "gets it"}},
            "yaxis": _names_axis(names, ink)
            | {
                "autorange": False,
                "range": [len(names) - 0.4, -0.6],
                "title": {"text": "should get it"},
            },
        },
    }


def confusion_alt(analysis: Analysis) -> str:
    """Return that chart's message."""
    cells, registry = analysis.confusion.off_diagonal, analysis.labelled.registry
    if not len(cells.cases):
        return "Matrix of who should get a query against who gets it: nothing goes astray."
    return (
        "Matrix of who should get a query against who gets it. Most often astray: "
        f"{cells.cases[0]:,} of {agent_name(registry, int(cells.expected[0]))} go to "
        f"{agent_name(registry, int(cells.got[0]))}."
    )


def learning_chart(curve: Sequence[CurvePoint], before: float, ink: str | None) -> dict[str, Any]:
    """Return accuracy over how many examples an agent has, beside the descriptions' alone."""
    names = [f"{point.each:,}" for point in curve]
    lines = [
        ("with examples", [point.accuracy for point in curve], BEST, "solid", "lines+markers"),
        ("descriptions alone", [before] * len(curve), BELOW, "dot", "lines"),
    ]
    return {
        "data": [
            {
                "type": "scatter",
                "mode": mode,
                "name": name,
                "line": {"color": color, "dash": dash, "width": 2.5},
                "x": names,
                "y": [round(share, 4) for share in shares],
                "hovertemplate": "%{y:.1%} with %{x} an agent",
            }
            for name, shares, color, dash, mode in lines
        ],
        "layout": _layout(ink, height=300, top=10, bottom=96)
        | {
            "xaxis": _axis(ink, None, "examples an agent") | {"type": "category"},
            "yaxis": _axis(ink, (0.0, 1.0), "", share=True),
            "legend": _legend(ink),
        },
    }


def learning_alt(curve: Sequence[CurvePoint], before: float) -> str:
    """Return that chart's message."""
    last = curve[-1]
    return (
        f"Line of accuracy over examples an agent: {percent(before)} by descriptions alone, "
        f"{percent(last.accuracy)} with {last.each:,}."
    )


def _busiest(analysis: Analysis) -> list[int]:
    """Return at most so many positions as fit, in registry order, and nobody last."""
    cells = analysis.confusion
    astray = cells.off_diagonal if len(analysis.by_agent.got) >= MOST_CELLS_ACROSS else cells
    weight = np.zeros(len(analysis.by_agent.got), dtype=np.intp)
    for owners in (astray.expected, astray.got):
        named = owners >= 0
        np.add.at(weight, owners[named], astray.cases[named])
    order = np.argsort(-weight, kind="stable")[: MOST_CELLS_ACROSS - 1]
    return [*sorted(int(at) for at in order if weight[at]), NOBODY]


def _axis_name(registry: Registry, position: int) -> str:
    name = agent_name(registry, position)
    short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}\u2026"
    return escape(short, quote=False)


def _thinned(points: int) -> IntArray:
    """Return at most `_POINTS` places, first and last among them; a chart has no more pixels."""
    return np.unique(np.linspace(0, points - 1, min(points, _POINTS)).astype(np.intp))


def _short(values: NDArray[np.floating[Any]]) -> list[float]:
    return [round(value, 4) for value in np.asarray(values, dtype=np.float64).tolist()]


def _span(analysis: Analysis, typical: tuple[float, float]) -> tuple[float, float]:
    """Return an axis that holds every score and does not move with the threshold."""
    levels = analysis.ranked.levels
    return min(typical[0], float(levels.min())), max(typical[1], float(levels.max()))


def _layout(ink: str | None, *, height: int, top: int, bottom: int = 8) -> dict[str, Any]:
    return {
        "font": {"color": ink},
        "height": height,
        "margin": {"l": 8, "r": 12, "t": top, "b": bottom},
        "dragmode": False,
        "showlegend": bottom > _NO_LEGEND,
        "hovermode": "closest",
    }


def _legend(ink: str | None) -> dict[str, Any]:
    """Return a legend along the lower edge, where it may wrap and cover nothing."""
    return {
        "orientation": "h",
        "x": 0,
        "yref": "container",
        "y": 0,
        "yanchor": "bottom",
        "font": {"color": ink},
        "itemwidth": 30,
        "itemclick": False,
        "itemdoubleclick": False,
    }


def _axis(
    ink: str | None, limits: tuple[float, float] | None, title: str, *, share: bool = False
) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "fixedrange": True,
        "zeroline": False,
        "tickfont": {"color": ink},
        "title": {"text": title, "font": {"color": ink}},
        "automargin": True,
    }
    if limits is not None:
        pad = (limits[1] - limits[0]) * 0.02
        axis["range"] = [limits[0] - pad, limits[1] + pad]
    if share:
        axis["tickformat"] = ".0%"
    return axis


def _bare_axis(limits: list[float]) -> dict[str, Any]:
    return {"range": limits, "fixedrange": True, "visible": False, "zeroline": False}


def _names_axis(names: list[str], ink: str | None) -> dict[str, Any]:
    return {
        "tickvals": list(range(len(names))),
        "ticktext": names,
        "tickfont": {"color": ink, "size": 11},
        "range": [-0.6, len(names) - 0.4],
        "fixedrange": True,
        "zeroline": False,
        "automargin": True,
        "side": "bottom",
    }


def _line(mark: Mark, ink: str | None) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": mark.threshold,
        "x1": mark.threshold,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": _mark_color(mark, ink), "width": 2, "dash": mark.dash},
    }


def _labels(
    marks: Sequence[Mark], span: tuple[float, float], ink: str | None
) -> list[dict[str, Any]]:
    """Return the marks' names above the chart, each on a row of its own."""
    labels = []
    for row, mark in enumerate(marks):
        place = (mark.threshold - span[0]) / max(span[1] - span[0], 1e-9)
        anchor = "right" if place > 0.8 else "left" if place < 0.2 else "center"  # noqa: PLR2004
        labels.append(
            {
                "x": min(max(mark.threshold, span[0]), span[1]),
                "yref": "paper",
                "y": 1,
                "yshift": 2 + 18 * row,
                "yanchor": "bottom",
                "xanchor": anchor,
                "text": f"<b>{mark.name} {mark.threshold:.2f}</b>",
                "showarrow": False,
                "font": {"color": ink},
            }
        )
    return labels


def _mark_color(mark: Mark, ink: str | None) -> str:
    return THRESHOLD if mark.dash == "dash" else ink or "#9AA7B8"
