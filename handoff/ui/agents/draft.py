"""The agents as a visitor edits them: kept in the session until they are saved or discarded.

What the visitor typed is folded into the draft as soon as it arrives, before anything else runs,
so that no rerun, no other page and no invalid cell loses it.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from handoff.core.errors import HandoffError
from handoff.core.model import Example, Registry
from handoff.core.texts import shorten
from handoff.files.drafts import EditedAgents
from handoff.files.registry import (
    SHAPE,
    Cells,
    parse_registry,
    parse_table,
    replace_registry,
    table_of,
)
from handoff.ui.opened import Opened, examples_of
from handoff.ui.session import parsed_once, remembered
from handoff.ui.uploads import own_file

COLUMNS = SHAPE.required + SHAPE.optional
SHOWN_ROWS = 500
"""A browser's table stays quick with so many."""

_MOST_REVISIONS = 2**31
_BLANK: Cells = ("", "", "", "", "")


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """The agents as they stand in the table.

    Attributes:
        source: Which registry is edited: the one on disk, or an uploaded one.
        started_from: What it held when the edits began, or when they were last saved.
        settled: Its rows as they were typed; what differs from them is not saved yet.
        base: The rows that the table was last drawn from; it must not change under the widget.
        rows: The same with what was typed since.
        shown: Which of `base` the table shows.
        search: What they were searched for.
        revision: Part of the widget's key: another one makes the table forget what was typed.
    """

    source: str
    started_from: Registry
    settled: tuple[Cells, ...]
    base: tuple[Cells, ...]
    rows: tuple[Cells, ...]
    shown: tuple[int, ...]
    search: str
    revision: int

    @property
    def pending(self) -> bool:
        """Something was edited."""
        return self.rows != self.settled

    @property
    def edited(self) -> int:
        """How many agents were edited, added or removed."""
        before, now = ({row[0].strip(): row for row in rows} for rows in (self.settled, self.rows))
        return sum(before.get(each) != now.get(each) for each in before | now)

    @property
    def key(self) -> str:
        """The widget's key."""
        return f"agents_table_{self.revision}"


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell in which two registries differ; empty where one of them lacks the agent."""

    agent_id: str
    column: str
    theirs: str
    mine: str


def apply_edits(
    rows: Sequence[Cells], shown: Sequence[int], edits: Mapping[str, Any]
) -> tuple[Cells, ...]:
    """Return rows with what was typed into a table of some of them.

    Args:
        rows: All rows.
        shown: Which of them the table shows, in its order.
        edits: What the table's widget holds: `edited_rows`, `added_rows` and `deleted_rows`.
    """
    changed = list(rows)
    for at, cells in edits.get("edited_rows", {}).items():
        place = shown[int(at)]
        before = dict(zip(COLUMNS, changed[place], strict=True))
        changed[place] = _cells(before | {name: _typed(cell) for name, cell in cells.items()})
    gone = {shown[int(at)] for at in edits.get("deleted_rows", ())}
    left = [row for place, row in enumerate(changed) if place not in gone]
    added = [
        _cells({name: _typed(row.get(name)) for name in COLUMNS})
        for row in edits.get("added_rows", ())
    ]
    return (*left, *(row for row in added if row != _BLANK))


def search_rows(rows: Sequence[Cells], text: str) -> tuple[int, ...]:
    """Return the places of the rows that hold a text, whatever its case, at most `SHOWN_ROWS`."""
    wanted = text.strip().casefold()
    found = [
        place
        for place, row in enumerate(rows)
        if not wanted or any(wanted in cell.casefold() for cell in row)
    ]
    return tuple(found[:SHOWN_ROWS])


def differences(theirs: Registry | None, mine: Sequence[Cells]) -> list[Difference]:
    """Return where the agents on disk differ from the edited rows, in their order, then in mine.

    Args:
        theirs: What is on disk; None where it cannot be read.
        mine: The rows as they stand in the table.
    """
    others = {} if theirs is None else {row[0]: row for row in table_of(theirs)}
    own = {row[0].strip(): row for row in mine}
    return [
        Difference(each, column, others.get(each, _BLANK)[at], own.get(each, _BLANK)[at])
        for each in others | own
        for at, column in enumerate(COLUMNS)
        if others.get(each, _BLANK)[at] != own.get(each, _BLANK)[at]
    ]


def draft(opened: Opened) -> Draft:
    """Return the agents as this visitor has edited them; as they are saved without an edit."""
    source = _source(opened)
    kept = _drafts().get(source)
    registry = opened.router.registry
    if kept is None or (not kept.pending and kept.started_from.agents != registry.agents):
        kept = _keep(_fresh(source, registry, table_of(registry)))
    elif kept.key not in st.session_state:
        # The widget was not drawn in the last run: it forgot what was typed, the draft did not.
        kept = _keep(_redrawn(kept, kept.rows, kept.search))
    return kept


def pending(opened: Opened) -> Draft | None:
    """Return the agents as this visitor has edited them; None without an edit that is not saved."""
    kept = _drafts().get(_source(opened))
    return kept if kept is not None and kept.pending else None


def search(one: Draft, text: str) -> Draft:
    """Show only the rows that hold a text; what was typed stays."""
    return one if text == one.search else _keep(_redrawn(one, one.rows, text))


def take_typed(source: str, key: str) -> None:
    """Fold what a table's widget holds into the draft."""
    kept = _drafts().get(source)
    if kept is not None and kept.key == key:
        _keep(replace(kept, rows=apply_edits(kept.base, kept.shown, st.session_state[key])))


