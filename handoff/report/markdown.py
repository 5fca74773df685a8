"""The one way to show untrusted text in Markdown."""

import re

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Bare addresses, e-mail addresses and :names: come alive even when they are escaped; a word joiner
# is not seen and breaks them.
# GitHub links #12 and GH-12 even so.
_LIVE = re.compile(
    r"(?<=:)(?=//|[\w+/-]+:)|(?<=@)|(?<=www)(?=\.)|(?<=#)(?=\d)|(?<=\bgh)(?=-\d)", re.IGNORECASE
)
_WORD_JOINER = "\u2060"


def plain(text: str) -> str:
    """Return Markdown that shows a text as it stands: no markup, link or image in it lives."""
    return _PUNCTUATION.sub(r"\\\1", _LIVE.sub(_WORD_JOINER, text))
