"""The verdict log: what people said of routes, in one SQLite file that several processes share.

Entries are only ever added; taking a verdict back is an entry too. An entry is on the disk when
`append` returns (WAL with a sync at every commit): it is a person's work, and there is one a key
press, not thousands a second.
"""

import contextlib
import json
import math
import os
import sqlite3
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from handoff.core.errors import QueryError, TableError
from handoff.core.model import Outcome, Policy, ThresholdSource
from handoff.core.texts import parse_query, shorten

Result = TypeVar("Result")

LOG_NAME = "verdicts.sqlite"
LONGEST_NOTE = 2_000
LONGEST_NAME = 80
UNDO = "undo"
FIELDS = (
    "id",
    "what",
    "undoes",
    "query",
    "outcome",
    "agent",
    "expected",
    "threshold",
    "scores",
    "policy",
    "fingerprint",
    "embedder",
    "who",
    "when",
    "note",
)
"""What a record may hold; one of an undo has id, what, undoes, who and when."""

_TABLE = """
CREATE TABLE entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL,
    checksum INTEGER NOT NULL
)
"""
_ONLY_ADDED = """
CREATE TRIGGER no_{verb} BEFORE {verb} ON entries
BEGIN SELECT RAISE(ABORT, 'entries are only added'); END
"""
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (_TABLE, _ONLY_ADDED.format(verb="UPDATE"), _ONLY_ADDED.format(verb="DELETE")),
)
"""What leads from each version of the file to the next; the file's version is their number."""

_BUSY_SECONDS = 10.0
_RETRY_SECONDS = 0.01
_PRIMARY_CODE = 0xFF
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class VerdictsError(TableError):
    """A verdict log, or a file of verdicts, that cannot be used."""


class RecordError(Exception):
    """A record that is no entry.

    Attributes:
        field: Where it is wrong.
        expected: What is wrong and what to do about it, without a full stop.
    """

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: {expected}")
        self.field = field
        self.expected = expected


class Judgement(StrEnum):
    """What a person said of a route."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person said of one route, with all that led to the route.

    Attributes:
        id: The entry's own, unique everywhere.
        query: What was routed.
        outcome: What the decision came to.
        agent: The id of who got it; None for nobody.
        scores: The best few agents' ids with their scores, best first.
        threshold: The one that judged.
        policy: How the evidence was judged.
        fingerprint: The registry's.
        embedder: Its identity.
        who: The reviewer.
        when: In UTC.
        what: What they said.
        expected: With `WRONG`, the id of who should have had it; None for nobody.
        note: What they added; often empty.
    """

    id: str
    query: str
    outcome: Outcome
    agent: str | None
    scores: tuple[tuple[str, float], ...]
    threshold: float
    policy: Policy
    fingerprint: str
    embedder: str
    who: str
    when: datetime
    what: Judgement
    expected: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Undo:
    """A verdict taken back.

    Attributes:
        id: The entry's own.
        undoes: The verdict's id.
        who: Who took it back.
        when: In UTC.
    """

    id: str
    undoes: str
    who: str
    when: datetime


Entry = Verdict | Undo
Record = Mapping[str, object]


def parse_note(text: str) -> str:
    """Return a note or a name on one line, without characters that cannot be kept."""
    spoken = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(spoken.split())[:LONGEST_NOTE]


def entry_to_record(entry: Entry) -> dict[str, object]:
    """Return an entry as values that JSON has; `parse_record` reads them back."""
    if isinstance(entry, Undo):
        return {
            "id": entry.id,
            "what": UNDO,
            "undoes": entry.undoes,
            "who": entry.who,
            "when": entry.when.isoformat(),
        }
    return {
        "id": entry.id,
        "what": entry.what.value,
        "query": entry.query,
        "outcome": entry.outcome.value,
        "agent": entry.agent,
        "expected": entry.expected,
        "threshold": entry.threshold,
        "scores": [list(pair) for pair in entry.scores],
        "policy": asdict(entry.policy) | {"source": entry.policy.source.value},
        "fingerprint": entry.fingerprint,
        "embedder": entry.embedder,
        "who": entry.who,
        "when": entry.when.isoformat(),
        "note": entry.note,
    }


def parse_record(record: Record) -> Entry:
    """Return the entry that a record holds.

    Raises:
        RecordError: At the first value that is wrong.
    """
    for name in record:
        if name not in FIELDS:
            raise RecordError(shorten(str(name)), f"an entry has only {', '.join(FIELDS)}")
    number, who, when = _text(record, "id"), _text(record, "who"), _moment(record)
    if record.get("what") == UNDO:
        return Undo(number, _text(record, "undoes"), who, when)
    what = _choice(record, "what", Judgement)
    outcome = _choice(record, "outcome", Outcome)
    agent, expected = _optional_text(record, "agent"), _optional_text(record, "expected")
    if (agent is not None) != (outcome is Outcome.SELECTED):
        raise RecordError("agent", "exactly an outcome of selected names who got the query")
    if expected is not None and what is not Judgement.WRONG:
        raise RecordError("expected", "only a verdict of wrong says who should have had it")
    try:
        query = parse_query(_text(record, "query", None))
    except QueryError as error:
        raise RecordError("query", f"{error.problem}, {error.mend}") from None
    return Verdict(
        id=number,
        query=query,
        outcome=outcome,
        agent=agent,
        scores=_scores(record),
        threshold=_number(record.get("threshold"), "threshold"),
        policy=_policy(record),
        fingerprint=_text(record, "fingerprint"),
        embedder=_text(record, "embedder", None),
        who=who,
        when=when,
        what=what,
        expected=expected,
        note=parse_note(_optional_text(record, "note", None) or ""),
    )


