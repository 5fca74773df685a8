"""Scripts: which letters a text is written in, and whether somebody knows them."""

import functools
import unicodedata
from collections import Counter
from collections.abc import Iterable

LEAST_SHARE = 0.03
"""A script that holds this share of a registry's letters is one that its texts are written in."""

# Where the first word of a letter's name is not what its script is called.
_CALLED = {
    "CJK": "Han",
    "IDEOGRAPHIC": "Han",
    "KATAKANA-HIRAGANA": "Katakana",
    # Letters of no script, and letters that this Python has no name for.
    "MODIFIER": "",
    "": "",
}
_NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalpha())


def count_scripts(texts: Iterable[str]) -> Counter[str]:
    """Count the letters of each script; digits, marks, punctuation and emoji are no letters."""
    plain: list[str] = []
    characters: Counter[str] = Counter()
    for text in texts:
        if text.isascii():
            plain.append(text)
        else:
            characters.update(text)
    counts = Counter(Latin=len("".join(plain).encode().translate(None, _NO_LETTERS)))
    for letter, times in characters.items():
        script = _script_of(letter)
        if script:
            counts[script] += times
    return counts


def scripts_in_use(texts: Iterable[str]) -> frozenset[str]:
    """Return the scripts that hold at least `LEAST_SHARE` of the letters of all texts together."""
    counts = count_scripts(texts)
    least = LEAST_SHARE * counts.total()
    return frozenset(script for script, times in counts.items() if 0 < times >= least)


def unknown_script(
    query: str, known: frozenset[str] | None, in_use: frozenset[str] = frozenset()
) -> str | None:
    """Return the script that most of a query's unknown letters are in, if they are most of it.

    None where no more than half of its letters are unknown, and where it has no letter. ASCII is
    never unknown.

    Args:
        query: Any text.
        known: The scripts that the embedder knows; None for all.
        in_use: The scripts that the registry is written in; words that query and registry share
            are found in any script.
    """
    if known is None or query.isascii():
        return None
    counts = count_scripts([query])
    unknown = {
        script: times
        for script, times in counts.items()
        if script not in known and script not in in_use
    }
    if 2 * sum(unknown.values()) <= counts.total():
        return None
    return max(unknown, key=unknown.__getitem__)


@functools.lru_cache(maxsize=16_384)
def _script_of(character: str) -> str:
    """Return the script of a letter, after the first word of its name; "" for all else.

    A letter that is another one in a different look (wide, bold, raised) counts as that one.
    """
    if not character.isalpha():
        return ""
    plain = unicodedata.normalize("NFKC", character)[0]
    first = unicodedata.name(plain, "").partition(" ")[0]
    return _CALLED.get(first, first.title())
