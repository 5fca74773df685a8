"""What all charts share: colours, the frame, axes, marks. Plain dictionaries in Plotly's form.

Whatever is written in a chart has one ink. It cannot stand in a template of Plotly's: Streamlit's
theme writes its own over it, too faint on white, for axes and legend.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from handoff.core.texts import shorten
from handoff.report.numbers import beside

Chart = dict[str, Any]

BEST, PASSES, BELOW, REMOVED, THRESHOLD = "#1F77C9", "#4A90D0", "#8496AC", "#8A95A5", "#D55E00"
LIGHT, DARK_ORANGE, FAILED = "#79B4EA", "#A23B00", "#5B6778"
ON_BAR, ON_LIGHT_BAR = "#FFFFFF", "#0E1624"
NOTHING = "rgba(0,0,0,0)"
SMALL_PX = 11
ROW_PX = 27
GAP = 0.35
_ON_EITHER_THEME = "#9AA7B8"


@dataclass(frozen=True, slots=True)
class Mark:
    """A threshold that a chart points out."""

    threshold: float
    name: str
    dash: str


def framed(
    traces: list[Chart],
    ink: str | None,
    *,
    height: int,
    margin: tuple[int, int, int, int] = (8, 4, 12, 8),
    **layout: Any,  # noqa: ANN401
) -> Chart:
    """Return traces in a frame, all labels in one ink.

    Args:
        traces: What is drawn.
        ink: The colour of labels; None leaves it to the theme.
        height: In pixels.
        margin: Left, top, right and bottom, in pixels.
        layout: What else Plotly should know, by its names: both axes, a legend if there is one.
    """
    left, top, right, bottom = margin
    inked = {name: _inked(axis, ink) for name, axis in layout.items() if name in {"xaxis", "yaxis"}}
    if "legend" in layout:
        inked["legend"] = layout["legend"] | {"font": {"color": ink}}
    return {
        "data": traces,
        "layout": {
            "font": {"color": ink},
            "height": height,
            "margin": {"l": left, "r": right, "t": top, "b": bottom},
            "dragmode": False,
            "hovermode": "closest",
            "showlegend": "legend" in layout,
            **layout,
            **inked,
        },
    }


def bars(
    values: Sequence[float | None],
    colors: Sequence[str],
    *,
    texts: Sequence[str] | None = None,
    outlines: Sequence[str] | None = None,
) -> Chart:
    """Return one lying bar a value.

    Args:
        values: How long each is; None leaves its row empty.
        colors: What fills each.
        texts: What stands at the end of each.
        outlines: What surrounds each.
    """
    marker: Chart = {"color": list(colors), "cornerradius": 3}
    if outlines is not None:
        marker["line"] = {"color": list(outlines), "width": 1}
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": list(values),
        # Positions, not names: two agents may share a name.
        "y": list(range(len(values))),
        "marker": marker,
        "hoverinfo": "skip",
    }
    if texts is None:
        return trace
    return trace | {"text": list(texts), "textposition": "outside", "cliponaxis": False}


def line(
    name: str,
    points: tuple[list[Any], list[Any]],
    looks: tuple[str, str],
    hover: str,
    shape: str = "linear",
) -> Chart:
    """Return a line with a name in the legend.

    Args:
        name: For people.
        points: Its places along both axes.
        looks: Colour and dash.
        hover: Plotly's template of what a point tells.
        shape: How two points are joined.
    """
    color, dash = looks
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "line": {"color": color, "dash": dash, "width": 2.5, "shape": shape},
        "x": points[0],
        "y": points[1],
        "hovertemplate": hover,
    }


def number_axis(limits: tuple[float, float] | None = None, title: str = "") -> Chart:
    """Return an axis of numbers, a little wider than its limits."""
    axis: Chart = {
        "fixedrange": True,
        "zeroline": False,
        "title": {"text": title},
        "automargin": True,
    }
    if limits is not None:
        pad = (limits[1] - limits[0]) * 0.02
        axis["range"] = [limits[0] - pad, limits[1] + pad]
    return axis


def share_axis() -> Chart:
    """Return an axis from 0 to 100 %."""
    return number_axis((0.0, 1.0)) | {"tickformat": ".0%"}


def bare_axis(low: float, high: float) -> Chart:
    """Return an axis that nobody sees."""
    return {"range": [low, high], "fixedrange": True, "visible": False, "zeroline": False}


def names_axis(names: Sequence[str]) -> Chart:
    """Return an axis of names, one a place from 0 on."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": list(names),
        "fixedrange": True,
        "automargin": True,
        "zeroline": False,
    }


def rows_axis(names: Sequence[str]) -> Chart:
    """Return an axis of names from the top down, one a bar."""
    return names_axis(names) | {"range": [len(names) - 0.5, -0.5], "showgrid": False}


def legend_below() -> Chart:
    """Return a legend along the lower edge, where it may wrap and cover nothing."""
    return {
        "orientation": "h",
        "x": 0,
        "yref": "container",
        "y": 0,
        "yanchor": "bottom",
        "itemwidth": 30,
        # Plotly gives it half of the chart, and beyond that a scroll bar.
        "maxheight": 1,
        "itemclick": False,
        "itemdoubleclick": False,
    }


def mark_lines(marks: Sequence[Mark], ink: str | None) -> list[Chart]:
    """Return one upright line a mark."""
    return [
        upright(
            mark.threshold,
            THRESHOLD if mark.dash == "dash" else ink or _ON_EITHER_THEME,
            mark.dash,
        )
        for mark in marks
    ]


def mark_names(marks: Sequence[Mark], span: tuple[float, float]) -> list[Chart]:
    """Return the marks' names above the chart, each on a row of its own."""
    if not marks:
        return []
    present = marks[0].threshold
    written, first = beside([mark.threshold for mark in marks[1:]] or [present], present)
    return [
        above(
            min(max(mark.threshold, span[0]), span[1]),
            f"{mark.name} {said}",
            (mark.threshold - span[0]) / max(span[1] - span[0], 1e-9),
            edge=0.2,
        )
        | {"yshift": 2 + 18 * row}
        for row, (mark, said) in enumerate(zip(marks, [first, *written], strict=False))
    ]


def upright(place: float, color: str, dash: str) -> Chart:
    """Return a line from the lower to the upper edge."""
    return {
        "type": "line",
        "x0": place,
        "x1": place,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": color, "width": 2, "dash": dash},
    }


def above(place: float, text: str, share: float, edge: float) -> Chart:
    """Return a bold label above the chart, turned inward near an edge.

    Args:
        place: On the axis.
        text: Without markup.
        share: How far along the axis that is, from 0 to 1.
        edge: Up to which share the label is at an edge.
    """
    return {
        "x": place,
        "yref": "paper",
        "y": 1,
        "yanchor": "bottom",
        "xanchor": "right" if share > 1 - edge else "left" if share < edge else "center",
        "text": f"<b>{text}</b>",
        "showarrow": False,
    }


def label(text: str, longest: int | None = None) -> str:
    """Return somebody's text for a chart, cut to a length: it is text there, never markup."""
    return escape(text if longest is None else shorten(text, longest), quote=False)


def _inked(axis: Chart, ink: str | None) -> Chart:
    inked = axis | {"tickfont": axis.get("tickfont", {}) | {"color": ink}}
    if "title" in axis:
        inked["title"] = axis["title"] | {"font": {"color": ink}}
    return inked
