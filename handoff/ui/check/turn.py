"""Where a visitor stands: what is being judged, and how a verdict moves on to the next query."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import streamlit as st

from handoff.core.errors import HandoffError
from handoff.core.model import Policy
from handoff.router import Route, Router
from handoff.ui.check.book import Book
from handoff.ui.visit import keep
from handoff.verdicts.conclusions import Signature, verdict_on
from handoff.verdicts.record import Entry, Undo, Verdict, VerdictKind, parse_note

_MOMENT = timedelta(microseconds=1)
_KEYS = 16
"""Streamlit keeps of every key, for as long as a visit lasts, what its last button was to do."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Where the visitor stands.

    Attributes:
        number: Grows with every step, so that a key pressed twice counts once.
        asking: A route was called wrong, and who should have had the query is asked now.
        writing: A note is being written.
        pinned: A query whose verdict was taken back; it comes next.
        note: What goes with the next verdict.
        moments: When this session's verdicts were given.
        fingerprint: Of the registry that the visitor knows to be in use; empty before the first.
    """

    number: int = 0
    asking: bool = False
    writing: bool = False
    pinned: str | None = None
    note: str = ""
    moments: tuple[datetime, ...] = ()
    fingerprint: str = ""

    @property
    def key(self) -> int:
        """What the keys of this turn's widgets end with, and those of no turn shortly before."""
        return self.number % _KEYS


def turn() -> Turn:
    """Return where the visitor stands."""
    now: Turn = st.session_state.get("check_turn", Turn())
    return now


def keep_verdict(
    book: Book, route: Route, what: VerdictKind, seen: int, expected: str | None = None
) -> None:
    """Keep a verdict on the route that was shown; a second press on the same one does nothing."""
    now = turn()
    if now.number != seen:
        return
    signature = Signature(uuid.uuid4().hex, reviewer(), _after_all(book))
    if _append(book, verdict_on(route, what, signature, expected, now.note)):
        moments = (*now.moments, datetime.now(UTC))
        st.session_state["check_turn"] = Turn(
            now.number + 1, moments=moments, fingerprint=now.fingerprint
        )


def undo(book: Book, verdict: Verdict, seen: int) -> None:
    """Take a verdict back; its query comes next."""
    now = turn()
    if now.number != seen:
        return
    if _append(book, Undo(uuid.uuid4().hex, verdict.id, reviewer(), datetime.now(UTC))):
        step(seen, pinned=verdict.query, moments=now.moments[:-1], note=verdict.note, asking=False)


def step(seen: int, **changed: object) -> None:
    """Move on from the step that was shown."""
    now = turn()
    if now.number == seen:
        number = now.number + 1
        st.session_state["check_turn"] = replace(now, number=number, **changed)  # type: ignore[arg-type]


def know(fingerprint: str) -> None:
    """Remember that the visitor knows which registry is in use."""
    st.session_state["check_turn"] = replace(turn(), fingerprint=fingerprint)


def reviewer() -> str:
    """Return who judges; empty before they said."""
    return parse_note(st.session_state.get("check_who") or "")


def keep_begun(state: Path, name: str, key: str) -> None:
    """Keep what a widget holds for this visitor's next visit, or the complaint."""
    try:
        keep(state, **{name: st.session_state[key]})
    except HandoffError as error:
        st.session_state["check_complaint"] = error


def complaint() -> HandoffError | None:
    """Return what the last step could not do, once."""
    error: HandoffError | None = st.session_state.pop("check_complaint", None)
    return error


def own_verdicts(
    verdicts: Sequence[Verdict], router: Router, policy: Policy, *, again: bool
) -> list[Verdict]:
    """Return what the reviewer said, oldest first.

    Args:
        verdicts: That stand, oldest first.
        router: Of today's registry.
        policy: Today's.
        again: Leave out verdicts on another registry, embedder or policy.
    """
    return [
        verdict
        for verdict in verdicts
        if verdict.who == reviewer()
        and (
            not again
            or (
                verdict.fingerprint == router.registry.fingerprint
                and verdict.embedder == router.embedder.identity
                and replace(verdict.policy, source=policy.source) == policy
            )
        )
    ]


def last_in(queries: Sequence[str], own: Sequence[Verdict]) -> Verdict | None:
    """Return the reviewer's last verdict on this queue, which can be taken back."""
    asked = set(queries)
    on_these = (verdict for verdict in own if verdict.query in asked)
    return max(on_these, key=lambda verdict: verdict.when, default=None)


def _after_all(book: Book) -> datetime:
    """Return the time, or where the clock went back a moment after the newest verdict.

    Verdicts of several logs are put in order by their times: the last word must have the latest.
    """
    now = datetime.now(UTC)
    with suppress(HandoffError, OverflowError):
        # What cannot be read is told by the append.
        return max([now, *(one.when + _MOMENT for one in book.verdicts()[-1:])])
    return now


def _append(book: Book, entry: Entry) -> bool:
    """Add an entry, or keep the complaint: whoever judged sees the same query again."""
    try:
        book.log.append([entry])
    except HandoffError as error:
        st.session_state["check_complaint"] = error
        return False
    return True
