"""Charts of overlap as plain dictionaries in Plotly's form."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from handoff.agents.overlap import Overlap
from handoff.agents.plane import Map
from handoff.core.model import Registry
from handoff.core.texts import formula_safe
from handoff.report.charts import (
    BELOW,
    BEST,
    GAP,
    ROW_PX,
    SMALL_PX,
    THRESHOLD,
    Chart,
    bare_axis,
    bars,
    framed,
    label,
    names_axis,
    rows_axis,
)
from handoff.report.numbers import percent
from handoff.report.overlap_words import name_of, overlap_summary

MOST_IN_HEAT_MAP = 40
MOST_NAMED = 40
MOST_QUERIES = 2_000
_LONGEST_NAME = 22
_WRITTEN = 12
_PALE, _MIDDLE, _DEEP = "#DCE9F6", "#5A9AD6", "#0B3C68"


def overlap_chart(overlap: Overlap, registry: Registry, ink: str | None) -> Chart:
    """Return a heat map of all agents, or bars of the closest pairs where they are too many."""
    if overlap.matrix is not None and len(registry) <= MOST_IN_HEAT_MAP:
        return _heat_map(overlap.matrix, registry, ink)
    return _pair_bars(overlap, registry, ink)


def overlap_alt(overlap: Overlap, registry: Registry) -> str:
    """Return that chart's message."""
    kind = "Heat map" if len(registry) <= MOST_IN_HEAT_MAP else "Bars"
    return (
        f"{kind} of how similar the agents' descriptions are. {overlap_summary(overlap, registry)}"
    )


def map_chart(plane: Map, registry: Registry, queries: Sequence[str], ink: str | None) -> Chart:
    """Return agents as named diamonds and queries as dots on one plane.

    Args:
        plane: The agents' points, then the queries' where there are any.
        registry: The agents.
        queries: Their texts; empty without queries.
        ink: The colour of labels; None leaves it to the theme.
    """
    agents = plane.points[0]
    names = [_short(registry, at) for at in range(len(registry))]
    traces = []
    if len(plane.points) > 1 and len(queries):
        shown = np.unique(
            np.linspace(0, len(queries) - 1, min(len(queries), MOST_QUERIES)).astype(np.intp)
        )
        traces.append(
            _points(plane.points[1][shown].tolist(), "queries", "circle", 5, BELOW)
            | {"hovertext": [label(queries[at], 80) for at in shown.tolist()]}
        )
    named = len(registry) <= MOST_NAMED
    traces.append(
        _points(agents.tolist(), "agents", "diamond", 11, BEST)
        | {
            "mode": "markers+text" if named else "markers",
            "text": names if named else [],
            "textposition": "top center",
            "textfont": {"size": SMALL_PX},
            "hovertext": names,
        }
    )
    axis = {"fixedrange": True, "showticklabels": False, "zeroline": False, "showgrid": False}
    across, upwards = ({"title": {"text": percent(share)}} for share in plane.variance)
    return framed(
        traces,
        ink,
        height=480,
        margin=(12, 12, 12, 64),
        xaxis=axis | {"range": _roomy(plane)} | across,
        yaxis=axis | upwards,
        legend={"orientation": "h", "x": 0, "y": -0.12},
    )


def _roomy(plane: Map) -> list[float]:
    """Return an axis with room for the names at both edges."""
    across = np.concatenate([points[:, 0] for points in plane.points])
    room = 0.2 * max(float(np.ptp(across)), 1e-3)
    return [float(across.min()) - room, float(across.max()) + room]


def map_alt(plane: Map) -> str:
    """Return that chart's message."""
    return (
        "Map of agents and queries on the plane of the agents' first two principal components, "
        f"which show {percent(sum(plane.variance))} of the agents' variance."
    )


def map_rows(plane: Map, registry: Registry) -> list[dict[str, Any]]:
    """Return one row an agent, with its point."""
    return [
        {"agent": formula_safe(name_of(registry, at)), "x": round(x, 3), "y": round(y, 3)}
        for at, (x, y) in enumerate(plane.points[0].tolist())
    ]


def _heat_map(matrix: Any, registry: Registry, ink: str | None) -> Chart:  # noqa: ANN401
    names = [_short(registry, at) for at in range(len(registry))]
    values = np.asarray(matrix).round(3).tolist()
    written = len(names) <= _WRITTEN
    axis = names_axis(names) | {"tickfont": {"size": SMALL_PX}, "showgrid": False}
    trace = {
        "type": "heatmap",
        "z": values,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, _PALE], [0.5, _MIDDLE], [1, _DEEP]],
        "xgap": 1,
        "ygap": 1,
        "text": [[f"{value:.2f}" for value in row] for row in values] if written else None,
        "texttemplate": "%{text}" if written else None,
        "hovertext": [
            [f"{one} \u2013 {other}: {value:.2f}" for other, value in zip(names, row, strict=True)]
            for one, row in zip(names, values, strict=True)
        ],
        "hoverinfo": "text",
        "colorbar": {"thickness": 10, "title": {"text": ""}},
    }
    return framed(
        [trace],
        ink,
        height=140 + ROW_PX * len(names),
        margin=(8, 8, 8, 8),
        xaxis=axis | {"tickangle": -45},
        yaxis=axis | {"range": [len(names) - 0.5, -0.5]},
    )


def _pair_bars(overlap: Overlap, registry: Registry, ink: str | None) -> Chart:
    values = overlap.similarities.tolist()
    pairs = zip(overlap.first.tolist(), overlap.second.tolist(), strict=True)
    names = [f"{_short(registry, one)} \u2013 {_short(registry, other)}" for one, other in pairs]
    return framed(
        [
            bars(
                [round(value, 4) for value in values],
                [THRESHOLD if value >= overlap.stands_out_from else BEST for value in values],
                texts=[f"{value:.2f}" for value in values],
            )
        ],
        ink,
        height=40 + ROW_PX * len(values),
        xaxis=bare_axis(0, 1.12),
        yaxis=rows_axis(names),
        bargap=GAP,
    )


def _points(points: list[list[float]], name: str, symbol: str, size: int, color: str) -> Chart:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [round(x, 4) for x, _ in points],
        "y": [round(y, 4) for _, y in points],
        "marker": {"symbol": symbol, "size": size, "color": color},
        "hoverinfo": "text",
    }


def _short(registry: Registry, position: int) -> str:
    return label(name_of(registry, position), _LONGEST_NAME)
