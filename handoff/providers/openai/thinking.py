"""What of a model's words is said aloud: some think first, between marks, in the answer itself.

A server should take the thinking out, and many pass it on. An answer may come in any pieces.
"""

import re

_MARKS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[think]": "[/think]",
    "\u25c1think\u25b7": "\u25c1/think\u25b7",
    "<|channel|>analysis<|message|>": "<|channel|>final<|message|>",
    "<|channel>thought": "<channel|>",
    "<|start_thinking|>": "<|end_thinking|>",
}
"""How a thinking begins, and how it ends; in letters of either size."""

_FRAME = ("<|start_response|>", "<|end_response|>")
"""What some put around the answer; it is no part of it."""

_ALL_MARKS = (*_MARKS, *_MARKS.values(), *_FRAME)
_MOST_WITHIN = 60
"""Letters of blanks and attributes that a tag may hold behind its name."""
_LONGEST = max(map(len, _ALL_MARKS)) + _MOST_WITHIN

_TAG = re.compile(r"</?[a-z:]+>")
_WITHIN = rf"(?:\s[^<>]{{0,{_MOST_WITHIN - 1}}})?"


def _spelled(mark: str) -> str:
    """Return a mark as a pattern: in a tag blanks and attributes may stand."""
    if _TAG.fullmatch(mark):
        return f"{re.escape(mark[:-1])}{_WITHIN}>"
    return re.escape(mark)


def _finder(*marks: str) -> re.Pattern[str]:
    return re.compile("|".join(map(_spelled, marks)), re.IGNORECASE | re.ASCII)


_BEGUN = re.compile(
    "|".join(f"{re.escape(mark[:-1])}{_WITHIN}" for mark in _ALL_MARKS if _TAG.fullmatch(mark)),
    re.ASCII,
)
"""A tag without its end."""

_ANY = _finder(*_ALL_MARKS)
_END = {mark: _finder(end) for mark, end in _MARKS.items()}
_FIRST_LETTERS = re.compile(f"[{re.escape(''.join(sorted({mark[0] for mark in _ALL_MARKS})))}]")


class Spoken:
    """An answer that comes piece by piece, without the thinking in it.

    Attributes:
        thought: Whether any of it was thinking.
        unannounced: Whether a thinking ended that nothing had begun: where the first mark stands in
            the prompt, it does not come back. What was heard before is no part of the answer.
    """

    def __init__(self, *, unannounced: bool = False) -> None:
        """Hear nothing yet.

        Args:
            unannounced: The model is known to think without announcing it: what comes is held back
                until that ends.
        """
        self.thought = False
        self.unannounced = False
        self._finder = _ANY
        self._thinking = False
        self._waiting = unannounced
        self._half_a_mark = ""
        self._aloud: list[str] = []

    @property
    def text(self) -> str:
        """What was said aloud so far, or held back."""
        return "".join(self._aloud)

    def hear(self, piece: str) -> str:
        """Take the next piece; return what can be shown of the answer by now."""
        text = self._half_a_mark + piece
        at, shown = 0, ""
        while (mark := self._finder.search(text, at)) is not None:
            if not self._thinking:
                shown += self._say(text[at : mark.start()])
            if self._pass(_plain(mark[0].lower())):
                shown = ""
            at = mark.end()
        half = _half_a_mark_at_the_end(text, at)
        self._half_a_mark = text[half:]
        return shown if self._thinking else shown + self._say(text[at:half])

    def end(self) -> str:
        """Return what is left to be shown when no piece comes any more."""
        if self._thinking:
            return ""
        held_back = self.text if self._waiting else ""
        self._waiting = False
        return held_back + self._say(self._half_a_mark)

    def _pass(self, mark: str) -> bool:
        """Go on behind a mark; tell whether all before it was thinking."""
        if mark in _FRAME:
            return False
        self.thought = True
        if self._thinking:
            self._thinking, self._finder = False, _ANY
        elif mark in _MARKS:
            self._thinking, self._finder = True, _END[mark]
        else:
            self.unannounced = True
            self._waiting = False
            self._aloud.clear()
            return True
        return False

    def _say(self, text: str) -> str:
        if self.thought and not self._aloud:
            text = text.lstrip()
        if text:
            self._aloud.append(text)
        return "" if self._waiting else text


def without_thinking(text: str) -> Spoken:
    """Return an answer that came whole, heard to its end."""
    spoken = Spoken()
    spoken.hear(text)
    spoken.end()
    return spoken


def _plain(mark: str) -> str:
    """Return a mark without what blanks and attributes it holds."""
    name, *within = mark.split(maxsplit=1)
    return f"{name}>" if within else name


def _half_a_mark_at_the_end(text: str, start: int) -> int:
    """Return where a mark may begin that the next piece ends; the text's length for nowhere."""
    tail = max(start, len(text) - _LONGEST + 1)
    for first in _FIRST_LETTERS.finditer(text, tail):
        rest = text[first.start() :].lower()
        if _BEGUN.fullmatch(rest) or any(mark.startswith(rest) for mark in _ALL_MARKS):
            return first.start()
    return len(text)
