"""The Agents page over three agents and the embedded model, not yet run."""

import pytest
from agents_page import CASES, REGISTRY
from app_pages import open_page


@pytest.fixture
def agents_csv():
    """Return the text of agents.csv."""
    return REGISTRY


@pytest.fixture
def cases_csv():
    """Return the text of cases.csv."""
    return CASES


@pytest.fixture
def folder(folder, monkeypatch):
    """Give the page the embedded model."""
    monkeypatch.setenv("HANDOFF_EMBEDDER", "local-fast")
    monkeypatch.delenv("HANDOFF_TAGGER")
    return folder


@pytest.fixture
def page(root, folder):  # noqa: ARG001 - the page reads it
    """Return the page, not yet run."""
    return open_page(root, "agents")
