"""Labels that several visitors add to a file in the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from ten_cases import CASES, REGISTRY

from handoff.files.cases import Case
from handoff.files.registry import parse_registry
from handoff.ui import labelled_set

VISITORS = 12


class Visits(threading.local):
    """What Streamlit is to `labelled_set` outside of drawing: a session for each thread.

    Pages that are run in threads without a server would share its stand-in, and fail by that.
    """

    def __init__(self):
        """Begin a session in this thread."""
        self.session_state = {}


def test_labels_of_twelve_visitors_are_all_added(monkeypatch, tmp_path):
    """Each adds one of its own; it stands in the file once, and is no longer to be added."""
    path = tmp_path / "cases.csv"
    path.write_text(CASES)
    visits = Visits()
    monkeypatch.setattr(labelled_set, "st", visits)
    registry = parse_registry(REGISTRY.encode(), "agents.csv")
    opened = SimpleNamespace(own=False, router=SimpleNamespace(registry=registry))
    together = threading.Barrier(VISITORS)

    def visit(number):
        visits.session_state["set_added"] = {False: [Case(f"tea {number}", "baker", "", 0)]}
        together.wait()
        labelled_set.save_added(opened, path)
        return labelled_set.added(opened)

    with ThreadPoolExecutor(VISITORS) as pool:
        left = list(pool.map(visit, range(VISITORS)))

    new = path.read_text().removeprefix(CASES).splitlines()
    assert sorted(new) == sorted(f"tea {number},baker" for number in range(VISITORS))
    assert left == [0] * VISITORS
