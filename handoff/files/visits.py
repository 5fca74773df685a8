"""What a visitor of the page had begun, kept on the server's disk until they come back.

A visitor is known by a secret that only their browser holds; the disk holds its hash, so that
whoever can list the folder cannot visit in another's name.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from handoff.core.errors import SettingsError
from handoff.files.whole_file import write_whole

LONGEST_VISIT = 4_000_000
"""So many characters of one visitor are kept."""
MOST_VISITS = 500
REST_SECONDS = 86_400
"""What nobody came back to for so long is removed."""


class Visits:
    """Texts by visitor and name."""

    def __init__(self, folder: Path) -> None:
        """Read nothing yet; the folder is made when something is kept."""
        self._folder = folder

    def load(self, secret: str) -> dict[str, str]:
        """Return what was kept for a visitor; nothing where that cannot be read."""
        try:
            held = json.loads(self._path(secret).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(held, dict):
            return {}
        return {str(name): text for name, text in held.items() if isinstance(text, str)}

    def keep(self, secret: str, texts: Mapping[str, str]) -> None:
        """Keep texts in the place of what was kept under their names; remove forgotten visits.

        Raises:
            SettingsError: They are too long, or cannot be written; what was kept stands.
        """
        held = json.dumps(self.load(secret) | dict(texts))
        if len(held) > LONGEST_VISIT:
            raise SettingsError(
                "This is used now but too long to outlive a reload: upload it as a file to keep it."
            )
        path = self._path(secret)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            raise SettingsError(
                f"{self._folder} cannot be made ({failure.strerror}): set HANDOFF_STATE_DIR to "
                "another folder."
            ) from None
        write_whole(path, held, SettingsError)
        self._sweep(path)

    def _sweep(self, kept: Path) -> None:
        """Remove what nobody came back to, and the oldest of what is too many."""
        ages = {}
        for path in self._folder.glob("*.json"):
            with suppress(OSError):
                ages[path] = path.stat().st_mtime
        newest = sorted(ages, key=ages.__getitem__, reverse=True)
        before = time.time() - REST_SECONDS
        for place, path in enumerate(newest):
            if path != kept and (place >= MOST_VISITS or ages[path] < before):
                path.unlink(missing_ok=True)

    def _path(self, secret: str) -> Path:
        return self._folder / f"{hashlib.sha256(secret.encode()).hexdigest()}.json"
