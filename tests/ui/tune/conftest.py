"""The Tune page over a small registry, not yet run."""

import pytest
from app_pages import open_page
from ten_cases import CASES, REGISTRY

from handoff.router import Router


@pytest.fixture
def agents_csv():
    """Return the text of agents.csv."""
    return REGISTRY


@pytest.fixture
def cases_csv():
    """Return the text of cases.csv."""
    return CASES


@pytest.fixture
def page(root, folder):  # noqa: ARG001 - the page reads it
    """Return the page, not yet run."""
    return open_page(root, "tune")


@pytest.fixture
def asked(monkeypatch):
    """Record the batches of queries that reach the providers."""
    batches = []
    real = Router.gather_many

    async def gather_many(self, queries, trace):
        batches.append(list(queries))
        return await real(self, queries, trace)

    monkeypatch.setattr(Router, "gather_many", gather_many)
    return batches
