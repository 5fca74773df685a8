"""How many steps a backtracking matcher takes: `re` does not tell, and a clock only guesses."""

import re
from re import _constants as op
from re import _parser

_CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}
_ONE_CHARACTER = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN)
_REPEATS = (op.MAX_REPEAT, op.POSSESSIVE_REPEAT)


class Matcher:
    """Finds what a pattern finds, by trying as `re` does, and counts what it tries."""

    def __init__(self, pattern):
        self.tree = list(_parser.parse(pattern.pattern, pattern.flags))
        self.ignores_case = bool(pattern.flags & re.IGNORECASE)
        self.text = ""
        self.steps = 0

    def spans(self, text):
        """Return where the pattern is found in a text, one after the other."""
        self.text, self.steps = text, 0
        found, at = [], 0
        while at <= len(text):
            end = next(self._ends(self.tree, 0, at), None)
            if end is not None:
                found.append((at, end))
            at = at + 1 if end in (None, at) else end
        return found

    def _ends(self, nodes, first, at):
        """Yield where the nodes from the first on may end, in the order in which `re` tries."""
        if first == len(nodes):
            yield at
            return
        self.steps += 1
        kind, what = nodes[first]
        if kind in _ONE_CHARACTER:
            middles = [at + 1] if self._fits(kind, what, at) else []
        elif kind is op.AT:
            middles = [at] if self._stands(what, at) else []
        elif kind is op.SUBPATTERN:
            middles = self._ends(list(what[-1]), 0, at)
        elif kind is op.BRANCH:
            middles = (end for branch in what[1] for end in self._ends(list(branch), 0, at))
        elif kind in _REPEATS:
            least, most, repeated = what
            middles = self._repeats(list(repeated), least, most, at)
            if kind is op.POSSESSIVE_REPEAT:
                middles = [end for end, _ in zip(middles, [None], strict=False)]
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            direction, inside = what
            start = at if direction > 0 else at - inside.getwidth()[0]
            holds = start >= 0 and any(True for _ in self._ends(list(inside), 0, start))
            middles = [at] if holds is (kind is op.ASSERT) else []
        else:
            raise ValueError(f"the matcher does not know {kind}")
        for middle in middles:
            yield from self._ends(nodes, first + 1, middle)

    def _repeats(self, repeated, least, most, at):
        """Yield where as many repetitions as possible end, then one fewer, and so on."""
        if len(repeated) == 1 and repeated[0][0] in _ONE_CHARACTER:
            count = 0
            while count < most and self._fits(*repeated[0], at + count):
                self.steps += 1
                count += 1
            for fewer in range(count, least - 1, -1):
                self.steps += 1
                yield at + fewer
            return
        if most:
            for end in self._ends(repeated, 0, at):
                if end > at:
                    yield from self._repeats(repeated, max(least - 1, 0), most - 1, end)
        if not least:
            yield at

    def _stands(self, what, at):
        """Tell whether a place is the one that a node asks for."""
        if what is op.AT_BOUNDARY:
            return self._word(at - 1) != self._word(at)
        return at == 0 if what is op.AT_BEGINNING else self.text[at:] in ("", "\n")

    def _word(self, at):
        return 0 <= at < len(self.text) and bool(re.match(r"\w", self.text[at]))

    def _fits(self, kind, what, at):
        if at >= len(self.text):
            return False
        letter = self.text[at]
        letters = {letter, letter.swapcase()} if self.ignores_case else {letter}
        return any(len(each) == 1 and _fits_one(kind, what, each) for each in letters)


def _fits_one(kind, what, letter):
    """Tell whether one character is what a node asks for."""
    if kind is op.ANY:
        return letter != "\n"
    if kind is op.LITERAL:
        return ord(letter) == what
    if kind is op.NOT_LITERAL:
        return ord(letter) != what
    negated = what[0][0] is op.NEGATE
    held = any(_in_part(part, value, letter) for part, value in what[negated:])
    return held is not negated


def _in_part(part, value, letter):
    if part is op.LITERAL:
        return ord(letter) == value
    if part is op.RANGE:
        return value[0] <= ord(letter) <= value[1]
    return bool(re.match(_CATEGORIES[value], letter))
