"""What people write is read in a folder of its own."""

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder of its own, and return it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
