"""Reading a log where nothing can be written: on a read-only or a full disk."""

import errno
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

_PRIMARY_CODE = 0xFF
_CODES = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
)
_ERRNOS = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT})


def cannot_write(failure: Exception) -> bool:
    """Tell whether a log could be read, were it not for the files that SQLite writes beside it."""
    if isinstance(failure, sqlite3.Error):
        return getattr(failure, "sqlite_errorcode", 0) & _PRIMARY_CODE in _CODES
    return isinstance(failure, OSError) and failure.errno in _ERRNOS


def rows_after(path: Path, number: int) -> list[tuple[int, bytes, int]]:
    """Return number, record and checksum of the rows after a number, without writing beside them.

    What was written and not yet taken over into the file is read too, from a copy in the system's
    folder for temporary files.

    Raises:
        OSError: It cannot be read, or there is no room for the copy.
        sqlite3.Error: It is no log.
    """
    journal = path.with_name(f"{path.name}-wal")
    if not journal.exists() or not journal.stat().st_size:
        return _rows(f"{path.resolve().as_uri()}?immutable=1", number)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        shutil.copyfile(journal, copy.with_name(journal.name))
        return _rows(copy.as_uri(), number)


def _rows(uri: str, number: int) -> list[tuple[int, bytes, int]]:
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.text_factory = bytes
        return connection.execute(
            "SELECT number, record, checksum FROM entries WHERE number > ? ORDER BY number",
            (number,),
        ).fetchall()
