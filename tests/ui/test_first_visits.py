"""Many visitors of a server that has just started."""

import pytest
from handoff_server import serving
from page_visitor import arrive_at_once

VISITORS = 20


@pytest.mark.slow
def test_no_first_visitor_gets_an_error_page(root, tmp_path):
    """All four pages, one visitor 0.05 s after the other; `benchmarks/soak.py` has more rounds."""
    with serving(tmp_path, HANDOFF_REGISTRY=str(root / "agents.csv")) as (_, where):
        assert arrive_at_once(where, VISITORS) == []
