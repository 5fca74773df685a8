"""Checking by hand: the log, the queue, what was gathered ahead, and what is being judged.

The log and what stands in it are shared by all visitors; the rest belongs to one visit.
"""

import threading
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from handoff.core.errors import CasesError, HandoffError
from handoff.core.model import Evidence, EvidenceSet, Policy
from handoff.files.cases import Cases, append_cases, format_cases, parse_cases
from handoff.files.csv_table import load_bytes
from handoff.files.whole_file import write_whole
from handoff.router import Route, Router
from handoff.trace import Span, Trace
from handoff.ui import state
from handoff.verdicts.log import Entry, Judgement, Undo, Verdict, VerdictLog, parse_note
from handoff.verdicts.queue import (
    NOTHING_SEEN,
    Outlook,
    Queue,
    look_ahead,
    make_queue,
    parse_queue,
)
from handoff.verdicts.reviews import (
    Additions,
    Regression,
    Signature,
    find_regressions,
    plan_additions,
    standing,
    verdict_on,
)

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


def open_book(opened: state.Opened) -> Book:
    """Return the log that all visitors share."""
    return _book(opened.settings.state_dir)


@st.cache_resource(show_spinner=False, on_release=lambda book: book.log.close())
def _book(folder: Path) -> Book:
    return Book(VerdictLog(folder))


# --- the queue ----------------------------------------------------------------------------------


def queue_of_cases(cases: Cases) -> Queue:
    """Return the labelled queries as a queue."""
    kept = st.session_state.get("review_cases")
    if kept is None or kept[0] is not cases:
        kept = (cases, make_queue(case.query for case in cases.cases))
        st.session_state["review_cases"] = kept
    made: Queue = kept[1]
    return made


def queue_of_file() -> Queue:
    """Return the uploaded file as a queue; raises CasesError."""
    file = state.own_file("queue")
    if file is None:
        return Queue(())
    kept = st.session_state.get("review_file")
    if kept is None or kept[0] != file.file_id:
        kept = (file.file_id, parse_queue(file.getvalue(), file.name))
        st.session_state["review_file"] = kept
    parsed: Queue = kept[1]
    return parsed


def keep_lines() -> None:
    """Make a queue of the pasted lines, or say why not."""
    try:
        queue = make_queue(st.session_state["review_text"].splitlines())
    except HandoffError as error:
        st.session_state["review_complaint"] = error
    else:
        st.session_state["review_lines"] = queue


def queue_of_lines() -> Queue:
    """Return the pasted lines as a queue."""
    queue: Queue = st.session_state.get("review_lines", Queue(()))
    return queue


def queue_of_visit() -> Queue:
    """Return what this visitor routed, newest first."""
    return make_queue(entry.query for entry in state.visited())


def outlook(router: Router, queue: Queue, policy: Policy) -> Outlook:
    """Return what is known of the queue so far."""
    kept = st.session_state.get("review_outlook")
    if kept is None or kept[0] is not queue or kept[1] != _ground(router, policy):
        return NOTHING_SEEN
    seen: Outlook = kept[2]
    return seen


def to_look_at(queue: Queue) -> int:
    """Return how many of the queue's first queries should be put in order."""
    kept = st.session_state.get("review_until")
    until: int = LOOKED_AT if kept is None or kept[0] is not queue else kept[1]
    return min(until, len(queue.queries))


def look(router: Router, queue: Queue, policy: Policy) -> Iterator[Outlook]:
    """Look at the queue, in parts, as far as it should be looked at; raises ProviderError."""
    seen = outlook(router, queue, policy)
    until = to_look_at(queue)
    if len(seen) >= until:
        return
    for grown in state.each(look_ahead(router, queue.queries[:until], policy, seen)):
        st.session_state["review_outlook"] = (queue, _ground(router, policy), grown)
        yield grown


def look_until(queue: Queue, number: int) -> None:
    """Put so many of the queue's queries in order; 0 leaves it at those that were looked at."""
    st.session_state["review_until"] = (queue, number)


def _ground(router: Router, policy: Policy) -> tuple[object, ...]:
    """Return what an outlook stands on; threshold and margin are not in it."""
    asked = router.registry.fingerprint, router.embedder.identity, router.tagger.identity
    return *asked, policy.use_tags, policy.lexical_weight


# --- evidence, a little ahead of the eye ---------------------------------------------------------


def gather(router: Router, query: str) -> Gathered:
    """Return what the providers say of a query; raises ProviderError."""
    kept = _gathered()
    key = _key(router, query)
    if key not in kept:
        _gather(router, [query])
    return kept[key]


