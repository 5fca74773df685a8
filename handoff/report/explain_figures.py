"""Word shares as a chart, a plain dictionary in Plotly's form."""

from collections.abc import Sequence

from handoff.core.explain import WordShare
from handoff.report.charts import BEST, GAP, THRESHOLD, Chart, bars, framed, label, rows_axis
from handoff.report.explain_words import carried_by

MOST_BARS = 40
_WORD_PX = 24
_LONGEST_WORD = 24


def shares_chart(shares: Sequence[WordShare], ink: str | None) -> Chart:
    """Return one bar a word in the text's order: right carries the score, left speaks against it.

    Of a long text, the forty words that weigh most.
    """
    heaviest = sorted(range(len(shares)), key=lambda at: -abs(shares[at].share))[:MOST_BARS]
    shown = [shares[at] for at in sorted(heaviest)]
    values = [share.share for share in shown]
    reach = max([abs(value) for value in values], default=0.0) or 1.0
    return framed(
        [
            bars(
                [round(value, 4) for value in values],
                [BEST if value >= 0 else THRESHOLD for value in values],
                texts=[f"{value:+.2f}" for value in values],
            )
        ],
        ink,
        height=40 + _WORD_PX * len(values),
        xaxis={
            "range": [min(0.0, *values, 0.0) - 0.2 * reach, reach * 1.25],
            "fixedrange": True,
            "showgrid": False,
            "showticklabels": False,
            "zeroline": True,
        },
        yaxis=rows_axis([label(share.word, _LONGEST_WORD) for share in shown]),
        bargap=GAP,
    )


def shares_alt(shares: Sequence[WordShare], what: str) -> str:
    """Return that chart's message.

    Args:
        shares: Of the query or the description.
        what: Which of the two.
    """
    return f"Bars of what each word adds. {carried_by(shares, what)}"
