"""The rows of a batch: read one after the other, a bad one kept beside the good ones."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handoff.core.errors import BatchError
from handoff.core.texts import shorten

QUERY = "query"
LONGEST_RECORD = 100_000
"""Characters of a row; a quote that is never closed costs no more memory than this."""

_FOREIGN = (b"PK\x03\x04", b"PK\x05\x06", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class InputRow:
    """One row of a batch.

    Attributes:
        line: The line on which it begins, from 1.
        cells: One a column of the input.
        query: The text to route; empty where `reason` is not.
        reason: Why the row cannot be read; empty where it can.
    """

    line: int
    cells: tuple[str, ...]
    query: str
    reason: str = ""


def open_input(path: Path) -> io.BufferedReader:
    """Open a regular file.

    Raises:
        BatchError: It cannot be opened.
    """
    name = shorten(str(path), 200)
    try:
        if path.exists() and not path.is_file():
            raise BatchError(f"{name} is no regular file: name a CSV file.")
        return path.open("rb")
    except FileNotFoundError:
        raise BatchError(f"{name} does not exist: name a CSV file.") from None
    except (OSError, ValueError) as failure:
        reason = getattr(failure, "strerror", None) or failure
        raise BatchError(f"{name} cannot be read ({reason}): name a CSV file.") from None


class InputFile:
    """A CSV file of queries, read as a stream: memory does not grow with its length.

    Raises:
        BatchError: It cannot be opened, or its header cannot be used.
    """

    def __init__(self, path: Path, reserved: tuple[str, ...]) -> None:
        """Open the file and read its header.

        Args:
            path: CSV (UTF-8) with a column `query`; other columns are carried along.
            reserved: Names that the output adds.
        """
        self._name = shorten(str(path), 200)
        self._bytes = open_input(path)
        self._size_bytes = path.stat().st_size
        self._records = _Records(self._bytes)
        try:
            self.columns = self._header(reserved)
        except BatchError:
            self.close()
            raise

    @property
    def read_share(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return min(self._bytes.tell() / max(self._size_bytes, 1), 1.0)

    def __iter__(self) -> Iterator[InputRow]:
        """Yield the rows under the header, blank ones left out."""
        width, query = len(self.columns), self.columns.index(QUERY)
        for line, cells, unreadable in self._records:
            filled = any(cell.strip() for cell in cells)
            if not unreadable and not filled:
                continue
            reason = unreadable or self._excess(cells)
            padded = tuple(cells[:width]) + ("",) * (width - len(cells))
            yield InputRow(line, padded, "" if reason else padded[query], reason)

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()

    def _excess(self, cells: list[str]) -> str:
        """Say that a row is wider than the header; empty cells at its end are no mistake."""
        width = len(self.columns)
        if not any(cell.strip() for cell in cells[width:]):
            return ""
        return (
            f"the row has {len(cells)} cells where the header has {width}, quote a cell that holds "
            "a comma"
        )

    def _header(self, reserved: tuple[str, ...]) -> tuple[str, ...]:
        if self._bytes.peek(4)[:4].startswith(_FOREIGN):
            raise BatchError(f"{self._name} is no UTF-8 text: save it as CSV (UTF-8).")
        record = next(self._records, None)
        if record is None:
            raise BatchError(f"{self._name} is empty: its header must name the column {QUERY}.")
        line, cells, reason = record
        if reason:
            raise BatchError.at(self._name, line, 1, "", reason)
        names = [cell.strip().lower() for cell in cells]
        while names and not names[-1]:
            names.pop()
        for column, name in enumerate(names, start=1):
            if name in names[: column - 1]:
                expected = "the header names it twice, remove one"
            elif name in reserved:
                expected = "the output adds a column of this name, rename this one"
            else:
                continue
            raise BatchError.at(self._name, line, column, shorten(name), expected)
        if QUERY not in names:
            raise BatchError.at(
                self._name, line, len(names) + 1, QUERY, "the header lacks this column, add it"
            )
        return tuple(names)


class _Records:
    """The records of a CSV stream, as line, cells and what is wrong.

    A record that cannot be read costs its first line only: reading goes on with the next one.
    """

    def __init__(self, data: io.BufferedReader) -> None:
        # Bytes that are not UTF-8 become lone surrogates, so that their row can be named.
        self._text = io.TextIOWrapper(
            data, encoding="utf-8-sig", errors="surrogateescape", newline=""
        )
        self._again: list[str] = []
        self._taken: list[str] = []
        self._line = 1

    def __iter__(self) -> Iterator[tuple[int, list[str], str]]:
        return self

    def __next__(self) -> tuple[int, list[str], str]:
        """Return the next record."""
        line = self._line
        self._taken = []
        try:
            cells = next(csv.reader(self._lines(), strict=True))
        except csv.Error:
            self._again = self._taken[1:] + self._again
            self._line += 1
            return line, [], "the row is no valid CSV, close each quote and double those inside"
        self._line += len(self._taken)
        if any("\0" in cell or _surrogate(cell) for cell in cells):
            cells = [_readable(cell) for cell in cells]
            return line, cells, "the row is not UTF-8 text, save the file as CSV (UTF-8)"
        return line, cells, ""

    def _lines(self) -> Iterator[str]:
        size = 0
        while True:
            line = self._again.pop(0) if self._again else self._text.readline(LONGEST_RECORD)
            if not line:
                return
            self._taken.append(line)
            size += len(line)
            if size >= LONGEST_RECORD:
                raise csv.Error
            yield line


def _surrogate(cell: str) -> bool:
    return not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell)


def _readable(cell: str) -> str:
    return cell.encode("utf-8", "replace").decode().replace("\0", "?")
