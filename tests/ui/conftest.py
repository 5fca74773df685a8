"""The page without a browser."""

import functools

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner


@pytest.fixture(autouse=True, scope="session")
def installed_packages_are_read_once():
    """Look once for packages that bring components: every visit would read all their metadata.

    That was more than half of the time of these tests.
    """
    with pytest.MonkeyPatch.context() as patched:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patched.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture
def folder(agents_csv, cases_csv, tmp_path, monkeypatch):
    """Give the page the files of a file of tests, and scripted providers; return their folder."""
    (tmp_path / "agents.csv").write_text(agents_csv)
    (tmp_path / "cases.csv").write_text(cases_csv)
    monkeypatch.setenv("HANDOFF_REGISTRY", str(tmp_path / "agents.csv"))
    monkeypatch.setenv("HANDOFF_EMBEDDER", "scripted")
    monkeypatch.setenv("HANDOFF_TAGGER", "scripted")
    st.cache_data.clear()
    st.cache_resource.clear()
    yield tmp_path
    st.cache_resource.clear()
