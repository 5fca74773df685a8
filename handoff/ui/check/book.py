"""The log of verdicts as the page reads it: shared by all visitors, whichever process wrote it."""

import threading
from pathlib import Path

import streamlit as st

from handoff.ui.opened import Opened
from handoff.verdicts.conclusions import standing
from handoff.verdicts.log import VerdictLog
from handoff.verdicts.record import Entry, Verdict


class Book:
    """What stands in a log, read as it grows, by whichever process."""

    def __init__(self, log: VerdictLog) -> None:
        """Read nothing yet."""
        self.log = log
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._standing: tuple[Verdict, ...] = ()
        self._file: tuple[int, int] | None = None
        self._last = 0

    def verdicts(self) -> tuple[Verdict, ...]:
        """Return the verdicts that stand, oldest first; raises VerdictsError."""
        with self._lock:
            new, last = self.log.read(self._last)
            if self.log.file != self._file:
                # Another file took its place: its numbers begin anew.
                new, last = self.log.read()
                self._entries, self._standing, self._file = [], (), self.log.file
            if new:
                self._entries += new
                self._standing = tuple(standing(self._entries))
            self._last = last
            return self._standing

    def entries(self) -> list[Entry]:
        """Return the whole log, as it is exported; raises VerdictsError."""
        self.verdicts()
        return list(self._entries)


def open_book(opened: Opened) -> Book:
    """Return the log that all visitors share."""
    return _book(opened.settings.state_dir)


@st.cache_resource(show_spinner=False, on_release=lambda book: book.log.close())
def _book(folder: Path) -> Book:
    return Book(VerdictLog(folder))
