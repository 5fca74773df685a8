"""Reading a file and replacing it as one step, for all processes of this project."""

import contextlib
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

from handoff.core.errors import HandoffError
from handoff.core.texts import shorten
from handoff.files.whole_file import remove_unfinished, write_whole

LOCK_NAME = ".handoff.lock"
"""Used where a folder itself cannot be locked: on Windows, and on some network file systems."""
WAIT_SECONDS = 10.0

_RETRY_SECONDS = 0.005


@contextlib.contextmanager
def sole_writer(path: Path, error: type[HandoffError]) -> Generator[None]:
    """Keep every other thread and process from writing a file in the same folder meanwhile.

    The lock is the system's own, on the folder: nothing is left behind, and it ends with its
    process, even a killed one. It is held for milliseconds, and must not be taken twice. What a
    killed process left unfinished beside the file is removed.

    Args:
        path: The file; a symbolic link stands for the file that it names.
        error: What to raise.

    Raises:
        HandoffError: Of the type `error`: there is no such folder, it cannot be locked, or another
            process writes for longer than `WAIT_SECONDS`.
    """
    name = shorten(str(path), 200)
    try:
        lock = _wait_for(path.resolve().parent)
    except TimeoutError:
        raise error(f"{name} is being written by another process: try again.") from None
    except (OSError, ValueError, RuntimeError) as failure:
        reason = getattr(failure, "strerror", None) or shorten(str(failure), 80)
        raise error(f"{name} cannot be written ({reason}): choose another place.") from None
    try:
        remove_unfinished(path)
        yield
    finally:
        # A process forked meanwhile holds the file open too: closing it would not be enough.
        _let_go(lock)
        os.close(lock)


def write_alone(path: Path, text: str, error: type[HandoffError]) -> None:
    """Replace a file's text as its sole writer, see `write_whole`.

    Raises:
        HandoffError: Of the type `error`; the file is as it was.
    """
    try:
        replaced = path.is_file() or not path.exists()
    except (OSError, ValueError):
        # Writing it tells why it cannot be written.
        replaced = False
    # The folder of a device or a pipe is not ours to lock, and nothing unfinished is beside it.
    with sole_writer(path, error) if replaced else contextlib.nullcontext():
        write_whole(path, text, error)


def _wait_for(folder: Path) -> int:
    """Return an open file that is locked by nobody else; raises TimeoutError, OSError."""
    deadline = time.monotonic() + WAIT_SECONDS
    lock = _open(folder)
    try:
        while True:
            try:
                _take(lock)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError from None
                time.sleep(_RETRY_SECONDS)
            else:
                return lock
    except BaseException:
        os.close(lock)
        raise


if sys.platform == "win32":
    import msvcrt

    def _open(folder: Path) -> int:
        return os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT)

    def _take(lock: int) -> None:
        try:
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            raise BlockingIOError from None

    def _let_go(lock: int) -> None:
        msvcrt.locking(lock, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _open(folder: Path) -> int:
        lock = os.open(folder, os.O_RDONLY)
        try:
            _take(lock)
        except BlockingIOError:
            return lock
        except OSError:
            os.close(lock)
            # NFS locks only what is open for writing, which a folder cannot be.
            return os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
        return lock

    def _take(lock: int) -> None:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _let_go(lock: int) -> None:
        fcntl.flock(lock, fcntl.LOCK_UN)
