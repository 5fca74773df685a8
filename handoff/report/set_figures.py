"""Charts of a labelled set as plain dictionaries in Plotly's form."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handoff.core.model import IntArray
from handoff.evaluation.account import Fate
from handoff.evaluation.analysis import Analysis, spread
from handoff.evaluation.counts import Ending
from handoff.evaluation.judged import NOBODY
from handoff.evaluation.proof import CurvePoint
from handoff.report.charts import (
    BELOW,
    BEST,
    DARK_ORANGE,
    FAILED,
    GAP,
    LIGHT,
    ON_BAR,
    ON_LIGHT_BAR,
    SMALL_PX,
    THRESHOLD,
    Chart,
    Mark,
    bare_axis,
    bars,
    framed,
    label,
    legend_below,
    line,
    mark_lines,
    mark_names,
    names_axis,
    number_axis,
    rows_axis,
    share_axis,
)
from handoff.report.numbers import percent, together
from handoff.report.set_groups import ending_key, fate_key, pair_key
from handoff.report.set_words import ENDINGS, FATES, agent_name, best_scores

MOST_CELLS_ACROSS = 25
_COLORS = {
    Ending.RIGHT: BEST,
    Ending.REFUSED: LIGHT,
    Ending.MISSED: BELOW,
    Ending.WRONG: THRESHOLD,
    Ending.TAKEN: DARK_ORANGE,
}
_FEW_TO_MANY = {
    "light": ("#F8DCC6", "#F0B48A", "#E48F55", "#C24F00", "#8F3A00"),
    "dark": ("#4A2308", "#6E3208", "#8A3D06", "#A84400", "#C24F00"),
}
"""What goes astray, by how many: the more, the further from the ground it stands on."""
_LOOKS = ((BEST, "solid"), (THRESHOLD, "dash"), (BELOW, "dot"))
_POINTS = 300
_BINS = 40
_LONGEST_NAME = 22
_SHARE_OF_LABEL = 0.06


def endings_chart(analysis: Analysis, ink: str | None) -> Chart:
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
        segments.append((f"failed {counts.failed:,}", counts.failed, FAILED, ""))
    traces = [
        bars(
            [number],
            [color],
            texts=[f"{number:,}" if number >= counts.cases * _SHARE_OF_LABEL else ""],
        )
        | {
            "name": name,
            "textposition": "inside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "textfont": {"color": ON_LIGHT_BAR if color == LIGHT else ON_BAR},
            "marker": {"color": color, "line": {"width": 0}},
            "customdata": [key],
        }
        for name, number, color, key in segments
    ]
    return framed(
        traces,
        ink,
        height=124,
        margin=(8, 0, 12, 64),
        xaxis=bare_axis(0, max(counts.cases, 1)),
        yaxis=bare_axis(-0.5, 0.5),
        legend=legend_below() | {"traceorder": "normal"},
        barmode="stack",
        bargap=0.1,
    )


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
) -> Chart:
    """Return accuracy, coverage and wrong hand-offs over the threshold."""
    swept = analysis.swept
    span = _span(analysis, typical)
    shown = _thinned(len(swept.thresholds))
    # Below the lowest level and above the highest nothing changes any more.
    shown = np.concatenate([shown[:1], shown, shown[-1:]])
    thresholds = swept.thresholds[shown].astype(np.float64)
    thresholds[0], thresholds[-1] = span
    shares: list[tuple[str, NDArray[np.floating[Any]], tuple[str, str]]] = [
        ("as labelled (accuracy)", swept.accuracy[shown], (BEST, "solid")),
        ("handed off (coverage)", swept.handed_off[shown] / swept.cases, (BELOW, "dot")),
        ("wrong hand-offs", swept.to_wrong[shown] / swept.cases, (THRESHOLD, "dash")),
    ]
    places = _short(thresholds)
    return framed(
        [
            # Between two levels a threshold decides as the upper one does.
            line(name, (places, _short(share)), looks, "%{y:.1%} at %{x:.3f}", "vh")
            for name, share, looks in shares
        ],
        ink,
        height=320,
        margin=(8, 42, 12, 78),
        xaxis=number_axis(span),
        yaxis=share_axis(),
        legend=legend_below(),
        shapes=mark_lines(marks, ink),
        annotations=mark_names(marks, span),
    )


def curves_alt(analysis: Analysis) -> str:
    """Return that chart's message."""
    swept = analysis.swept
    best = int(np.argmax(swept.accuracy))
    peak, present = together(float(swept.thresholds[best]), analysis.policy.threshold)
    return (
        f"Lines over the threshold: accuracy peaks at {percent(float(swept.accuracy[best]))} near "
        f"{peak}; at the present {present} it is "
        f"{percent(analysis.counts.accuracy)}, with {percent(analysis.counts.coverage)} "
        f"handed off and {percent(analysis.counts.wrong_share)} wrongly so."
    )


