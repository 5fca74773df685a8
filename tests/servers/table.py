"""A kind's row of the table in docs/operating.md."""

from .kinds import Kind
from .playing import Ending, play

HEAD = """| the server | reported of | what a person gets | requests |
|---|---|---|---|
"""


UNSOUND = "**not sound:**"


def row(kind: Kind, ending: Ending | None = None) -> str:
    """Play a kind, unless it was, and return its row."""
    got = play(kind) if ending is None else ending
    mark = "" if got.sound else f"{UNSOUND} "
    cells = (kind.what, kind.of, mark + got.words, str(got.requests))
    return f"| {' | '.join(cell.replace('|', chr(0x2223)) for cell in cells)} |\n"
