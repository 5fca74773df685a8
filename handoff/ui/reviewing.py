"""Checking by hand: the log, the queue, what was gathered ahead, and what is being judged.

The log and what stands in it are shared by all visitors; the rest belongs to one visit.
"""

import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from handoff.core.errors import HandoffError
from handoff.core.model import Evidence, Policy
from handoff.files.cases import Cases
from handoff.router import Route, Router
from handoff.trace import Span, Trace
from handoff.ui.calls import evidence_key
from handoff.ui.explore.history import visited
from handoff.ui.opened import Opened
from handoff.ui.session import recalled, remember, remembered
from handoff.ui.uploads import own_file
from handoff.verdicts.conclusions import (
    Additions,
    Regression,
    Signature,
    standing,
    verdict_on,
)
from handoff.verdicts.log import VerdictLog
from handoff.verdicts.queue import (
    NOTHING_SEEN,
    Outlook,
    Queue,
    look_ahead,
    make_queue,
    parse_queue,
)
from handoff.verdicts.record import Entry, Undo, Verdict, VerdictKind, parse_note
from handoff.workbench import Workbench

AHEAD = 10
"""So many queries are gathered together, before they are shown."""

LOOKED_AT = 2_000
"""Of a longer queue only so many are put in order, until the visitor asks for the rest."""

CASES_NAME = "cases.csv"
_MOST_GATHERED = 300

Gathered = tuple[Evidence, tuple[Span, ...]]


class Book:
    """What stands in a log, read as it grows, by whichever process."""

    def __init__(self, log: VerdictLog) -> None:
        """Read nothing yet."""
        self.log = log
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._standing: tuple[Verdict, ...] = ()
        self._file: tuple[int, int] | None = None
        self._last = 0

    def verdicts(self) -> tuple[Verdict, ...]:
        """Return the verdicts that stand, oldest first; raises VerdictsError."""
        with self._lock:
            new, last = self.log.read(self._last)
            if self.log.file != self._file:
                # Another file took its place: its numbers begin anew.
                new, last = self.log.read()
                self._entries, self._standing, self._file = [], (), self.log.file
            if new:
                self._entries += new
                self._standing = tuple(standing(self._entries))
            self._last = last
            return self._standing

    def entries(self) -> list[Entry]:
        """Return the whole log, as it is exported; raises VerdictsError."""
        self.verdicts()
        return list(self._entries)


def open_book(opened: Opened) -> Book:
    """Return the log that all visitors share."""
    return _book(opened.settings.state_dir)


@st.cache_resource(show_spinner=False, on_release=lambda book: book.log.close())
def _book(folder: Path) -> Book:
    return Book(VerdictLog(folder))


# --- the queue ----------------------------------------------------------------------------------


def queue_of_cases(cases: Cases) -> Queue:
    """Return the labelled queries as a queue."""
    return remembered(
        "check_cases", (cases,), lambda: make_queue(case.query for case in cases.cases)
    )


def queue_of_file() -> Queue:
    """Return the uploaded file as a queue; raises CasesError."""
    file = own_file("queue")
    if file is None:
        return Queue(())
    return remembered(
        "check_file", (file.file_id,), lambda: parse_queue(file.getvalue(), file.name)
    )


def keep_lines() -> None:
    """Make a queue of the pasted lines, or say why not."""
    try:
        queue = make_queue(st.session_state["review_text"].splitlines())
    except HandoffError as error:
        st.session_state["check_complaint"] = error
    else:
        st.session_state["check_lines"] = queue


def queue_of_lines() -> Queue:
    """Return the pasted lines as a queue."""
    queue: Queue = st.session_state.get("check_lines", Queue(()))
    return queue


def queue_of_visit() -> Queue:
    """Return what this visitor routed, newest first."""
    return make_queue(entry.query for entry in visited())


def outlook(bench: Workbench, queue: Queue, policy: Policy) -> Outlook:
    """Return what is known of the queue so far."""
    seen: Outlook | None = recalled("check_outlook", _stands_on(bench, queue, policy))
    return NOTHING_SEEN if seen is None else seen


def to_look_at(queue: Queue) -> int:
    """Return how many of the queue's first queries should be put in order."""
    until: int | None = recalled("check_until", (queue,))
    return min(LOOKED_AT if until is None else until, len(queue.queries))


def look(bench: Workbench, queue: Queue, policy: Policy) -> Iterator[Outlook]:
    """Look at the queue, in parts, as far as it should be looked at; raises ProviderError."""
    seen = outlook(bench, queue, policy)
    until = to_look_at(queue)
    if len(seen) >= until:
        return
    for grown in bench.each(look_ahead(bench.router, queue.queries[:until], policy, seen)):
        remember("check_outlook", _stands_on(bench, queue, policy), grown)
        yield grown


def look_until(queue: Queue, number: int) -> None:
    """Put so many of the queue's queries in order; 0 leaves it at those that were looked at."""
    remember("check_until", (queue,), number)


def _stands_on(bench: Workbench, what: object, policy: Policy) -> tuple[object, ...]:
    """Return what is known by: threshold and margin are not in it."""
    return what, *evidence_key(bench.router), policy.use_tags, policy.lexical_weight


