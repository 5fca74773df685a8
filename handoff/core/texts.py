"""Texts: what is embedded, what was typed, and what is safe to print."""

import csv
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from types import SimpleNamespace

from handoff.core.errors import QueryError
from handoff.core.model import Agent

LONGEST_QUERY = 4_000

# Possessive, and with a dot between its runs of digits: one pass, however long a text is.
_NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_FORMULA_STARTS = frozenset("=+-@")
# Where a spreadsheet may begin another cell, whatever is quoted.
_CELL_ENDS = re.compile(r"([;\t\r\n])")
# Letters and symbols that show nothing: fillers of Hangul, and the blank of Braille.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Control characters steer a terminal, and those that override direction disguise a text.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LAYOUT = frozenset("\t\n")

TEXT_VERSION = 1
"""Part of every cache key: raise it whenever what is embedded of the same words changes."""

SHORTEST_PHRASE = 3
_PHRASE_ENDS = re.compile(r"[,.;:](?:\s+|$)")
_PHRASE_FOLLOWS = re.compile(r"[,.;:]\s+\S")


def agent_text(agent: Agent) -> str:
    """Return what is embedded for an agent.

    With the name in front the right agent is found more often than with the description alone,
    by 0 to 15 points (`docs/embedded-model.md`).
    """
    return f"{agent.name}: {agent.description}"


def agent_texts(agent: Agent) -> tuple[str, ...]:
    """Return all that is embedded for an agent: `agent_text`, and its phrases if it has several.

    A description is split where a comma, full stop, semicolon or colon ends a word; what is
    shorter than three characters says nothing.
    """
    whole = agent_text(agent)
    # Of a hundred thousand descriptions of one phrase none is worth more than a look.
    if not _PHRASE_FOLLOWS.search(agent.description):
        return (whole,)
    pieces = (piece.strip() for piece in _PHRASE_ENDS.split(agent.description))
    phrases = dict.fromkeys(piece for piece in pieces if len(piece) >= SHORTEST_PHRASE)
    return (whole, *phrases) if len(phrases) > 1 else (whole,)


def parse_query(text: str) -> str:
    """Return a query with line breaks, tabs and other control characters as spaces, ends trimmed.

    Raises:
        QueryError: Nothing is left, it is over 4,000 characters, or it is no valid text.
    """
    # What is printable throughout holds none of them.
    query = (
        text
        if text.isprintable()
        else "".join(
            " " if character.isspace() or unicodedata.category(character) == "Cc" else character
            for character in text
        )
    ).strip()
    if not query:
        raise QueryError("the query is empty", "type what should be routed")
    if len(query) > LONGEST_QUERY:
        raise QueryError(
            f"the query has {len(query):,} characters", f"shorten it to at most {LONGEST_QUERY:,}"
        )
    if not query.isprintable() and any(unicodedata.category(each) == "Cs" for each in query):
        raise QueryError("the query holds bytes that are not UTF-8 text", "type it again")
    return query


def parse_number(text: str) -> float:
    """Return a plain decimal number, or NaN, which is in no range."""
    return float(text) if _NUMBER.fullmatch(text.strip()) else math.nan


def shorten(text: str, most: int = 40) -> str:
    """Return a text fit for a sentence: what cannot be printed is escaped, the rest cut off."""
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text[: most + 1]
    )
    return shown if len(shown) <= most else shown[: most - 1] + "\u2026"


def listed(words: Sequence[str]) -> str:
    """Return at least one word as a list in a sentence: "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def steering_character(text: str) -> str | None:
    """Return the first control or direction-overriding character as its code point, if any."""
    found = _STEERING.search(text)
    return f"U+{ord(found.group()):04X}" if found else None


def terminal_safe(text: str) -> str:
    """Return a text that steers no terminal: escaped as in JSON, which stays the same JSON.

    Line breaks and tabs stay.
    """
    return _STEERING.sub(
        lambda found: found[0] if found[0] in _LAYOUT else f"\\u{ord(found[0]):04x}", text
    )


def formula_safe(text: str) -> str:
    """Return a text that a spreadsheet takes for text: an apostrophe before what starts a formula.

    The rule is that of OWASP's ASVS 1.2.10; numbers below zero stay numbers. It holds for each
    piece between semicolons, tabs and line breaks too, since a spreadsheet may split there.
    """
    return "".join(
        f"'{piece}" if _starts_formula(piece) else piece for piece in _CELL_ENDS.split(text)
    )


def _starts_formula(piece: str) -> bool:
    """Tell whether the first character to be seen, of whatever width, begins a formula."""
    if piece.startswith("-") and not math.isnan(parse_number(piece)):
        return False
    for character in piece:
        if not (unicodedata.category(character)[0] in "CMZ" or character in _BLANKS):
            return unicodedata.normalize("NFKC", character)[0] in _FORMULA_STARTS
    return False


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV with plain line ends, whatever line breaks their cells hold."""
    lines: list[str] = []
    # A writer quotes the line breaks that it ends lines with, and no others: it gets both.
    csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n").writerows(rows)
    return "".join(f"{line[:-2]}\n" for line in lines)
