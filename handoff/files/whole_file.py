"""Writing a file whole or not at all."""

import contextlib
import glob
import os
import shutil
import tempfile
from pathlib import Path

from handoff.core.errors import HandoffError
from handoff.core.texts import shorten

_UNFINISHED = ".tmp"


def write_whole(path: Path, text: str, error: type[HandoffError]) -> None:
    """Replace a file's text; whoever reads it, or pulls the plug, finds the old or the new one.

    A device or a pipe cannot be replaced: it is written to.

    Args:
        path: In a folder that exists.
        text: Written as UTF-8.
        error: What to raise.

    Raises:
        HandoffError: Of the type `error`; the file is as it was.
    """
    written: Path | None = None
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="")
            return
        target = path.resolve()
        # A read-only file in a writable folder would be replaced all the same.
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(None, "it is read-only")
        data = text.encode()
        written = _beside(target)
        _write_through(written, data)
        written.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        written.replace(target)
    except (OSError, ValueError, RuntimeError) as failure:
        _remove(written)
        name = shorten(str(path), 200)
        reason = getattr(failure, "strerror", None) or shorten(str(failure), 80)
        raise error(f"{name} cannot be written ({reason}): choose another place.") from None


def keep_copy(path: Path, error: type[HandoffError]) -> None:
    """Copy a file beside itself, as .bak, before it is replaced; nothing where there is none.

    Raises:
        HandoffError: Of the type `error`; nothing was changed.
    """
    written: Path | None = None
    try:
        if path.is_file() or path.is_dir():
            data = path.read_bytes()
            kept = path.with_name(f"{path.name}.bak")
            written = _beside(kept)
            _write_through(written, data)
            shutil.copystat(path, written)
            written.replace(kept)
    except OSError as failure:
        _remove(written)
        name, reason = shorten(str(path), 200), failure.strerror or failure
        raise error(f"{name} cannot be copied ({reason}): choose another place.") from None


def same_file(one: Path, other: Path) -> bool:
    """Tell whether two names lead to one file, through links of either kind too."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def remove_unfinished(path: Path) -> None:
    """Remove what a killed process left beside a file; nobody else may be writing it."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        target = path.resolve()
        for left in target.parent.glob(f".{glob.escape(target.name)}.*{_UNFINISHED}"):
            left.unlink()


def _beside(target: Path) -> Path:
    """Return a new file in the same folder, to be renamed."""
    handle, written = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name}.", suffix=_UNFINISHED
    )
    os.close(handle)
    return Path(written)


def _write_through(path: Path, data: bytes) -> None:
    """Write a file to the disk itself."""
    with path.open("r+b") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _remove(written: Path | None) -> None:
    if written is not None:
        with contextlib.suppress(OSError):
            written.unlink()