# --- evidence, a little ahead of the eye ---------------------------------------------------------


def gather(bench: Workbench, query: str) -> Gathered:
    """Return what the providers say of a query; raises ProviderError."""
    kept = _gathered()
    key = _key(bench, query)
    if key not in kept:
        _gather(bench, [query])
    return kept[key]


def gather_ahead(bench: Workbench, queries: Sequence[str]) -> None:
    """Gather the next queries together, once one of the next few is missing."""
    kept = _gathered()
    if any(_key(bench, query) not in kept for query in queries[: AHEAD // 2]):
        missing = [query for query in queries[:AHEAD] if _key(bench, query) not in kept]
        _gather(bench, missing)


def _gather(bench: Workbench, queries: Sequence[str]) -> None:
    kept = _gathered()
    trace = Trace()
    for evidence in bench.gather(queries, trace):
        kept[_key(bench, evidence.query)] = (evidence, trace.spans)
    while len(kept) > _MOST_GATHERED:
        del kept[next(iter(kept))]


def _gathered() -> dict[tuple[str, ...], Gathered]:
    kept: dict[tuple[str, ...], Gathered] = st.session_state.setdefault("check_gathered", {})
    return kept


def _key(bench: Workbench, query: str) -> tuple[str, ...]:
    return query, *evidence_key(bench.router)


# --- judging ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """Where the visitor stands.

    Attributes:
        number: Grows with every step, so that a key pressed twice counts once.
        asking: A route was called wrong, and who should have had the query is asked now.
        writing: A note is being written.
        pinned: A query whose verdict was taken back; it comes next.
        note: What goes with the next verdict.
        moments: When this visit's verdicts were given.
        fingerprint: Of the registry that the visitor knows to be in use; empty before the first.
    """

    number: int = 0
    asking: bool = False
    writing: bool = False
    pinned: str | None = None
    note: str = ""
    moments: tuple[datetime, ...] = ()
    fingerprint: str = ""


def turn() -> Turn:
    """Return where the visitor stands."""
    now: Turn = st.session_state.get("check_turn", Turn())
    return now


def judge(
    book: Book, route: Route, what: VerdictKind, seen: int, expected: str | None = None
) -> None:
    """Keep a verdict on the route that was shown; a second press on the same one does nothing."""
    now = turn()
    if now.number != seen:
        return
    signature = Signature(uuid.uuid4().hex, reviewer(), datetime.now(UTC))
    if _append(book, verdict_on(route, what, signature, expected, now.note)):
        moments = (*now.moments, signature.when)
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
    return parse_note(st.session_state.get("who") or "")


def complaint() -> HandoffError | None:
    """Return what the last step could not do, once."""
    error: HandoffError | None = st.session_state.pop("check_complaint", None)
    return error


def done(
    verdicts: Sequence[Verdict], router: Router, policy: Policy, *, again: bool
) -> dict[str, Verdict]:
    """Return the reviewer's last verdict on each query.

    Args:
        verdicts: That stand, oldest first.
        router: Of today's registry.
        policy: Today's.
        again: Leave out verdicts on another registry, embedder or policy.
    """
    own = (verdict for verdict in verdicts if verdict.who == reviewer())
    return {
        verdict.query: verdict
        for verdict in own
        if not again
        or (
            verdict.fingerprint == router.registry.fingerprint
            and verdict.embedder == router.embedder.identity
            and replace(verdict.policy, source=policy.source) == policy
        )
    }


def _append(book: Book, entry: Entry) -> bool:
    """Add an entry, or keep the complaint: whoever judged sees the same query again."""
    try:
        book.log.append([entry])
    except HandoffError as error:
        st.session_state["check_complaint"] = error
        return False
    return True


# --- from verdict to test -------------------------------------------------------------------------


def add_to_cases(opened: Opened, book: Book) -> None:
    """Add the judged queries to the file of cases; what stands in it stays as it is."""
    path = opened.settings.cases or opened.settings.registry.with_name(CASES_NAME)
    try:
        additions = opened.bench.add_verdicts_to_cases(book.verdicts(), path)
    except HandoffError as error:
        st.session_state["check_complaint"] = error
    else:
        st.session_state["check_added"] = (additions, path.name)


def added() -> tuple[Additions, str] | None:
    """Return what was added to which file, once."""
    told: tuple[Additions, str] | None = st.session_state.pop("check_added", None)
    return told


def regressions(
    bench: Workbench, right: Sequence[Verdict], policy: Policy
) -> Iterator[tuple[int, list[Regression]]]:
    """Route again what was called right; yield how many were tried and what was found.

    Raises:
        ProviderError: A query could not be gathered.
    """
    key = (*evidence_key(bench.router), policy, tuple(verdict.id for verdict in right))
    kept: list[Regression] | None = recalled("check_regressions", key)
    if kept is not None:
        yield len(right), kept
        return
    found: list[Regression] = []
    for tried, found in bench.regressions(right, policy):
        if tried % AHEAD == 0:
            yield tried, found
    remember("check_regressions", key, found)
    yield len(right), found