def gather_ahead(router: Router, queries: Sequence[str]) -> None:
    """Gather the next queries together, once one of the next few is missing."""
    kept = _gathered()
    if any(_key(router, query) not in kept for query in queries[: AHEAD // 2]):
        missing = [query for query in queries[:AHEAD] if _key(router, query) not in kept]
        _gather(router, missing)


def _gather(router: Router, queries: Sequence[str]) -> None:
    kept = _gathered()
    for found, spans in state.each(_asking(router, queries)):
        for evidence in found:
            kept[_key(router, evidence.query)] = (evidence, spans)
    while len(kept) > _MOST_GATHERED:
        del kept[next(iter(kept))]


async def _asking(
    router: Router, queries: Sequence[str]
) -> AsyncGenerator[tuple[EvidenceSet, tuple[Span, ...]]]:
    trace = Trace()
    yield await router.gather_many(queries, trace), trace.spans


def _gathered() -> dict[tuple[str, ...], Gathered]:
    kept: dict[tuple[str, ...], Gathered] = st.session_state.setdefault("review_gathered", {})
    return kept


def _key(router: Router, query: str) -> tuple[str, ...]:
    registry = router.registry.fingerprint
    return query, registry, router.embedder.identity, router.tagger.identity


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
    now: Turn = st.session_state.get("review_turn", Turn())
    return now


def judge(
    book: Book, route: Route, what: Judgement, seen: int, expected: str | None = None
) -> None:
    """Keep a verdict on the route that was shown; a second press on the same one does nothing."""
    now = turn()
    if now.number != seen:
        return
    signature = Signature(uuid.uuid4().hex, reviewer(), datetime.now(UTC))
    if _append(book, verdict_on(route, what, signature, expected, now.note)):
        moments = (*now.moments, signature.when)
        st.session_state["review_turn"] = Turn(
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
        st.session_state["review_turn"] = replace(now, number=number, **changed)  # type: ignore[arg-type]


def know(fingerprint: str) -> None:
    """Remember that the visitor knows which registry is in use."""
    st.session_state["review_turn"] = replace(turn(), fingerprint=fingerprint)


def reviewer() -> str:
    """Return who judges; empty before they said."""
    return parse_note(st.session_state.get("who") or "")


def complaint() -> HandoffError | None:
    """Return what the last step could not do, once."""
    error: HandoffError | None = st.session_state.pop("review_complaint", None)
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
        st.session_state["review_complaint"] = error
        return False
    return True


# --- from verdict to test -------------------------------------------------------------------------


def add_to_cases(opened: state.Opened, book: Book) -> None:
    """Add the judged queries to the file of cases; what stands in it stays as it is."""
    path = opened.settings.cases or opened.settings.registry.with_name(CASES_NAME)
    try:
        data = load_bytes(path, CasesError) if path.exists() else None
        additions = _plan(opened, book, data, path.name)
        if additions.cases:
            before = format_cases(()).encode() if data is None else data
            text = append_cases(before, path.name, additions.cases)
            write_whole(path, text, CasesError)
    except HandoffError as error:
        st.session_state["review_complaint"] = error
    else:
        st.session_state["review_added"] = (additions, path.name)


def _plan(opened: state.Opened, book: Book, data: bytes | None, name: str) -> Additions:
    registry = opened.router.registry
    # A file that has a header and no case yet is a good one to add to.
    empty = data is None or not data.strip().partition(b"\n")[2].strip()
    cases = Cases((), ()) if empty else parse_cases(data or b"", name, registry)
    return plan_additions(book.verdicts(), cases, registry)


def judged_as_cases(opened: state.Opened, book: Book) -> str:
    """Return the judged queries as a file of cases of their own."""
    return format_cases(_plan(opened, book, None, CASES_NAME).cases)


def added() -> tuple[Additions, str] | None:
    """Return what was added to which file, once."""
    told: tuple[Additions, str] | None = st.session_state.pop("review_added", None)
    return told


def regressions(
    router: Router, right: Sequence[Verdict], policy: Policy
) -> Iterator[tuple[int, list[Regression]]]:
    """Route again what was called right; yield how many were tried and what was found.

    Raises:
        ProviderError: A query could not be gathered.
    """
    key = (_ground(router, policy), policy, tuple(verdict.id for verdict in right))
    kept = st.session_state.get("review_regressions")
    if kept is not None and kept[0] == key:
        yield len(right), kept[1]
        return
    found: list[Regression] = []
    for tried, found in state.each(find_regressions(router, right, policy)):
        if tried % AHEAD == 0:
            yield tried, found
    st.session_state["review_regressions"] = (key, found)
    yield len(right), found