def scores_chart(
    analysis: Analysis, marks: Sequence[Mark], typical: tuple[float, float], ink: str | None
) -> Chart:
    """Return how the best scores of three kinds of cases are spread."""
    span = _span(analysis, typical)
    levels = spread(analysis, span, _BINS)
    middles = _short((levels.edges[:-1] + levels.edges[1:]) / 2)
    return framed(
        [
            line(
                f"{name} ({int(cases.sum()):,})",
                (middles, cases.tolist()),
                looks,
                "%{y:,} cases near %{x:.2f}",
                "hvh",
            )
            for (name, cases), looks in zip(best_scores(levels).items(), _LOOKS, strict=True)
            if cases.any()
        ],
        ink,
        height=300,
        margin=(8, 42, 12, 78),
        xaxis=number_axis(span),
        yaxis=number_axis(title="cases") | {"rangemode": "tozero"},
        legend=legend_below(),
        shapes=mark_lines(marks, ink),
        annotations=mark_names(marks, span),
    )


def scores_alt(analysis: Analysis) -> str:
    """Return that chart's message."""
    return (
        "Lines that show how many cases have each best score, in-scope cases and nobody's "
        f"separately. In {percent(analysis.auroc)} of all pairs an in-scope case scores above "
        "one of nobody's."
    )


def account_chart(analysis: Analysis, ink: str | None) -> Chart:
    """Return one bar for each way of losing a query."""
    numbers = [analysis.account.number(fate) for fate in FATES]
    colors = [BELOW, THRESHOLD, BELOW, DARK_ORANGE]
    trace = bars(numbers, colors, texts=[f"{number:,}" for number in numbers])
    return framed(
        # "skip" would swallow clicks as well.
        [trace | {"hoverinfo": "none", "customdata": [fate_key(fate) for fate in FATES]}],
        ink,
        height=176,
        xaxis=bare_axis(0, max(*numbers, 1) * 1.12),
        yaxis=rows_axis(list(_SHORT_FATES.values())),
        bargap=GAP,
    )


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