class VerdictLog:
    """Entries in the order in which they were added; safe for threads and processes.

    A file that is damaged is set aside, and a new one is begun with what can still be read.
    """

    def __init__(self, folder: Path) -> None:
        """Open nothing yet.

        Args:
            folder: Where the file is; made when first needed.
        """
        self.path = folder / LOG_NAME
        self.set_aside: Path | None = None
        """Where a damaged file was put, if that happened since this log was opened."""
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def append(self, entries: Sequence[Entry]) -> int:
        """Add all entries, or none; one that is there already counts for nothing.

        Returns:
            How many were new.

        Raises:
            VerdictsError: They could not be kept, or an id is taken by another entry.
        """

        def write(connection: sqlite3.Connection) -> int:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                return sum(_insert(connection, entry) for entry in entries)

        return self._attempt(write, "written") if entries else 0

    def read(self, after: int = 0) -> tuple[list[Entry], int]:
        """Return the entries after a number, and the number of the last one.

        Args:
            after: What an earlier call returned; 0 for all.

        Raises:
            VerdictsError: They could not be read.
        """

        def select(connection: sqlite3.Connection) -> tuple[list[Entry], int]:
            found = connection.execute(
                "SELECT number, record, checksum FROM entries WHERE number > ? ORDER BY number",
                (after,),
            ).fetchall()
            last = found[-1][0] if found else after
            return [_load(record, checksum) for _, record, checksum in found], last

        if self._connection is None and not self.path.exists():
            return [], after
        return self._attempt(select, "read")

    @property
    def file(self) -> tuple[int, int] | None:
        """What tells the file that was used last from another of the same name."""
        return self._file

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            self._close()

    def _attempt(self, work: Callable[[sqlite3.Connection], Result], doing: str) -> Result:
        with self._lock:
            for _ in range(2):
                seen = _identity(self.path)
                if seen is None or seen != self._file:
                    # Somebody took the file away: what is written to it would be lost.
                    self._close()
                try:
                    if self._connection is None:
                        self._connection = self._open()
                        self._file = _identity(self.path)
                    return work(self._connection)
                except (sqlite3.Error, OSError) as failure:
                    self._close()
                    if not _is_damage(failure):
                        raise self._refusal(doing, failure) from None
                    self._put_aside(seen)
        raise VerdictsError(f"{self._name} is damaged again at once: check the disk.")

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        # A log that is forgotten closes its file.
        weakref.finalize(self, connection.close)
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Check version and soundness before anything is written; then bring it up to date."""
        version = _version(connection)
        if version > len(MIGRATIONS):
            raise VerdictsError(
                f"{self._name} was written by a newer handoff (its version is {version}, known "
                f"here is {len(MIGRATIONS)}): update handoff, or name another folder with "
                "HANDOFF_STATE_DIR."
            )
        (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if sound != "ok":
            raise _Damaged(sound)
        _use_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.text_factory = bytes
        if version == len(MIGRATIONS):
            return
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            # Another process may have been here in the meantime.
            for statement in (
                one for migration in MIGRATIONS[_version(connection) :] for one in migration
            ):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")

    def _put_aside(self, damaged: tuple[int, int] | None) -> None:
        """Rename a damaged file and begin a new one; who finds a new file leaves it alone."""
        with self._alone():
            if damaged is None or _identity(self.path) != damaged:
                return
            name = f"{self.path.stem}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite"
            aside = self.path.with_name(name)
            try:
                for suffix in ("-wal", ""):
                    with contextlib.suppress(FileNotFoundError):
                        self.path.with_name(LOG_NAME + suffix).rename(
                            aside.with_name(aside.name + suffix)
                        )
                with contextlib.suppress(FileNotFoundError):
                    self.path.with_name(f"{LOG_NAME}-shm").unlink()
                self.set_aside = aside
                fresh = self._open()
                with contextlib.closing(fresh), fresh:
                    fresh.execute("BEGIN IMMEDIATE")
                    for entry in _salvage(aside):
                        _insert(fresh, entry)
            except (sqlite3.Error, OSError) as failure:
                raise self._refusal("begun anew", failure) from None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from putting the file aside; a killed one lets go at once."""
        try:
            lock = sqlite3.connect(
                self.path.with_name(f"{LOG_NAME}.lock"), timeout=_BUSY_SECONDS, isolation_level=None
            )
            with contextlib.closing(lock):
                lock.execute("BEGIN EXCLUSIVE")
                yield
        except sqlite3.Error as failure:
            raise self._refusal("set aside", failure) from None

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _name(self) -> str:
        return shorten(str(self.path), 200)

    def _refusal(self, doing: str, failure: Exception) -> VerdictsError:
        reason = getattr(failure, "strerror", None) or failure
        return VerdictsError(
            f"{self._name} cannot be {doing} ({reason}): check space and rights and do it again; "
            "what was kept before is still there."
        )


