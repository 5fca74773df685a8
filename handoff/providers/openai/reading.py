"""Tags out of what a chat model wrote, however it wrote them down.

A server that keeps to a schema answers `{"tags": ["a", "b"]}`. Others put that into a fence or
between sentences, write a bare list, objects with a name, or lines. What is known of it is kept;
whatever is no tag of the vocabulary is left out. Time and memory are linear in the reply.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from handoff.core.tagging import MOST_TAGS

_MOST_READ = 2**16
"""Characters; five tags take a few hundred."""

_MOST_CHOSEN = 2 * MOST_TAGS
"""Who names more, and all that there are or the first of them in order, repeats the list."""

_LIST_KEYS = ("tags", "tag")
_NAME_KEYS = ("name", "label", "value", "title", "id")
_NO = frozenset({"", "false", "no", "none", "null", "0"})
_NOTHING = frozenset({"none", "nothing", "n/a", "null", "no tags", "no tag fits"})

_BRACKET = re.compile(r"[\[\]{}\"]")
_OPENING = re.compile(r"[\[{]")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_QUOTED = re.compile(r'"([^"\\\n]*)"|\'([^\'\\\n]*)\'')
_BREAKS = re.compile(r"[,;\n\u3001\uff0c]")
_SEPARATORS = re.compile(r"[\s_\-]+")
_NUMBERED = re.compile(r"^\s*(?:\d{1,3}[.)]|[-*\u2022+])\s+")
_AROUND = " \t\r\n\"'`*_.:()[]{}<>\u201c\u201d\u2018\u2019"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says of tags.

    Attributes:
        tags: Of the vocabulary, in the reply's order, five at most.
        strangers: How many names stood before the fifth that are in no vocabulary.
    """

    tags: tuple[str, ...]
    strangers: int = 0


def read_tags(text: str, vocabulary: Sequence[str]) -> Reading | None:
    """Return the tags that a reply names; None where nothing in it looks like an answer.

    Args:
        text: The reply, without its thinking.
        vocabulary: What may be chosen.
    """
    text = text[:_MOST_READ].strip()
    known = _Known(vocabulary)
    with_strangers: Reading | None = None
    is_repeated = False
    for value in _values(text):
        found = known.read(_spoken(value, known))
        if found is None:
            is_repeated = True
            continue
        if found.tags:
            return found
        if found.strangers or known.is_empty(value):
            with_strangers = with_strangers or found
    if with_strangers is not None or is_repeated:
        return with_strangers
    if text.strip(_AROUND).casefold() in _NOTHING:
        return Reading(())
    return known.read_lines(text)


