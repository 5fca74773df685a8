"""A labelled set as rows of plain values, for any table; no cell is a spreadsheet's formula."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from handoff.core.model import IntArray, Registry
from handoff.core.texts import csv_text, formula_safe
from handoff.evaluation.analysis import Analysis, spread
from handoff.evaluation.counts import Ending
from handoff.evaluation.sweep import Sweep
from handoff.files.cases import Case
from handoff.report.numbers import percent
from handoff.report.set_groups import fate_key, pair_key
from handoff.report.set_words import ENDINGS, FATES, account_rows, agent_name, best_scores

_ROWS = 41
_BINS = 20

Row = dict[str, Any]


def endings_rows(analysis: Analysis) -> list[Row]:
    """Return one row an ending, with its count and share."""
    counts = analysis.counts
    numbers = [*(int((analysis.ended == ending).sum()) for ending in ENDINGS), counts.failed]
    names = [*ENDINGS.values(), "failed"]
    return [
        {"ending": name, "cases": number, "share": percent(number / counts.cases)}
        for name, number in zip(names, numbers, strict=True)
    ]


def curve_rows(swept: Sweep) -> list[Row]:
    """Return counts at thresholds all along the curve; the exact curve has one at each score."""
    places = np.unique(
        np.linspace(0, len(swept.thresholds) - 1, min(len(swept.thresholds), _ROWS)).astype(int)
    )
    return [
        {
            "threshold": round(float(swept.thresholds[at]), 4),
            "accuracy": percent(swept[at].accuracy),
            "coverage": percent(swept[at].coverage),
            "precision": percent(swept[at].precision),
            "right": swept[at].right,
            "wrong agent": swept[at].wrong,
            "missed": swept[at].missed,
            "refused rightly": swept[at].refused,
            "taken wrongly": swept[at].taken,
        }
        for at in places.tolist()
    ]


def score_rows(analysis: Analysis) -> list[Row]:
    """Return how many cases have which best score, in twenty steps, three kinds apart."""
    levels = analysis.ranked.levels
    span = (float(levels.min()), float(levels.max()))
    found = spread(analysis, span, _BINS)
    columns = best_scores(found)
    return [
        {"best score from": round(low, 3), "to": round(high, 3)}
        | {name: int(cases[at]) for name, cases in columns.items()}
        for at, (low, high) in enumerate(pairwise(found.edges.tolist()))
    ]


def lost_rows(analysis: Analysis) -> tuple[list[Row], list[str]]:
    """Return one row for each way of losing a query, and the rows' groups."""
    rows: list[Row] = []
    keys: list[str] = []
    for fate, number, remedy in account_rows(analysis):
        rows.append({"where": FATES[fate], "cases": number, "what would recover them": remedy})
        keys.append(fate_key(fate))
    return rows, keys


def pair_rows(analysis: Analysis, most: int) -> tuple[list[Row], list[str]]:
    """Return one row a pair of whom queries should reach and who gets them instead, and groups.

    Those with the most cases come first.
    """
    cells, registry = analysis.confusion.off_diagonal, analysis.labelled.registry
    asked, owners = np.unique(analysis.labelled.expected, return_counts=True)
    of = dict(zip(asked.tolist(), owners.tolist(), strict=True))
    shown = range(min(most, len(cells.cases)))
    pairs = [(int(cells.expected[at]), int(cells.got[at])) for at in shown]
    rows = [
        {
            "should get it": formula_safe(agent_name(registry, expected)),
            "gets it": formula_safe(agent_name(registry, got)),
            "cases": int(cells.cases[at]),
            "of": of[expected],
        }
        for at, (expected, got) in enumerate(pairs)
    ]
    return rows, [pair_key(expected, got) for expected, got in pairs]


def agent_rows(analysis: Analysis) -> list[Row]:
    """Return one row an agent that some case expects or reaches."""
    figures, registry = analysis.by_agent, analysis.labelled.registry
    met = np.flatnonzero(figures.expected + figures.got).tolist()
    precision, recall = figures.precision.tolist(), figures.recall.tolist()
    return [
        {
            "agent": formula_safe(registry.agents[at].name),
            "should get": int(figures.expected[at]),
            "gets": int(figures.got[at]),
            "rightly": int(figures.right[at]),
            "precision": _number(precision[at]),
            "recall": _number(recall[at]),
        }
        for at in met
    ]


def own_rows(thresholds: Sequence[float], registry: Registry, common: float) -> list[Row]:
    """Return one row an agent whose own threshold would change: as it is now, and as found.

    Args:
        thresholds: Found, one an agent; NaN for none of its own.
        registry: The agents.
        common: What judges an agent without one of its own.
    """
    rows = []
    for agent, value in zip(registry.agents, thresholds, strict=True):
        found = None if math.isnan(value) else round(value, 4)
        if found != agent.threshold:
            now, then = (
                f"{common:.4g} (common)" if own is None else f"{own:.4g}"
                for own in (agent.threshold, found)
            )
            rows.append({"agent": formula_safe(agent.name), "now": now, "found": then})
    return rows


def case_rows(analysis: Analysis, cases: Sequence[Case], rows: IntArray) -> list[Row]:
    """Return one row a case.

    Args:
        analysis: Of the set.
        cases: All of the set, in its order.
        rows: Which to show.
    """
    registry, ranked = analysis.labelled.registry, analysis.ranked
    return [
        {
            "query": formula_safe(cases[row].query),
            "should get it": formula_safe(
                agent_name(registry, int(analysis.labelled.expected[row]))
            ),
            "gets it": formula_safe(agent_name(registry, int(analysis.got[row]))),
            "ending": ENDINGS[Ending(int(analysis.ended[row]))],
            "best": formula_safe(agent_name(registry, int(ranked.best[row]))),
            "score": round(float(ranked.levels[row]), 3),
            "lead": _number(float(ranked.leads[row])),
            "line": cases[row].line,
        }
        for row in rows.tolist()
    ]


def flip_table(
    before: Analysis, after: Analysis, cases: Sequence[Case], rows: IntArray
) -> list[Row]:
    """Return one row a case that ends otherwise, with who got it and who gets it."""
    registry = after.labelled.registry
    return [
        {
            "query": formula_safe(cases[row].query),
            "got it": formula_safe(agent_name(before.labelled.registry, int(before.got[row]))),
            "gets it": formula_safe(agent_name(registry, int(after.got[row]))),
            "should get it": formula_safe(agent_name(registry, int(after.labelled.expected[row]))),
        }
        for row in rows.tolist()
    ]


def rows_to_csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV with a header; empty without rows."""
    if not rows:
        return ""
    return csv_text([rows[0], *(row.values() for row in rows)])


def _number(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
