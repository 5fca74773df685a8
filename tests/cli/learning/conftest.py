"""A registry and labelled queries that its descriptions cannot tell apart."""

import pytest
from taught_desks import AGENTS, CASES, write


@pytest.fixture
def registry():
    """Return the text of agents.csv."""
    return AGENTS


@pytest.fixture(autouse=True)
def cases(folder):
    """Put labelled queries beside the registry."""
    write(folder / "cases.csv", CASES)


@pytest.fixture
def taught():
    """Put examples beside the registry: every other case."""
    write("examples.csv", CASES[::2], ("query", "agent"))
