"""Rows of numbers out of a reply; the SDK checks nothing of them."""

import base64
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from handoff.core.errors import ProviderReplyError
from handoff.core.model import FloatArray
from handoff.core.scoring import unit

_MOST_DIGITS = 9
"""Of a row's number; no reply has that many rows."""


def read_vectors(
    data: Sequence[Any], texts: int, expect: Callable[[int], int], who: str
) -> list[FloatArray | None]:
    """Return the unit row of each text, in order; None where a vector has no meaning.

    Args:
        data: The reply's rows.
        texts: How many were asked for.
        expect: Says of a vector's length how long it should be.
        who: Sent them, as a sentence begins with it.

    Raises:
        ProviderReplyError: There are too few, too many, or all are of another length.
        ValueError: Something is no row of numbers; so does TypeError.
    """
    if len(data) != texts:
        raise ProviderReplyError(
            f"{who} returned {len(data)} vectors for {texts} texts: try again."
        )
    # What is too large for 32 bits has no meaning, which is told in our words, not in numpy's.
    with np.errstate(all="ignore"):
        return _read(_in_order(data), expect)


def _read(data: Sequence[Any], expect: Callable[[int], int]) -> list[FloatArray | None]:
    """Return the unit row of each vector; see `read_vectors`."""
    rows = [_row(each.embedding) for each in data]
    usual = Counter(map(len, rows)).most_common(1)[0][0]
    length = expect(usual)
    if all(len(row) != length for row in rows):
        raise ProviderReplyError(tell_length(usual, length))
    sound = [bool(len(row) == length and np.isfinite(row).all() and row.any()) for row in rows]
    if not any(sound):
        return [None] * len(rows)
    units = iter(unit(np.stack([row for row, has in zip(rows, sound, strict=True) if has])))
    return [_meant(next(units)) if has else None for has in sound]


def _meant(row: FloatArray) -> FloatArray | None:
    """Return a unit row; None for what is left of one whose length was beyond all numbers."""
    return row if row.any() else None


def _in_order(data: Sequence[Any]) -> Sequence[Any]:
    """Return a reply's rows in the order of their numbers, where these are one run.

    Servers begin at 1, go on from the batch before, write digits as a text, or leave a 0 out as Go
    does. Where the numbers tell no order, the rows stand in that of the texts.
    """
    numbers = [_number(getattr(row, "index", None)) for row in data]
    if numbers.count(None) == 1:
        numbers[numbers.index(None)] = 0
    told = [number for number in numbers if number is not None]
    first = min(told, default=0)
    if set(told) != set(range(first, first + len(data))):
        return data
    return [data[at] for at in sorted(range(len(data)), key=told.__getitem__)]


def _number(index: object) -> int | None:
    """Return a row's number; None where it has none."""
    if isinstance(index, str) and index.isdecimal() and len(index) <= _MOST_DIGITS:
        return int(index)
    return index if isinstance(index, int) else None


def tell_length(length: int, expected: int) -> str:
    """Say that vectors are not as long as others of the same model."""
    return (
        f"The model's vectors have {length} numbers where {expected} were expected: set "
        f"HANDOFF_OPENAI_DIMENSIONS={length}."
    )


def _row(embedding: str | Sequence[float]) -> FloatArray:
    """Read a vector in either encoding; servers that know no base64 answer lists.

    Raises:
        ValueError: It is no row of numbers; so does TypeError.
    """
    if isinstance(embedding, str):
        row = np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
    else:
        row = np.asarray(embedding, dtype=np.float32)
    if row.ndim != 1 or not len(row):
        raise ValueError("a vector has no numbers")
    return row