def confusion_chart(analysis: Analysis, ink: str | None) -> Chart:
    """Return the agents that matter against each other: who should get, and who gets.

    Of a large registry, those of the confusions with the most cases.
    """
    shown = _busiest(analysis)
    registry, cells = analysis.labelled.registry, analysis.confusion
    names = [label(agent_name(registry, position), _LONGEST_NAME) for position in shown]
    place = {position: at for at, position in enumerate(shown)}
    listed = [
        (place[got], place[expected], cases, pair_key(expected, got), expected == got)
        for expected, got, cases in zip(
            cells.expected.tolist(), cells.got.tolist(), cells.cases.tolist(), strict=True
        )
        if expected in place and got in place
    ]
    most = max((cases for *_, cases, _, _ in listed), default=1)
    worst = max((cases for *_, cases, _, right in listed if not right), default=1)
    scale = _FEW_TO_MANY["dark" if ink is None else "light"]
    colors = [
        BEST if right else scale[-(-len(scale) * cases // worst) - 1]
        for *_, cases, _, right in listed
    ]
    size = 24 if len(shown) <= MOST_CELLS_ACROSS // 2 else 15
    trace = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [x for x, *_ in listed],
        "y": [y for _, y, *_ in listed],
        "text": [f"{cases:,}" for _, _, cases, _, _ in listed],
        "textfont": {
            "size": SMALL_PX,
            "color": [
                ON_LIGHT_BAR if color in _FEW_TO_MANY["light"][:3] else ON_BAR for color in colors
            ],
        },
        "customdata": [key for *_, key, _ in listed],
        "hovertext": [f"{names[y]} \u2192 {names[x]}: {cases:,}" for x, y, cases, _, _ in listed],
        "hoverinfo": "text",
        "marker": {
            "symbol": "square",
            "opacity": 1,
            "size": [size * (0.75 + 0.35 * cases / most) for _, _, cases, _, _ in listed],
            "color": colors,
            "line": {"width": 0},
        },
    }
    axis, last = names_axis(names) | {"tickfont": {"size": SMALL_PX}}, len(names) - 0.4
    return framed(
        [trace],
        ink,
        height=90 + 30 * len(shown),
        margin=(8, 8, 12, 8),
        xaxis=axis | {"range": [-0.6, last], "tickangle": -45, "title": {"text": "gets it"}},
        yaxis=axis
        | {"range": [last, -0.6], "autorange": False, "title": {"text": "should get it"}},
    )


def confusion_alt(analysis: Analysis) -> str:
    """Return that chart's message."""
    cells, registry = analysis.confusion.off_diagonal, analysis.labelled.registry
    if not len(cells.cases):
        return "Confusion matrix of who should get a query and who gets it: nothing goes astray."
    return (
        "Confusion matrix of who should get a query and who gets it. Most often astray: "
        f"{cells.cases[0]:,} of {agent_name(registry, int(cells.expected[0]))} go to "
        f"{agent_name(registry, int(cells.got[0]))}."
    )


def confusion_note(analysis: Analysis) -> str | None:
    """Say how many agents that chart shows, and which; None where it shows all that matter."""
    figures = analysis.by_agent
    met, shown = int(((figures.expected + figures.got) > 0).sum()), len(_busiest(analysis)) - 1
    if shown >= met:
        return None
    return f"{shown:,} of {met:,} agents shown: those that are confused most often."


def learning_chart(curve: Sequence[CurvePoint], before: float, ink: str | None) -> Chart:
    """Return accuracy over how many examples an agent has, beside the descriptions' alone."""
    names = [f"{point.each:,}" for point in curve]
    lines = [
        ("with examples", [point.accuracy for point in curve], (BEST, "solid"), "lines+markers"),
        ("descriptions alone", [before] * len(curve), (BELOW, "dot"), "lines"),
    ]
    return framed(
        [
            line(name, (names, _short(shares)), looks, "%{y:.1%} with %{x} per agent")
            | {"mode": mode}
            for name, shares, looks, mode in lines
        ],
        ink,
        height=300,
        margin=(8, 10, 12, 96),
        xaxis=number_axis(title="examples per agent") | {"type": "category"},
        yaxis=share_axis(),
        legend=legend_below(),
    )


def learning_alt(curve: Sequence[CurvePoint], before: float) -> str:
    """Return that chart's message."""
    last = curve[-1]
    return (
        f"Line of accuracy over examples per agent: {percent(before)} by descriptions alone, "
        f"{percent(last.accuracy)} with {last.each:,}."
    )


def _busiest(analysis: Analysis) -> list[int]:
    """Return at most so many positions as fit, in registry order, and nobody last.

    Confusions come before agents that all goes right for, the one with the most cases first.
    """
    shown: set[int] = set()
    for cells in (analysis.confusion.off_diagonal, analysis.confusion):
        for pair in zip(cells.expected.tolist(), cells.got.tolist(), strict=True):
            new = {position for position in pair if position >= 0} - shown
            if len(shown) + len(new) < MOST_CELLS_ACROSS:
                shown |= new
    return [*sorted(shown), NOBODY]


def _thinned(points: int) -> IntArray:
    """Return at most `_POINTS` places, first and last among them; a chart has no more pixels."""
    return np.unique(np.linspace(0, points - 1, min(points, _POINTS)).astype(np.intp))


def _short(values: NDArray[np.floating[Any]] | Sequence[float]) -> list[float]:
    return [round(value, 4) for value in np.asarray(values, dtype=np.float64).tolist()]


def _span(analysis: Analysis, typical: tuple[float, float]) -> tuple[float, float]:
    """Return an axis that holds every score and does not move with the threshold."""
    levels = analysis.ranked.levels
    return min(typical[0], float(levels.min())), max(typical[1], float(levels.max()))
