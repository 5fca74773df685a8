"""Rows of numbers out of a reply; the SDK checks nothing of them."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from handoff.core.errors import ProviderReplyError
from handoff.core.model import FloatArray
from handoff.core.scoring import unit


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
        ProviderReplyError: There are too few, too many, or some of another length.
        ValueError: Something is no row of numbers; so does TypeError.
    """
    if len(data) != texts:
        raise ProviderReplyError(
            f"{who} returned {len(data)} vectors for {texts} texts: try again."
        )
    rows = [_row(each.embedding) for each in _in_order(data, who)]
    sound = [bool(np.isfinite(row).all() and row.any()) for row in rows]
    for row in rows:
        length = expect(len(row))
        if len(row) != length:
            raise ProviderReplyError(tell_length(len(row), length))
    if not any(sound):
        return [None] * texts
    units = iter(unit(np.stack([row for row, has in zip(rows, sound, strict=True) if has])))
    return [next(units) if has else None for has in sound]


def _in_order(data: Sequence[Any], who: str) -> Sequence[Any]:
    """Return a reply's rows in the order of their numbers; as they come where none is told."""
    numbers = [getattr(row, "index", None) for row in data]
    if set(numbers) == set(range(len(data))):
        return sorted(data, key=lambda row: int(row.index))
    if set(numbers) <= {0} or set(numbers) == {None}:
        return data
    raise ProviderReplyError(f"{who} numbered its vectors in no order: try again.")


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
