"""Figures as plain dictionaries in Plotly's form; no plotting library is needed to make one."""

from html import escape
from typing import Any

from handoff.core.decision import reaches
from handoff.core.model import Score
from handoff.report.words import headline, reason
from handoff.router import Route

SHOWN = 25
BEST, PASSES, BELOW, REMOVED, THRESHOLD = "#1F77C9", "#4A90D0", "#8496AC", "#8A95A5", "#D55E00"
_ROW_PX = 27
_LONGEST_LABEL = 28
_LEAST_TOP = 0.6


def similarity_chart(route: Route) -> dict[str, Any]:
    """Return bars of the best agents, the removed ones hollow under their own heading.

    The threshold is a line; scores stand in the labels, where they cannot collide with it.
    """
    ranking, decision = route.ranking, route.decision
    shown = [ranking[rank] for rank in range(min(SHOWN, len(ranking)))]
    kept = [score for score in shown if score.kept]
    removed = [score for score in shown if not score.kept]
    labels = [_label(score, bold=rank == 0) for rank, score in enumerate(kept)]
    values = [score.score for score in kept]
    colors = [_color(rank, score, decision.threshold) for rank, score in enumerate(kept)]
    lines = list(colors)
    if removed:
        labels += ["<i>Removed by tags</i>", *(_label(score) for score in removed)]
        values += [0.0, *(score.score for score in removed)]
        colors += ["rgba(0,0,0,0)"] * (1 + len(removed))
        lines += ["rgba(0,0,0,0)", *[REMOVED] * len(removed)]
    low = min(0.0, *values, decision.threshold)
    high = max(_LEAST_TOP, *values, decision.threshold)
    pad = (high - low) * 0.02
    near_right = decision.threshold > low + 0.85 * (high - low)
    near_left = decision.threshold < low + 0.15 * (high - low)
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": values,
                # Positions, not names: two agents may share a name.
                "y": list(range(len(labels))),
                "marker": {
                    "color": colors,
                    "line": {"color": lines, "width": 1},
                    "cornerradius": 3,
                },
                "hoverinfo": "skip",
            }
        ],
        "layout": {
            "height": 70 + _ROW_PX * len(labels),
            "margin": {"l": 8, "r": 12, "t": 30, "b": 28},
            "bargap": 0.35,
            "showlegend": False,
            "dragmode": False,
            "xaxis": {
                "range": [low - (pad if low < 0 else 0), high + pad],
                "fixedrange": True,
                "showgrid": False,
                "zeroline": True,
                "tickformat": ".1f",
            },
            "yaxis": {
                "tickvals": list(range(len(labels))),
                "ticktext": labels,
                "range": [len(labels) - 0.4, -0.6],
                "fixedrange": True,
                "automargin": True,
                "showgrid": False,
            },
            "shapes": [
                {
                    "type": "line",
                    "x0": decision.threshold,
                    "x1": decision.threshold,
                    "yref": "paper",
                    "y0": 0,
                    "y1": 1,
                    "line": {"color": THRESHOLD, "width": 2, "dash": "dash"},
                }
            ],
            "annotations": [
                {
                    "x": decision.threshold,
                    "yref": "paper",
                    "y": 1,
                    "yanchor": "bottom",
                    "xanchor": "right" if near_right else "left" if near_left else "center",
                    "text": f"<b>threshold {decision.threshold:.2f}</b>",
                    "showarrow": False,
                }
            ],
        },
    }


def similarity_alt(route: Route) -> str:
    """Return the chart's message for those who do not see it."""
    return f"Bar chart of similarities. {headline(route.decision)}. {reason(route)}"


def _label(score: Score, *, bold: bool = False) -> str:
    """Return an axis label; a name is text here, never markup."""
    name = score.agent.name
    if len(name) > _LONGEST_LABEL:
        name = name[: _LONGEST_LABEL - 1] + "…"
    text = f"{escape(name, quote=False)}  {score.score:.2f}"
    return f"<b>{text}</b>" if bold else text


def _color(rank: int, score: Score, threshold: float) -> str:
    if not reaches(score.score, threshold):
        return BELOW
    return BEST if rank == 0 else PASSES
