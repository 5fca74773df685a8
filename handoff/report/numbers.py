"""Numbers as people read them; plain text, whoever shows it escapes it."""

import math
from collections.abc import Sequence

import numpy as np

_FINE_GAP = 0.01
_MOST_DECIMALS = 8
_SHORT_MS = 0.1
_LONG_MS = 10
_SMALLEST_P = 0.001


def rounded(number: float, decimals: int) -> str:
    """Format a number; a rounded zero has no sign."""
    return f"{number:.{decimals}f}" if round(number, decimals) else f"{0:.{decimals}f}"


def together(value: float, limit: float) -> tuple[str, str]:
    """Format two numbers with two decimals, or with as many as it takes to tell them apart.

    Numbers that are one and the same score, in the precision of scores, read the same.
    """
    if _same_score(value, limit):
        return rounded(limit, 2), rounded(limit, 2)
    return _told_apart(value, limit, 2 if abs(value - limit) >= _FINE_GAP else 3)


def beside(values: Sequence[float], limit: float) -> tuple[list[str], str]:
    """Format numbers and a limit, each with as many decimals as it takes to tell the two apart."""
    pairs = [
        together(value, limit) if _same_score(value, limit) else _told_apart(value, limit, 2)
        for value in values
    ]
    # The closest number asks for the most.
    return [one for one, _ in pairs], max((two for _, two in pairs), key=len)


def distance(value: float, limit: float) -> str:
    """Format how far a number is from a limit, with its sign; only no distance reads as zero."""
    if _same_score(value, limit):
        return "+0.00"
    gap = value - limit
    decimals = 2 if abs(gap) >= _FINE_GAP else 3
    while decimals < _MOST_DECIMALS and float(rounded(gap, decimals)) == 0:
        decimals += 1
    return f"{gap:+.{decimals}f}"


def milliseconds(ms: float) -> str:
    """Format a duration so that a short one is not zero."""
    if ms < _SHORT_MS:
        return "<0.1 ms"
    return f"{ms:.1f} ms" if ms < _LONG_MS else f"{ms:,.0f} ms"


def percent(share: float) -> str:
    """Format a share; one that does not exist is a dash."""
    return "\u2013" if math.isnan(share) else f"{100 * share:.1f} %"


def decimal(share: float) -> str:
    """Format a share with three decimals; one that does not exist is a dash."""
    return "\u2013" if math.isnan(share) else f"{share:.3f}"


def apart(share: float, limit: float) -> tuple[str, str]:
    """Format a share and a limit in percent, with as many decimals as tell them apart."""
    one, other = together(100 * share, 100 * limit)
    return f"{one} %", f"{other} %"


def points(after: float, before: float) -> str:
    """Format how far a share moved, in percentage points."""
    if math.isnan(after) or math.isnan(before):
        return "\u2013"
    return f"{100 * (after - before):+.1f} points"


def counted(number: int, what: str) -> str:
    """Format a number of things; their plural is a regular one."""
    if number == 1:
        return f"1 {what}"
    return f"{number:,} {what[:-1]}ies" if what.endswith("y") else f"{number:,} {what}s"


def p_value(value: float) -> str:
    """Format a p-value; a very small one has a bound."""
    return f"p < {_SMALLEST_P}" if value < _SMALLEST_P else f"p = {value:.3f}"


def _told_apart(value: float, limit: float, decimals: int) -> tuple[str, str]:
    while decimals < _MOST_DECIMALS and float(rounded(value, decimals)) == float(
        rounded(limit, decimals)
    ):
        decimals += 1
    return rounded(value, decimals), rounded(limit, decimals)


def _same_score(one: float, other: float) -> bool:
    return bool(np.float32(one) == np.float32(other))
