"""Named groups of a labelled set's cases: what a bar, a cell or a row of a table leads to."""

from dataclasses import dataclass

import numpy as np

from handoff.core.model import IntArray
from handoff.evaluation.account import Fate
from handoff.evaluation.analysis import Analysis
from handoff.evaluation.counts import Ending
from handoff.evaluation.flips import Flips
from handoff.report.set_words import ENDINGS, FATES, agent_name

ALL = "all"
MOST_PAIRS = 300
"""So many confusions are groups, and so many agents that get what they should."""

FLIPS = {
    "better": "Better than saved",
    "worse": "Worse than saved",
    "neither": "Moved, still wrong",
}


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Some cases of a set.

    Attributes:
        key: Stands for the group in charts and tables.
        label: Its name for people.
        rows: Which cases, ascending, shape (cases of the group,).
    """

    key: str
    label: str
    rows: IntArray


def group_cases(analysis: Analysis, flips: Flips) -> dict[str, Group]:
    """Return the groups that have cases, by key: all, flips, endings, losses, confusions."""
    named = {
        "better": flips.better,
        "worse": flips.worse,
        "neither": flips.neither,
    }
    groups = [Group(ALL, "All cases", np.arange(len(analysis.ended)))]
    groups += [Group(key, FLIPS[key], rows) for key, rows in named.items()]
    groups += [
        Group(
            ending_key(ending),
            name[0].upper() + name[1:],
            np.flatnonzero(analysis.ended == ending),
        )
        for ending, name in ENDINGS.items()
    ]
    groups += [
        Group(fate_key(fate), name, np.flatnonzero(analysis.account.fates == fate))
        for fate, name in FATES.items()
        if fate is not Fate.TAKEN
    ]
    cells, registry = analysis.confusion, analysis.labelled.registry
    right = cells.expected == cells.got
    order = np.concatenate(
        [np.flatnonzero(~right)[:MOST_PAIRS], np.flatnonzero(right)[:MOST_PAIRS]]
    )
    for expected, got in zip(
        cells.expected[order].tolist(), cells.got[order].tolist(), strict=True
    ):
        mine = (analysis.labelled.expected == expected) & (analysis.got == got)
        label = f"{agent_name(registry, expected)} \u2192 {agent_name(registry, got)}"
        groups.append(Group(pair_key(expected, got), label, np.flatnonzero(mine)))
    return {group.key: group for group in groups if group.key == ALL or len(group.rows)}


def ending_key(ending: Ending) -> str:
    """Return the key of the cases that end so."""
    return f"ending {ending.name.lower()}"


def fate_key(fate: Fate) -> str:
    """Return the key of the cases that met this fate."""
    return ending_key(Ending.TAKEN) if fate is Fate.TAKEN else f"fate {fate.name.lower()}"


def pair_key(expected: int, got: int) -> str:
    """Return the key of the cases that one should get and another gets, as positions."""
    return f"pair {expected} {got}"
