"""Where a batch reads and writes."""

import pytest

from handoff.bootstrap import build_router
from handoff.core.model import Agent, Registry
from handoff.files.settings import Settings


@pytest.fixture
def source(tmp_path):
    """Return a file of seven queries."""
    path = tmp_path / "in.csv"
    path.write_text("id,query\n" + "".join(f"{at},query {at}\n" for at in range(7)))
    return path


@pytest.fixture
def target(tmp_path):
    """Return where the output goes."""
    return tmp_path / "out.csv"


@pytest.fixture
def router(tmp_path):
    """Return a router with scripted providers over two agents."""
    registry = Registry(
        (
            Agent("weather", "Weather Desk", "Rain wind sunshine", ("forecast",)),
            Agent("money", "Money Desk", "Invoices refunds receipts", ("billing",)),
        )
    )
    settings = Settings(tmp_path / "agents.csv", None, None, "scripted", "scripted", tmp_path)
    return build_router(settings, registry, None)
