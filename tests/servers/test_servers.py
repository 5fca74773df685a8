"""What a command makes of servers that are not OpenAI's own is what the documents show."""

from pathlib import Path

import pytest

from tests.servers.kinds import KINDS
from tests.servers.playing import play
from tests.servers.table import HEAD, UNSOUND, row

ROOT = Path(__file__).resolve().parents[2]

EVERY = 9
"""All of them take half a minute; `python -m tests.servers` plays them."""

MOST_REQUESTS = 12
"""A route that asks for an answer as well, each of its requests tried three times."""


@pytest.fixture(scope="module")
def shown():
    """Return the rows of the table in docs/operating.md, each as its cells."""
    text = (ROOT / "docs" / "operating.md").read_text()
    _, found, rest = text.partition(HEAD)
    assert found
    table, _, _ = rest.partition("\n\n")
    return [cells(line) for line in table.splitlines()]


def cells(line):
    """Return the cells of a row."""
    return line.removeprefix("| ").removesuffix(" |").split(" | ")


def test_the_documents_tell_each_kind_once(shown):
    """In order, with whose users report it; none of them ends in silence or in a traceback."""
    assert [line[:2] for line in shown] == [[kind.what, kind.of] for kind in KINDS]
    assert len({kind.what for kind in KINDS}) == len(KINDS) >= 30
    assert not [line for line in shown if UNSOUND in line[2]]


@pytest.mark.parametrize("at", range(0, len(KINDS), EVERY), ids=lambda at: KINDS[at].what)
def test_a_command_says_what_the_documents_show(shown, at):
    """Word for word, and after a few requests: a failed one is tried three times at most."""
    kind = KINDS[at]
    ending = play(kind)

    assert cells(row(kind, ending).strip())[:3] == shown[at][:3]
    assert ending.requests <= MOST_REQUESTS or kind.asked == "eval"
