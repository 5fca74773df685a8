"""What an edit of the agents does, in words and as rows of a table."""

from collections.abc import Sequence

from handoff.agents.edit import Shift
from handoff.core.texts import formula_safe, shorten
from handoff.evaluation.compare import Comparison
from handoff.report.numbers import counted, percent

NAMED_AGENTS = 3

Row = dict[str, str | int]


def edit_summary(compared: Comparison, shifts: Sequence[Shift]) -> str:
    """Say what an edit does to a labelled set, to the agents in it, and to their neighbours."""
    was, now = percent(compared.before.counts.accuracy), percent(compared.after.counts.accuracy)
    accuracy = f"accuracy stays {now}" if was == now else f"accuracy goes from {was} to {now}"
    if not len(compared.flips):
        return f"No query of the set ends differently; {accuracy}."
    better, worse = len(compared.flips.better), len(compared.flips.worse)
    said = [f"{counted(better, 'case')} better, {worse:,} worse; {accuracy}."]
    edited = [shift for shift in shifts if shift.edited]
    others = [shift for shift in shifts if not shift.edited]
    if edited:
        said.append(f"Edited: {_listed(edited)}.")
    if others:
        said.append(f"Neighbours: {_listed(others)}.")
    return " ".join(said)


def shift_rows(shifts: Sequence[Shift]) -> list[Row]:
    """Return one row an agent that gets other queries than before."""
    return [
        {
            "agent": formula_safe(shift.agent.name),
            "id": formula_safe(shift.agent.id),
            "edited": "yes" if shift.edited else "",
            "queries before": shift.got[0],
            "after": shift.got[1],
            "rightly before": shift.right[0],
            "rightly after": shift.right[1],
        }
        for shift in shifts
    ]


def _listed(shifts: Sequence[Shift]) -> str:
    named = [_told(shift) for shift in shifts[:NAMED_AGENTS]]
    if len(shifts) > NAMED_AGENTS:
        named.append(f"{len(shifts) - NAMED_AGENTS:,} more change")
    return ", ".join(named)


def _told(shift: Shift) -> str:
    name = shorten(shift.agent.name)
    more = shift.got[1] - shift.got[0]
    if not more:
        return f"{name} gets as many, but different ones"
    return f"{name} {'gains' if more > 0 else 'loses'} {abs(more):,}"
