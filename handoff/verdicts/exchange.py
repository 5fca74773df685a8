"""Verdicts as files: CSV for spreadsheets and JSON; both hold the whole log, undone entries too."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from handoff.core.texts import csv_text, formula_safe, parse_number, shorten
from handoff.files.csv_table import Row, Shape, parse_rows
from handoff.verdicts.record import (
    FIELDS,
    Entry,
    RecordError,
    VerdictsError,
    entry_to_record,
    parse_record,
)

SCHEMA = 1
SHAPE = Shape(required=FIELDS)
_NESTED = ("scores", "policy")


def format_csv(entries: Iterable[Entry]) -> str:
    """Return a log as CSV in which no cell is a formula; `parse_file` reads it back."""
    records = map(entry_to_record, entries)
    return csv_text([FIELDS, *([_cell(each.get(name)) for name in FIELDS] for each in records)])


def format_json(entries: Iterable[Entry]) -> str:
    """Return a log as JSON; `parse_file` reads it back."""
    records = [entry_to_record(entry) for entry in entries]
    document = {"schema": SCHEMA, "entries": records}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def parse_file(data: bytes, source: str) -> list[Entry]:
    """Read what `format_csv` or `format_json` made.

    Args:
        data: The file's bytes; one that begins with a brace is JSON.
        source: Its name for complaints.

    Raises:
        VerdictsError: At the first thing that is wrong; names the place.
    """
    is_json = data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{", b"["))
    return list(_parse_json(data, source) if is_json else _parse_csv(data, source))


def _parse_json(data: bytes, source: str) -> Iterator[Entry]:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as failure:
        raise VerdictsError(
            f"{source} is no valid JSON ({shorten(str(failure), 120)}): export it again."
        ) from None
    records = document.get("entries") if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise VerdictsError(f"{source} holds no list of entries: export it again.")
    if document.get("schema") != SCHEMA:
        raise VerdictsError(
            f"{source} has schema {shorten(str(document.get('schema')))}, known here is {SCHEMA}: "
            "update handoff."
        )
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise VerdictsError(f"{source}, entry {number}: it must be an object.")
        try:
            yield parse_record(record)
        except RecordError as error:
            raise VerdictsError(
                f"{source}, entry {number} ({error.field}): {error.expected}."
            ) from None


def _parse_csv(data: bytes, source: str) -> Iterator[Entry]:
    for row in parse_rows(data, source, VerdictsError, SHAPE):
        try:
            yield parse_record({name: _value(row, name) for name in FIELDS})
        except RecordError as error:
            raise row.complaint(VerdictsError, error.field, error.expected) from None


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever a record holds
    if value is None:
        return ""
    if isinstance(value, str):
        return _guard(value)
    # repr of a float is the shortest text that reads back as the same float.
    # A semicolon is a cell's end to some spreadsheets; in JSON it stands in texts only.
    return json.dumps(value, ensure_ascii=False).replace(";", "\\u003b")


def _value(row: Row, name: str) -> object:
    cell = row[name]
    if not cell:
        return None
    if name == "threshold":
        return parse_number(cell)
    if name in _NESTED:
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            raise RecordError(name, "it must be JSON, as it was exported") from None
    return _unguard(cell)


def _is_risky(piece: str) -> bool:
    bare = piece.lstrip("'")
    return formula_safe(bare) != bare


def _guard(text: str) -> str:
    """Put an apostrophe before a formula, and before what would read back as a guarded one."""
    return ";".join(f"'{piece}" if _is_risky(piece) else piece for piece in text.split(";"))


def _unguard(cell: str) -> str:
    return ";".join(
        piece[1:] if piece.startswith("'") and _is_risky(piece) else piece
        for piece in cell.split(";")
    )
