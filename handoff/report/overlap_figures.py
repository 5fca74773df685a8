"""Charts of overlap as plain dictionaries in Plotly's form."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from handoff.agents.overlap import Overlap
from handoff.agents.plane import Map
from handoff.core.model import Registry
from handoff.core.texts import formula_safe, shorten
from handoff.report.numbers import percent
from handoff.report.overlap_words import name_of, overlap_summary
from handoff.report.route_figures import BELOW, BEST, THRESHOLD

MOST_IN_HEAT_MAP = 40
MOST_NAMED = 40
MOST_QUERIES = 2_000
_LONGEST_NAME = 22
_WRITTEN = 12
_ROW_PX = 27
_PALE = "#DCE9F6"


def overlap_chart(overlap: Overlap, registry: Registry, ink: str | None) -> dict[str, Any]:
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


def map_chart(
    plane: Map, registry: Registry, queries: Sequence[str], ink: str | None
) -> dict[str, Any]:
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
            | {
                "hovertext": [
                    escape(shorten(queries[at], 80), quote=False) for at in shown.tolist()
                ]
            }
        )
    named = len(registry) <= MOST_NAMED
    traces.append(
        _points(agents.tolist(), "agents", "diamond", 11, BEST)
        | {
            "mode": "markers+text" if named else "markers",
            "text": names if named else [],
            "textposition": "top center",
            "textfont": {"color": ink, "size": 11},
            "hovertext": names,
        }
    )
    axis = {"fixedrange": True, "showticklabels": False, "zeroline": False, "showgrid": False}
    return {
        "data": traces,
        "layout": {
            "font": {"color": ink},
            "height": 480,
            "margin": {"l": 12, "r": 12, "t": 12, "b": 64},
            "dragmode": False,
            "hovermode": "closest",
            "showlegend": True,
            "legend": {"orientation": "h", "x": 0, "y": -0.12, "font": {"color": ink}},
            "xaxis": axis
            | {
                "range": _roomy(plane),
                "title": {"text": percent(plane.variance[0]), "font": {"color": ink}},
            },
            "yaxis": axis | {"title": {"text": percent(plane.variance[1]), "font": {"color": ink}}},
        },
    }


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


def _heat_map(matrix: Any, registry: Registry, ink: str | None) -> dict[str, Any]:  # noqa: ANN401
    names = [_short(registry, at) for at in range(len(registry))]
    values = np.asarray(matrix).round(3).tolist()
    written = len(names) <= _WRITTEN
    axis = {
        "tickvals": list(range(len(names))),
        "ticktext": names,
        "tickfont": {"color": ink, "size": 11},
        "fixedrange": True,
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
    }
    return {
        "data": [
            {
                "type": "heatmap",
                "z": values,
                "zmin": 0,
                "zmax": 1,
                "colorscale": [[0, _PALE], [0.5, "#5A9AD6"], [1, "#0B3C68"]],
                "xgap": 1,
                "ygap": 1,
                "text": [[f"{value:.2f}" for value in row] for row in values] if written else None,
                "texttemplate": "%{text}" if written else None,
                "hovertext": [
                    [
                        f"{one} \u2013 {other}: {value:.2f}"
                        for other, value in zip(names, row, strict=True)
                    ]
                    for one, row in zip(names, values, strict=True)
                ],
                "hoverinfo": "text",
                "colorbar": {"thickness": 10, "tickfont": {"color": ink}, "title": {"text": ""}},
            }
        ],
        "layout": {
            "font": {"color": ink},
            "height": 140 + _ROW_PX * len(names),
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "dragmode": False,
            "xaxis": axis | {"tickangle": -45},
            "yaxis": axis | {"range": [len(names) - 0.5, -0.5]},
        },
    }


def _pair_bars(overlap: Overlap, registry: Registry, ink: str | None) -> dict[str, Any]:
    values = overlap.similarities.tolist()
    pairs = list(zip(overlap.first.tolist(), overlap.second.tolist(), strict=True))
    labels = [f"{_short(registry, one)} \u2013 {_short(registry, other)}" for one, other in pairs]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [round(value, 4) for value in values],
                # Positions, not names: two agents may share a name.
                "y": list(range(len(values))),
                "text": [f"{value:.2f}" for value in values],
                "textposition": "outside",
                "textfont": {"color": ink},
                "cliponaxis": False,
                "marker": {
                    "color": [
                        THRESHOLD if value >= overlap.stands_out_from else BEST for value in values
                    ],
                    "cornerradius": 3,
                },
                "hoverinfo": "none",
            }
        ],
        "layout": {
            "font": {"color": ink},
            "height": 40 + _ROW_PX * len(values),
            "margin": {"l": 8, "r": 12, "t": 4, "b": 8},
            "dragmode": False,
            "bargap": 0.35,
            "xaxis": {"range": [0, 1.12], "fixedrange": True, "visible": False},
            "yaxis": {
                "tickvals": list(range(len(labels))),
                "ticktext": labels,
                "tickfont": {"color": ink},
                "range": [len(labels) - 0.5, -0.5],
                "fixedrange": True,
                "automargin": True,
                "showgrid": False,
                "zeroline": False,
            },
        },
    }


def _points(
    points: list[list[float]], name: str, symbol: str, size: int, color: str
) -> dict[str, Any]:
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
    """Return a name for an axis; a name is text here, never markup."""
    return escape(shorten(name_of(registry, position), _LONGEST_NAME), quote=False)
