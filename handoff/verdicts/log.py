"""The verdict log: what people said of routes, in one SQLite file that several processes share.

Entries are only ever added; taking a verdict back is an entry too. An entry is on the disk when
`append` returns (WAL with a sync at every commit): it is a person's work, and there is one a key
press, not thousands a second.
"""

import contextlib
import heapq
import json
import os
import sqlite3
import threading
import weakref
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from handoff.core.texts import shorten
from handoff.files.settings import LOG_NAME
from handoff.resilience.sqlite import use_wal
from handoff.verdicts.record import Entry, RecordError, VerdictsError, entry_to_record, parse_record
from handoff.verdicts.salvage import readable_rows
from handoff.verdicts.unwritable import cannot_write, rows_after

Result = TypeVar("Result")

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
    # A record's policy may say known_scripts_only, which a handoff of version 1 would refuse.
    (),
)
"""What leads from each version of the file to the next; the file's version is their number."""

_BUSY_SECONDS = 10.0
_PRIMARY_CODE = 0xFF
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


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
            return _loaded(found, after)

        nothing_yet = not self.path.exists() and not self.path.parent.is_file()
        if self._connection is None and nothing_yet:
            return [], after
        try:
            return self._attempt(select, "read")
        except _UnwritableError as refusal:
            try:
                return _loaded(rows_after(self.path, after), after)
            except (sqlite3.Error, OSError):
                raise refusal from None

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
        use_wal(connection, _BUSY_SECONDS)
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
        kind = _UnwritableError if cannot_write(failure) else VerdictsError
        return kind(
            f"{self._name} cannot be {doing} ({reason}): check space and rights and do it again; "
            "what was kept before is still there."
        )


class _UnwritableError(VerdictsError):
    """A log beside which nothing can be written."""


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


def _loaded(rows: Sequence[tuple[int, bytes, int]], after: int) -> tuple[list[Entry], int]:
    """Return the entries of rows, and the number of the last one; `after` where there is none."""
    last = rows[-1][0] if rows else after
    return [_load(record, checksum) for _, record, checksum in rows], last


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
    """Yield the entries of a damaged file that can still be read, each once, in their order."""
    numbered: dict[int, Entry] = {}
    others: list[Entry] = []
    seen: set[str] = set()
    for number, record, checksum in readable_rows(path):
        with contextlib.suppress(_Damaged, VerdictsError, TypeError):
            entry = _load(record, checksum)
            if entry.id in seen:
                continue
            seen.add(entry.id)
            if number is None:
                others.append(entry)
            else:
                numbered[number] = entry
    in_order = (numbered[number] for number in sorted(numbered))
    # Where a row stood is told by its time, where its number is lost.
    yield from heapq.merge(in_order, sorted(others, key=_when), key=_when)


def _when(entry: Entry) -> datetime:
    return entry.when


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
