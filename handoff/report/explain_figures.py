"""Word shares as a chart, a plain dictionary in Plotly's form."""

from collections.abc import Sequence
from html import escape
from typing import Any

from handoff.core.explain import WordShare
from handoff.core.texts import shorten
from handoff.report.explain_words import carried_by
from handoff.report.route_figures import BEST, THRESHOLD

MOST_BARS = 40
_ROW_PX = 24
_LONGEST_WORD = 24


def shares_chart(shares: Sequence[WordShare], ink: str | None) -> dict[str, Any]:
    """Return one bar a word in the text's order: right carries the score, left speaks against it.

    Of a long text, the forty words that weigh most.
    """
    heaviest = sorted(range(len(shares)), key=lambda at: -abs(shares[at].share))[:MOST_BARS]
    shown = [shares[at] for at in sorted(heaviest)]
    values = [share.share for share in shown]
    reach = max([abs(value) for value in values], default=0.0) or 1.0
    words = [escape(shorten(share.word, _LONGEST_WORD), quote=False) for share in shown]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [round(value, 4) for value in values],
                # Positions, not words: a word may stand there twice.
                "y": list(range(len(values))),
                "text": [f"{value:+.2f}" for value in values],
                "textposition": "outside",
                "textfont": {"color": ink},
                "cliponaxis": False,
                "marker": {
                    "color": [BEST if value >= 0 else THRESHOLD for value in values],
                    "cornerradius": 3,
                },
                "hoverinfo": "skip",
            }
        ],
        "layout": {
            "font": {"color": ink},
            "height": 40 + _ROW_PX * len(values),
            "margin": {"l": 8, "r": 12, "t": 4, "b": 8},
            "dragmode": False,
            "bargap": 0.35,
            "showlegend": False,
            "xaxis": {
                "range": [min(0.0, *values, 0.0) - 0.2 * reach, reach * 1.25],
                "fixedrange": True,
                "showgrid": False,
                "showticklabels": False,
                "zeroline": True,
            },
            "yaxis": {
                "tickvals": list(range(len(words))),
                "ticktext": words,
                "tickfont": {"color": ink},
                "range": [len(words) - 0.5, -0.5],
                "fixedrange": True,
                "automargin": True,
                "showgrid": False,
                "zeroline": False,
            },
        },
    }


def shares_alt(shares: Sequence[WordShare], what: str) -> str:
    """Return that chart's message.

    Args:
        shares: Of the query or the description.
        what: Which of the two.
    """
    return f"Bars of what each word adds. {carried_by(shares, what)}"