class _Known:
    """A vocabulary, to be looked up as people write: in other letters, with other joins."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._vocabulary = tuple(vocabulary)
        self._exact = {tag.casefold(): tag for tag in vocabulary}
        self._loose: dict[str, str | None] = {}
        for tag in vocabulary:
            form = _loose(tag)
            # Two tags that differ by a join alone must be written as they are.
            self._loose[form] = None if form in self._loose else tag

    def tag(self, name: str) -> str | None:
        """Return the tag that a name means."""
        folded = name.strip().casefold()
        return self._exact.get(folded) or self._loose.get(_loose(folded))

    def read(self, names: Iterator[str]) -> Reading | None:
        """Look names up and take five tags; None where the vocabulary is said again."""
        tags: dict[str, None] = {}
        strangers = 0
        for name in names:
            whole = self.tag(name)
            parts = [whole] if whole else [self.tag(part) for part in _BREAKS.split(name)]
            found = [tag for tag in parts if tag is not None]
            if len(tags) < MOST_TAGS:
                strangers += not found and name.strip().casefold() not in _NOTHING
            tags.update(dict.fromkeys(found))
        return None if self._repeats(tags) else Reading(tuple(tags)[:MOST_TAGS], strangers)

    def _repeats(self, tags: dict[str, None]) -> bool:
        """Tell whether tags are the vocabulary said again, or its beginning, and no choice."""
        named = tuple(tags)
        is_all = len(named) == len(self._vocabulary) or named == self._vocabulary[: len(named)]
        return len(named) > _MOST_CHOSEN and is_all

    def is_empty(self, value: Any) -> bool:  # noqa: ANN401 - parsed JSON
        """Tell whether a value without names says that no tag fits."""
        if isinstance(value, dict):
            return not value or any(key.casefold() in _LIST_KEYS or self.tag(key) for key in value)
        return isinstance(value, list) and not value

    def read_lines(self, text: str) -> Reading | None:
        """Look up a list in plain text: lines in which, after any colon, nothing else stands."""
        tags: dict[str, None] = {}
        for line in text.splitlines():
            item = _NUMBERED.sub("", line)
            for named in {item, item.rpartition(":")[2]}:
                found = [self.tag(part) for part in _BREAKS.split(named)]
                tags.update(dict.fromkeys(tag for tag in found if tag and all(found)))
        return Reading(tuple(tags)[:MOST_TAGS]) if tags and not self._repeats(tags) else None


def _loose(name: str) -> str:
    return _SEPARATORS.sub(" ", name.strip(_AROUND).lstrip("#").casefold())


def _values(text: str) -> Iterator[Any]:
    """Yield the JSON that stands in a text, what is nearly JSON as the strings in it."""
    if text.startswith('"') and (inner := _STRING.fullmatch(text)):
        # JSON within JSON.
        text = str(_parsed(inner[0]) or "")
    parts, left_open = _bracketed(text)
    values = (_value(text[start:end]) for start, end in parts)
    if left_open is None:
        yield from values
        return
    # Broken off within: what was closed belongs together.
    if parts:
        yield list(values)
    yield _quoted(text[left_open:])


def _value(part: str) -> Any:  # noqa: ANN401 - whatever it holds
    value = _parsed(part)
    return _quoted(part) if value is None else value


def _quoted(part: str) -> list[str] | None:
    return [one or other for one, other in _QUOTED.findall(part)] or None


def _parsed(part: str) -> Any:  # noqa: ANN401 - whatever it holds
    try:
        return json.loads(part, strict=False)
    except (ValueError, RecursionError):
        return None


def _bracketed(text: str) -> tuple[list[tuple[int, int]], int | None]:
    """Return where the outermost closed objects and lists lie, and where one is left open."""
    closed: list[tuple[int, int]] = []
    opened: list[int] = []
    at = 0
    while (mark := (_BRACKET if opened else _OPENING).search(text, at)) is not None:
        at = mark.end()
        if mark[0] == '"':
            string = _STRING.match(text, mark.start())
            if string is None:
                break
            at = string.end()
        elif mark[0] in "[{":
            opened.append(mark.start())
        elif text[opened[-1]] + mark[0] in {"[]", "{}"}:
            start = opened.pop()
            while closed and closed[-1][0] > start:
                closed.pop()
            closed.append((start, at))
        else:
            opened.clear()
    return closed, opened[0] if opened else None


def _spoken(value: Any, known: _Known) -> Iterator[str]:  # noqa: ANN401 - parsed JSON
    """Yield the names in a value, in order, however deep they lie."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            waiting.extend(reversed(one))
        elif isinstance(one, dict):
            waiting.extend(reversed(_names_in(one, known)))


def _names_in(fields: dict[str, Any], known: _Known) -> list[Any]:
    folded = {key.casefold(): value for key, value in fields.items()}
    if "enum" in folded:
        # The schema, said again.
        return []
    for key in (*_LIST_KEYS, *_NAME_KEYS):
        if key in folded:
            return [folded[key]]
    if any(known.tag(key) for key in fields):
        # Each tag with its worth, or with a yes.
        return [key for key, value in fields.items() if str(value or "").casefold() not in _NO]
    return list(fields.values())
