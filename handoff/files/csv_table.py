"""Reading a CSV file that a person made: every complaint names file, line and column."""

import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from handoff.core.errors import TableError
from handoff.core.texts import shorten

LARGEST_FILE_MB = 64
LONGEST_CELL = 20_000

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_END_OF_CELL = re.compile(r"[,\r\n]")
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_TOO_LONG = f"the cell has over {LONGEST_CELL:,} characters, shorten it"


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a file, in any order.

    Attributes:
        required: Those that the header must name.
        optional: Those that it may.
        old: Former names, still read, that no complaint offers.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    old: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row under a header.

    Attributes:
        source: The file's name, as the user knows it.
        line: The line on which the row begins, from 1.
        cells: By column name; a column that the file leaves out is empty.
        columns: Each column's place in the file, from 1; 0 for one that is left out.
    """

    source: str
    line: int
    cells: Mapping[str, str]
    columns: Mapping[str, int]

    def __getitem__(self, name: str) -> str:
        return self.cells[name]

    def complaint(self, error: type[TableError], name: str, expected: str) -> TableError:
        """Return the error that names this row's cell in column `name`."""
        return error.at(self.source, self.line, self.columns[name], name, expected)


def load_bytes(path: Path, error: type[TableError]) -> bytes:
    """Read a file that is a regular one and not too large.

    Raises:
        TableError: Of the type `error`, naming the file.
    """
    name = shorten(str(path), 200)
    try:
        if path.is_dir():
            raise error(f"{name} is a folder: name a CSV file.")
        if path.exists() and not path.is_file():
            raise error(f"{name} is no regular file: name a CSV file.")
        _check_size(path.stat().st_size, name, error)
        return path.read_bytes()
    except FileNotFoundError:
        raise error(f"{name} does not exist: name a CSV file.") from None
    except (OSError, ValueError) as failure:
        reason = getattr(failure, "strerror", None) or failure
        raise error(f"{name} cannot be read ({reason}): name a CSV file.") from None


def parse_rows(
    data: bytes,
    source: str,
    error: type[TableError],
    shape: Shape,
) -> Iterator[Row]:
    """Yield the rows of a CSV file, blank ones left out.

    Args:
        data: The file: UTF-8 with or without a byte order mark, comma-separated, with a header.
        source: The file's name for complaints.
        error: The type of complaint.
        shape: The columns to expect.

    Raises:
        TableError: Of the type `error`, at the first thing that is wrong.
    """
    records, width, columns = _begin(data, source, error, shape)
    for line, cells in records:
        del cells[max(width, _filled(cells)) :]
        if len(cells) > width:
            raise error.at(
                source,
                line,
                width + 1,
                "",
                f"the row has {len(cells)} cells where the header has {width}, quote a cell that "
                "holds a comma",
            )
        padded = cells + [""] * (width - len(cells))
        row = Row(
            source,
            line,
            {name: padded[at - 1] if at else "" for name, at in columns.items()},
            columns,
        )
        for name in shape.required:
            if columns[name] > len(cells):
                raise row.complaint(error, name, "the row ends before this column, add the cell")
        yield row


def find_columns(
    data: bytes, source: str, error: type[TableError], shape: Shape
) -> Mapping[str, int]:
    """Return each column's place in a CSV file, from 1; 0 for one that is left out.

    Raises:
        TableError: Of the type `error`, where there is no such header; see `parse_rows`.
    """
    return _begin(data, source, error, shape)[2]


def _begin(
    data: bytes, source: str, error: type[TableError], shape: Shape
) -> tuple[Iterator[tuple[int, list[str]]], int, dict[str, int]]:
    """Return the records below the header, how many columns it has, and their places."""
    _check_size(len(data), source, error)
    if data.startswith(_ZIP):
        raise error(f"{source} is a ZIP archive or a spreadsheet: save it as CSV (UTF-8).")
    if data.startswith(_UTF16):
        raise error(f"{source} is UTF-16 text: save it as CSV (UTF-8).")
    # Bytes that are not UTF-8 become lone surrogates, so that their cell can be named.
    text = data.decode("utf-8-sig", errors="surrogateescape")
    records = _records(text, source, error)
    first = next(records, None)
    if first is None:
        raise error(f"{source} is empty: its first line must be {','.join(shape.required)}.")
    line, header = first
    # Spreadsheets leave empty columns behind; they are no mistake.
    width = _filled(header)
    return records, width, _columns(header[:width], line, source, error, shape)


def _check_size(size_bytes: int, name: str, error: type[TableError]) -> None:
    if size_bytes > LARGEST_FILE_MB * 2**20:
        raise error(f"{name} is larger than {LARGEST_FILE_MB} MB: split it or leave rows out.")


def _filled(cells: Sequence[str]) -> int:
    """Return how many cells there are up to the last that is not blank."""
    return max((at for at, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def _records(text: str, source: str, error: type[TableError]) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank, with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            column, expected = _broken_cell(text, line)
            raise error.at(source, line, column, "", expected) from None
        if not any(cell.strip() for cell in cells):
            continue
        for column, cell in enumerate(cells, start=1):
            if len(cell) > LONGEST_CELL:
                raise error.at(source, line, column, "", _TOO_LONG)
            if "\0" in cell:
                raise error.at(
                    source,
                    line,
                    column,
                    "",
                    "the cell holds a NUL byte, save the file as CSV (UTF-8)",
                )
            if _NOT_UTF8.search(cell):
                raise error.at(
                    source, line, column, "", "the cell is not UTF-8, save the file as CSV (UTF-8)"
                )
        yield line, cells


def _broken_cell(text: str, line: int) -> tuple[int, str]:
    """Return the column of the cell that stopped the reader in the record at `line`, and why."""
    at = sum(len(one) for one in itertools.islice(io.StringIO(text, newline=""), line - 1))
    column = 1
    while True:
        if text[at : at + 1] == '"':
            end = at + 1
            while (end := text.find('"', end)) >= 0 and text[end + 1 : end + 2] == '"':
                end += 2
            if end < 0:
                return column, "the quote that opens the cell is never closed, close it"
            # Two quotes stand for one.
            if end - at - 1 - text.count('""', at + 1, end) > LONGEST_CELL:
                return column, _TOO_LONG
            end += 1
        else:
            found = _END_OF_CELL.search(text, at)
            end = found.start() if found else len(text)
            if end - at > LONGEST_CELL:
                return column, _TOO_LONG
        if text[end : end + 1] != ",":
            return column, "text follows the closing quote, double each quote inside a quoted cell"
        at = end + 1
        column += 1


def _columns(
    header: Sequence[str],
    line: int,
    source: str,
    error: type[TableError],
    shape: Shape,
) -> dict[str, int]:
    """Return each known column's place from 1, 0 for an optional one that is left out."""
    known = (*shape.required, *shape.optional)
    columns: dict[str, int] = {}
    for column, cell in enumerate(header, start=1):
        name = cell.strip().lower()
        if name in columns:
            raise error.at(source, line, column, name, "the header names it twice, remove one")
        if ";" in name or "\t" in cell:
            raise error.at(source, line, column, "", "separate columns by commas")
        if name not in known and name not in shape.old:
            raise error.at(
                source,
                line,
                column,
                shorten(name),
                f"the header may name {', '.join(known)}, rename or remove this column",
            )
        columns[name] = column
    for name in shape.required:
        if name not in columns:
            raise error.at(
                source,
                line,
                len(header) + 1,
                name,
                f"the header lacks this column, it must name {', '.join(shape.required)}",
            )
    return {name: columns.get(name, 0) for name in (*known, *shape.old)}
