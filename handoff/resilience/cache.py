"""Vectors by content, in one SQLite file that several processes share.

Losing the file costs embedding again, never an error: whatever is wrong with it, the cache behaves
as if it were empty, and a file that is no sound database is replaced.
"""

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from handoff.core.model import FloatArray
from handoff.resilience.sqlite import use_wal

Result = TypeVar("Result")

MOST_ROWS = 500_000
"""At 256 dimensions about 0.6 GB, at 1,536 about 3.2 GB; beyond it the oldest tenth goes."""

_KEYS_A_QUERY = 500
_BUSY_SECONDS = 1.0
_REST_SECONDS = 30.0


class VectorCache:
    """Float32 vectors under opaque keys; safe for threads and processes."""

    def __init__(self, path: Path, most_rows: int = MOST_ROWS) -> None:
        """Open nothing yet.

        Args:
            path: The database file; its folder is made when first needed.
            most_rows: How many vectors to keep.
        """
        self._path = path
        self._most_rows = most_rows
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._writes_again = 0.0

    def get(self, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """Return the vectors that are there, by key; each of shape (dimensions,)."""

        def read(connection: sqlite3.Connection) -> dict[bytes, FloatArray]:
            found: dict[bytes, FloatArray] = {}
            for first in range(0, len(keys), _KEYS_A_QUERY):
                part = keys[first : first + _KEYS_A_QUERY]
                marks = ",".join("?" * len(part))
                rows = connection.execute(
                    f"SELECT key, vector FROM vectors WHERE key IN ({marks})",  # noqa: S608 - marks
                    part,
                )
                found.update(
                    (key, np.frombuffer(blob, np.float32)) for key, blob in rows if _whole(blob)
                )
            return found

        return self._attempt(read, otherwise={})

    def put(self, vectors: Mapping[bytes, FloatArray]) -> None:
        """Keep vectors, each of shape (dimensions,)."""
        rows = [(key, vector.astype(np.float32).tobytes()) for key, vector in vectors.items()]

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
                oldest, newest = connection.execute(
                    "SELECT (SELECT min(rowid) FROM vectors), (SELECT max(rowid) FROM vectors)"
                ).fetchone()
                if newest - oldest >= self._most_rows:
                    connection.execute(
                        "DELETE FROM vectors WHERE rowid <= ?",
                        (newest - self._most_rows + self._most_rows // 10,),
                    )

        if rows:
            self._attempt(write, otherwise=None, writes=True)

    def census(self) -> dict[int, tuple[int, int]]:
        """Return how many vectors there are of each length, and their bytes; opens no new file."""

        def read(connection: sqlite3.Connection) -> dict[int, tuple[int, int]]:
            rows = connection.execute(
                "SELECT length(vector), count(*) FROM vectors GROUP BY length(vector)"
            )
            return {size // 4: (number, size * number) for size, number in rows}

        return self._attempt(read, otherwise={}) if self._path.exists() else {}

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _attempt(
        self,
        work: Callable[[sqlite3.Connection], Result],
        otherwise: Result,
        *,
        writes: bool = False,
    ) -> Result:
        with self._lock:
            # Who waits for a file that another process holds lets all others wait behind: once.
            if writes and time.monotonic() < self._writes_again:
                return otherwise
            for _ in range(2):
                try:
                    if self._connection is None:
                        self._connection = self._open()
                    return work(self._connection)
                except (sqlite3.OperationalError, OSError) as failure:
                    # Locked for too long, read-only, full, or in a folder that cannot be made.
                    if getattr(failure, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                        self._writes_again = time.monotonic() + _REST_SECONDS
                    return otherwise
                except sqlite3.DatabaseError:
                    self._replace()
        return otherwise

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            use_wal(connection, _BUSY_SECONDS)
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)"
            )
        except sqlite3.Error:
            connection.close()
            raise
        # A cache that is forgotten closes its file.
        weakref.finalize(self, connection.close)
        return connection

    def _replace(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink()


def _whole(blob: object) -> bool:
    return isinstance(blob, bytes) and len(blob) > 0 and len(blob) % 4 == 0