class _Damaged(sqlite3.DatabaseError):
    """A file that SQLite opens and that is not sound."""


def _is_damage(failure: Exception) -> bool:
    code = getattr(failure, "sqlite_errorcode", 0)
    return isinstance(failure, _Damaged) or code & _PRIMARY_CODE in _DAMAGED


def _insert(connection: sqlite3.Connection, entry: Entry) -> bool:
    """Insert an entry, and tell whether it was new.

    Raises:
        VerdictsError: Another entry has its id.
    """
    found = connection.execute(
        "SELECT record, checksum FROM entries WHERE id = ?", (entry.id,)
    ).fetchone()
    if found is not None:
        if _load(*found) != entry:
            raise VerdictsError(
                f"The entry {shorten(entry.id)} is in the log already and says something else: "
                "nothing was added, remove it from the file."
            )
        return False
    record = json.dumps(entry_to_record(entry), ensure_ascii=False, allow_nan=False)
    connection.execute(
        "INSERT INTO entries (id, record, checksum) VALUES (?, ?, ?)",
        (entry.id, record, zlib.crc32(record.encode())),
    )
    return True


def _load(record: bytes, checksum: int) -> Entry:
    """Return a kept entry.

    Raises:
        VerdictsError: It is sound, and means nothing here.
    """
    if zlib.crc32(record) != checksum:
        raise _Damaged("an entry is not what was written")
    try:
        return parse_record(json.loads(record))
    except (RecordError, ValueError) as failure:
        raise VerdictsError(
            f"The verdict log holds an entry that is not understood here ({failure}): update "
            "handoff, or name another folder with HANDOFF_STATE_DIR."
        ) from None


def _salvage(path: Path) -> Iterator[Entry]:
    """Yield the entries of a damaged file that can still be read, each once."""
    seen = set()
    with (
        contextlib.closing(sqlite3.connect(path)) as connection,
        contextlib.suppress(sqlite3.Error),
    ):
        connection.text_factory = bytes
        # Without an index: that may be what is damaged.
        for found in connection.execute("SELECT record, checksum FROM entries NOT INDEXED"):
            with contextlib.suppress(_Damaged, VerdictsError, TypeError):
                entry = _load(*found)
                if entry.id not in seen:
                    seen.add(entry.id)
                    yield entry


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of the same name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a new file to WAL; SQLite does not wait for others who do the same, so we do."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _text(record: Record, field: str, longest: int | None = LONGEST_NAME) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value.strip():
        raise RecordError(field, "it must be a text, fill it in")
    if longest is not None and (len(value) > longest or not value.isprintable()):
        raise RecordError(field, f"at most {longest} printable characters are allowed, shorten it")
    return value


def _optional_text(record: Record, field: str, longest: int | None = LONGEST_NAME) -> str | None:
    return None if record.get(field) in (None, "") else _text(record, field, longest)


Choice = TypeVar("Choice", bound=StrEnum)


def _choice(record: Record, field: str, kind: type[Choice]) -> Choice:
    try:
        return kind(str(record.get(field)))
    except ValueError:
        listed = ", ".join(each.value for each in kind)
        raise RecordError(field, f"it must be one of {listed}") from None


def _moment(record: Record) -> datetime:
    try:
        moment = datetime.fromisoformat(str(record.get("when")))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RecordError("when", "it must be a time like 2026-01-31T12:00:00+00:00")
    return moment.astimezone(UTC)


def _number(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RecordError(field, "it must be a number")
    return float(value)


def _scores(record: Record) -> tuple[tuple[str, float], ...]:
    found = record.get("scores")
    if not isinstance(found, list) or not found:
        raise RecordError("scores", "it must be a list of agents with their scores")
    pairs = []
    for pair in found:
        if not isinstance(pair, list) or len(pair) != len(("agent", "score")):
            raise RecordError("scores", "each must be an agent's id and a number")
        agent = _text({"scores": pair[0]}, "scores")
        pairs.append((agent, _number(pair[1], "scores")))
    return tuple(pairs)


def _policy(record: Record) -> Policy:
    found = record.get("policy")
    if not isinstance(found, Mapping):
        raise RecordError("policy", "it must be an object")
    known = {field.name: field.type for field in fields(Policy)}
    if unknown := set(found) - set(known):
        raise RecordError("policy", f"it has no '{shorten(str(min(unknown)))}'")
    values = dict(found)
    source = _choice({"policy": values.pop("source", None)}, "policy", ThresholdSource)
    for name, value in values.items():
        if known[name] is bool:
            if not isinstance(value, bool):
                raise RecordError("policy", f"{name} must be true or false")
        else:
            values[name] = _number(value, "policy")
    if "threshold" not in values:
        raise RecordError("policy", "it must hold a threshold")
    return Policy(source=source, **values)
