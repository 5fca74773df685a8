"""The page on OpenAI's wire format, in a real browser, with a fault in the middle."""

import shutil

import pytest
from fake_openai import FakeOpenAI
from playwright.sync_api import expect


@pytest.fixture
def upstream():
    """Run the server that speaks OpenAI's format."""
    with FakeOpenAI() as running:
        yield running


def test_a_fault_in_the_middle_of_a_visit_is_survived(root, upstream, serve, visit, tmp_path):
    """Tags go down and come back; the page says so, and routes all the while."""
    shutil.copy(root / "agents.csv", tmp_path)
    variables = {"OPENAI_API_KEY": "sk-test-SECRETKEY", "OPENAI_BASE_URL": upstream.base_url}
    page = visit(serve(tmp_path, **variables))
    box = page.get_by_role("textbox", name="Query")

    box.fill("create a dashboard of the sales data")
    box.press("Control+Enter")
    expect(page.get_by_text("Vectors and tags by the server of OPENAI_BASE_URL.")).to_be_visible()
    upstream.fail("chat", "unauthorized", times=None)
    box.fill("sales numbers in charts and reports")
    box.press("Control+Enter")
    expect(page.get_by_text("Tags were skipped.")).to_be_visible()
    upstream.mend()
    box.fill("a dashboard with charts of revenue")
    box.press("Control+Enter")
    expect(page.get_by_text("Tags were skipped.")).to_have_count(0)
    expect(page.get_by_text("Tags found")).to_be_visible()

    assert "SECRETKEY" not in page.content()
    assert "SECRETKEY" not in (tmp_path / "server.log").read_text()
    assert "revenue" not in (tmp_path / "server.log").read_text()
