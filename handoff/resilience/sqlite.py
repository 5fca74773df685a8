"""What SQLite leaves to those who share a file between processes."""

import sqlite3
import time

_RETRY_SECONDS = 0.01


def use_wal(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Switch a new file to WAL; SQLite does not wait for others who do the same, so we do."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return
