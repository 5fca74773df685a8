"""What every test stands on: a clean environment, an own cache, and the public data where it is."""

import os
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items):
    """Begin with the files that take long, so that no process waits for another in the end.

    The browser checks come last: their driver keeps an event loop open on this thread.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: ("browser" in item.path.parts, item.path not in slow))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Trace nothing where a test runs the same lines hundreds of times.

    Coverage makes these two to three times as slow, and others have measured what they run.
    (`no_cover` of pytest-cov stops one of two tracers in a process of xdist's.)
    """
    often = item.get_closest_marker("slow") or getattr(item.obj, "is_hypothesis_test", False)
    tracing = sys.gettrace(), threading.gettrace()
    if not often or tracing[0] is None:
        return (yield)
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracing[0])
        threading.settrace(tracing[1])


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path_factory):
    """Take the user's settings out and put cache and verdicts into folders of their own.

    The fast embedded model embeds: a test that is about the one that ships says so.
    """
    for name in list(os.environ):
        if name.startswith(("HANDOFF_", "OPENAI_", "STREAMLIT_")) and name != "HANDOFF_DATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HANDOFF_EMBEDDER", "local-fast")
    # Child processes repeat what is measured in this one; Flyte's are started from wider fixtures.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.setenv("HANDOFF_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("HANDOFF_STATE_DIR", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def root():
    """Return the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def data():
    """Return the folder of public registries and labelled queries, or skip with the reason."""
    named = os.environ.get("HANDOFF_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not (folder / "clinc150" / "cases.csv").exists():
        if named and os.environ.get("CI"):
            pytest.fail(f"HANDOFF_DATA names {folder}, which holds no data")
        pytest.skip(f"the public data sets are not in {folder}: set HANDOFF_DATA")
    return folder
