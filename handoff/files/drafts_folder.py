"""Where drafts are kept: a folder with one file for each open page, bounded, and swept by age.

A file's name begins with a fingerprint of the visit, which the browser alone knows, so that nobody
who reads the folder can take a visit over. It ends with the name of the page that writes it. A
page that is opened anew takes over what its visit left: it renames the file, which only one can.
"""

import hashlib
import os
import time
from collections.abc import Callable, Container
from contextlib import suppress
from pathlib import Path

from handoff.core.errors import DraftsError
from handoff.files.drafts import Drafts, format_drafts, parse_drafts
from handoff.files.whole_file import write_whole

FOLDER_NAME = "drafts"
KEPT_SECONDS = 24 * 60 * 60.0
MOST_BYTES = 16 * 2**20
"""Of one open page."""
MOST_BYTES_IN_ALL = 256 * 2**20

_FRESH_SECONDS = 60 * 60.0
"""The file of a page that is in use is marked as fresh so often."""
_NAMED_BY = 32


class DraftsFolder:
    """The drafts of one open page, in a folder that all visitors' pages share."""

    def __init__(
        self, folder: Path, visit: str, page: str, clock: Callable[[], float] = time.time
    ) -> None:
        """Read nothing yet.

        Args:
            folder: Made when first needed.
            visit: The secret that a browser keeps across reload and restart.
            page: What tells this open page from every other one: a name for a file.
            clock: The time in seconds, as a file's own.
        """
        self._folder = folder
        self._mine = hashlib.sha256(visit.encode()).hexdigest()[:_NAMED_BY]
        self._path = folder / f"{self._mine}.{page}.json"
        self._clock = clock

    def take_over(self, live: Container[str] = ()) -> Drafts | None:
        """Return what this visit left behind, the newest; from now on it is this page's.

        Args:
            live: Pages that seem to be open: what they keep is taken over last. One whose
                connection broke seems so for a while; one that is open keeps its drafts anew.

        Raises:
            DraftsError: It cannot be read; it is gone.
        """
        self._sweep()

        def later(path: Path) -> tuple[bool, float]:
            return path.name.split(".")[1] in live, -_changed(path)

        for path in sorted(self._folder.glob(f"{self._mine}.*.json"), key=later):
            try:
                path.rename(self._path)
                text = self._path.read_text(encoding="utf-8")
            except OSError:
                # Another page of the visit was quicker.
                continue
            try:
                return parse_drafts(text)
            except DraftsError:
                self._path.unlink(missing_ok=True)
                raise
        return None

    def keep(self, drafts: Drafts) -> None:
        """Keep drafts in the place of those that were kept before; none leave no file.

        Raises:
            DraftsError: They cannot be written, or are too large.
        """
        if drafts == Drafts():
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            return
        text = format_drafts(drafts)
        others = sum(_size(path) for path in self._folder.glob("*.json") if path != self._path)
        if len(text) > MOST_BYTES:
            raise DraftsError(
                f"What you uploaded and edited is more than {MOST_BYTES // 2**20} MB, so a reload "
                "of the page would lose it: save or download it before you leave."
            )
        if others + len(text) > MOST_BYTES_IN_ALL:
            raise DraftsError(
                "Other visitors' drafts take all the room there is, so a reload of the page would "
                "lose yours: save or download them before you leave."
            )
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            write_whole(self._path, text, DraftsError)
        except (OSError, DraftsError):
            # Where the server keeps its state is not for visitors to know.
            raise DraftsError(
                "The server cannot write what you edit to its disk, so a reload of the page would "
                "lose it: save or download it before you leave."
            ) from None

    def is_kept(self) -> bool:
        """Tell whether the file is there, and mark it as in use."""
        changed = _changed(self._path)
        if changed and changed < self._clock() - _FRESH_SECONDS:
            with suppress(OSError):
                os.utime(self._path, (self._clock(), self._clock()))
        return bool(changed)

    def _sweep(self) -> None:
        """Remove what nobody came back for, and what a killed process left half written."""
        oldest = self._clock() - KEPT_SECONDS
        with suppress(OSError):
            for path in self._folder.iterdir():
                if 0 < _changed(path) < oldest:
                    path.unlink(missing_ok=True)


def _changed(path: Path) -> float:
    """Return when a file was last written; 0 where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
