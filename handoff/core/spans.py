"""Where the words of a text stand: what can be left out of it, one at a time."""

import re
from dataclasses import dataclass

# Scripts that set no spaces between words: each character counts as one.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_LETTERS = rf"[^\W{_UNSPACED}]+"
_WORD = re.compile(rf"[{_UNSPACED}]|{_LETTERS}(?:['\u2019./&+#-]+{_LETTERS})*[+#]*")
# For texts between whose words one space stands.
_BEFORE_STOP = re.compile(r" (?=[,.;:!?)])")
_STOPS_IN_A_ROW = re.compile(r"[,;:](?= ?[,;:.!?])")
_LEADING_STOPS = re.compile(r"^[ ,.;:!?)]+")


@dataclass(frozen=True, slots=True)
class Part:
    """A word of a text, or a run of them where the text is long.

    Attributes:
        text: As it stands there.
        start: Where it begins, in characters.
        end: Where it ends, exclusive.
    """

    text: str
    start: int
    end: int


def words_of(text: str) -> tuple[Part, ...]:
    """Return a text's words in order; in scripts without spaces each character is one."""
    return tuple(Part(found.group(), *found.span()) for found in _WORD.finditer(text))


def parts_of(text: str, most: int) -> tuple[Part, ...]:
    """Return a text's words in order, or at most so many runs of equally many words.

    Args:
        text: Any.
        most: At least one.
    """
    words = words_of(text)
    length = -(-len(words) // most)
    runs = [words[first : first + length] for first in range(0, len(words), length or 1)]
    return tuple(Part(text[run[0].start : run[-1].end], run[0].start, run[-1].end) for run in runs)


def without(text: str, part: Part) -> str:
    """Return a text without one of its parts, tidied; empty where no word is left."""
    left = " ".join(f"{text[: part.start]}{text[part.end :]}".split())
    left = _STOPS_IN_A_ROW.sub("", _BEFORE_STOP.sub("", left))
    return _LEADING_STOPS.sub("", left) if words_of(left) else ""
