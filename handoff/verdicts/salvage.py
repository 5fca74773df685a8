"""What can still be read of a damaged log."""

import json
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

Row = tuple[int | None, bytes, int]
"""A row's number, where it is known, its record, and the record's checksum."""

_SELECT = "SELECT number, record, checksum FROM entries NOT INDEXED ORDER BY number"
_MAGIC = b"SQLite format 3\0"
_PAGE_SIZE, _PAGE_COUNT = slice(16, 18), slice(28, 32)
_BEGINS = b'{"id": "'
# A checksum has at most 33 bits with its sign: SQLite keeps it in so many bytes.
_CHECKSUM_BYTES = (6, 4, 3, 2, 1)
_LONGEST_RECORD = 2**17
_MOST_LOST_PAGES = 2**16
"""A header that tells of more is itself damaged."""


def readable_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a damaged log that stand in it, some of them more than once.

    A copy is read, so that the file stays as it is: from the front, from the end, and then without
    SQLite, which reaches nothing behind a broken page of its index.

    Raises:
        OSError: The file cannot be copied.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".salvage.") as folder:
        copies = []
        for suffix in ("", "-wal"):
            source = path.with_name(path.name + suffix)
            if source.exists():
                copies.append(Path(shutil.copyfile(source, Path(folder) / source.name)))
        pieces = [copy.read_bytes() for copy in copies]
        _pad(copies[0])
        with closing(sqlite3.connect(copies[0])) as connection:
            connection.text_factory = bytes
            for order in ("ASC", "DESC"):
                with suppress(sqlite3.Error):
                    yield from connection.execute(f"{_SELECT} {order}")
    for piece in pieces:
        yield from _carved(piece)


def _pad(path: Path) -> None:
    """Give a file that was cut off its length again: SQLite refuses a shorter one wholly."""
    with path.open("r+b") as file:
        header = file.read(100)
        if header.startswith(_MAGIC):
            # A page of 65,536 bytes is told as 1.
            page_bytes = int.from_bytes(header[_PAGE_SIZE]) or 1
            page_bytes = 65_536 if page_bytes == 1 else page_bytes
            pages = -(-path.stat().st_size // page_bytes)
            told = int.from_bytes(header[_PAGE_COUNT])
            if pages <= told <= pages + _MOST_LOST_PAGES:
                file.truncate(told * page_bytes)


def _carved(piece: bytes) -> Iterator[Row]:
    """Yield each record that its checksum follows, as SQLite lays out a row."""
    at = piece.find(_BEGINS)
    while at >= 0:
        # Quotes inside a record are escaped, so that no other begins within one.
        following = piece.find(_BEGINS, at + 1)
        end = len(piece) if following < 0 else following
        with suppress(ValueError, RecursionError):
            text = piece[at : min(end, at + _LONGEST_RECORD)].decode(errors="surrogateescape")
            _, length = json.JSONDecoder().raw_decode(text)
            record = text[:length].encode(errors="surrogateescape")
            told, checksum = piece[at + len(record) : at + len(record) + 6], zlib.crc32(record)
            if any(int.from_bytes(told[:size]) == checksum for size in _CHECKSUM_BYTES):
                yield None, record, checksum
        at = following
