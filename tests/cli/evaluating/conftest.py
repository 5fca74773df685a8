"""Labelled queries and a second registry beside the first one."""

import pytest
from labelled_desks import CASES, OTHER_AGENTS, write


@pytest.fixture(autouse=True)
def cases(folder):
    """Put labelled queries and a second registry beside the first one."""
    (folder / "other.csv").write_text(OTHER_AGENTS)
    write(folder / "cases.csv", CASES)
