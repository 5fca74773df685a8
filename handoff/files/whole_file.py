"""Writing a file whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from handoff.core.errors import HandoffError
from handoff.core.texts import shorten


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
    written: str | None = None
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="")
            return
        target = path.resolve()
        # A read-only file in a writable folder would be replaced all the same.
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(None, "it is read-only")
        handle, written = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(written).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        Path(written).replace(target)
    except (OSError, ValueError, RuntimeError) as failure:
        if written is not None:
            with contextlib.suppress(OSError):
                Path(written).unlink()
        name = shorten(str(path), 200)
        reason = getattr(failure, "strerror", None) or shorten(str(failure), 80)
        raise error(f"{name} cannot be written ({reason}): choose another place.") from None


def keep_copy(path: Path, error: type[HandoffError]) -> None:
    """Copy a file beside itself, as .bak, before it is replaced; nothing where there is none.

    Raises:
        HandoffError: Of the type `error`; nothing was changed.
    """
    try:
        if path.exists():
            shutil.copy2(path, path.with_name(f"{path.name}.bak"))
    except OSError as failure:
        name, reason = shorten(str(path), 200), failure.strerror or failure
        raise error(f"{name} cannot be copied ({reason}): choose another place.") from None
