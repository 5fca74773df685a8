"""A double for each test."""

import pytest

from fake_openai import FakeOpenAI


@pytest.fixture
def server():
    """Serve for one test."""
    with FakeOpenAI() as running:
        yield running
