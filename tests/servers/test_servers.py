"""What a command makes of servers that are not OpenAI's own."""

import pytest

from tests.servers.kinds import KINDS
from tests.servers.playing import play

EVERY = 9
"""All of them take half a minute; `python -m tests.servers` plays them."""


def test_each_kind_is_told_once():
    """By what is said of it."""
    assert len({kind.what for kind in KINDS}) == len(KINDS) >= 30


@pytest.mark.parametrize("kind", KINDS[::EVERY], ids=lambda kind: kind.what)
def test_a_command_ends_in_words(kind):
    """Neither in a traceback nor in a loop: a failed request is tried three times at most."""
    ending = play(kind)

    assert ending.words
    assert "TRACEBACK" not in ending.words
    assert ending.requests <= 12 or kind.asked == "eval"