def import_file(one: Draft, widget: str) -> None:
    """Put the rows of an uploaded file in the place of all rows, as an edit."""
    file = st.session_state[widget]
    if not isinstance(file, UploadedFile):
        return
    try:
        rows = table_of(parse_registry(file.getvalue(), shorten(file.name)))
    except HandoffError as error:
        st.session_state["agents_import_complaint"] = error
        return
    _keep(_redrawn(one, rows, ""))
    st.session_state["agents_imports"] = st.session_state.get("agents_imports", 0) + 1


def discard(one: Draft) -> None:
    """Forget what was edited."""
    _drafts().pop(one.source, None)


def parsed(one: Draft, examples: tuple[Example, ...]) -> Registry:
    """Return the edited registry, without the examples of agents that are gone.

    Args:
        one: The draft.
        examples: What routing learns from in this session.

    Raises:
        RegistryError: A row breaks a rule; names it.
    """
    edited = agents_of(one)
    return remembered(
        "agents_parsed",
        (edited, examples),
        lambda: Registry(edited.agents, examples_of(edited, examples)),
    )


def agents_of(one: Draft) -> Registry:
    """Return the edited agents alone; raises RegistryError where a row breaks a rule."""
    return parsed_once("agents_alone", (one.rows,), lambda: parse_table(one.rows))


def save(opened: Opened, one: Draft, registry: Registry, expected: Registry | None) -> bool:
    """Write the edited registry over the one that is expected in the file, and over no other.

    Args:
        opened: The registry in use.
        one: The draft.
        registry: As `parsed` returned it.
        expected: What the edits began from, or were compared with; None where the file could not
            be read.

    Returns:
        Whether it was written; not if the file holds other agents.

    Raises:
        RegistryError: The file cannot be read or written; the edits stay.
    """
    written = replace_registry(opened.settings.registry, registry, expected)
    if written:
        _settle(one, registry)
    return written


def unsaved() -> tuple[EditedAgents, ...]:
    """Return what this visitor edited and has not saved."""
    return tuple(
        EditedAgents(one.source, one.started_from, one.settled, one.rows)
        for one in _drafts().values()
        if one.pending
    )


def bring_back(edited: Sequence[EditedAgents]) -> None:
    """Go on with what was left unsaved."""
    for one in edited:
        fresh = _fresh(one.source, one.started_from, one.rows)
        _keep(replace(fresh, settled=one.settled))


def _source(opened: Opened) -> str:
    uploaded = own_file("agents")
    if opened.own and uploaded is not None:
        return uploaded.digest
    return str(opened.settings.registry)


def _drafts() -> dict[str, Draft]:
    drafts: dict[str, Draft] = st.session_state.setdefault("agents_drafts", {})
    return drafts


def _keep(one: Draft) -> Draft:
    _drafts()[one.source] = one
    return one


def _fresh(source: str, registry: Registry, rows: tuple[Cells, ...]) -> Draft:
    return Draft(source, registry, rows, rows, rows, search_rows(rows, ""), "", _next_revision())


def _settle(one: Draft, registry: Registry) -> None:
    """Go on from what was saved.

    The table stays as it is drawn: a cell that was left by the click on Save arrives after it.
    """
    _keep(replace(one, started_from=registry, settled=one.rows))


def _redrawn(one: Draft, rows: tuple[Cells, ...], text: str) -> Draft:
    """Return a draft whose table is drawn anew from all that was typed."""
    return replace(
        one,
        base=rows,
        rows=rows,
        shown=search_rows(rows, text),
        search=text,
        revision=_next_revision(),
    )


def _next_revision() -> int:
    # A browser that was open while the server restarted still holds edits of tables of its own: a
    # new table must not have the key of one of these.
    began = secrets.randbelow(_MOST_REVISIONS)
    revision: int = st.session_state.get("agents_revision", began) + 1
    st.session_state["agents_revision"] = revision
    return revision


def _typed(cell: object) -> str:
    return "" if cell is None else str(cell)


def _cells(row: Mapping[str, str]) -> Cells:
    return row["id"], row["name"], row["description"], row["tags"], row["threshold"]
