"""A set that takes long to gather, in a real browser: how far it is, stopped, and gone on."""

import re
import shutil

from fake_openai import FakeOpenAI
from playwright.sync_api import expect


def test_a_stopped_run_goes_on(root, serve, visit, tmp_path):
    """Stop keeps what was gathered, with its figures; `Go on` gathers the rest."""
    shutil.copy(root / "agents.csv", tmp_path)
    rows = "".join(f"a chart of the sales of shop {number},data-analyst\n" for number in range(300))
    (tmp_path / "cases.csv").write_text(f"query,expected\n{rows}")
    with FakeOpenAI(embeddings_delay_seconds=2.0) as upstream:
        page = visit(
            serve(
                tmp_path,
                OPENAI_API_KEY="sk-test-SECRETKEY",
                OPENAI_BASE_URL=upstream.base_url,
                HANDOFF_TAGGER="local",
            )
        )
        page.get_by_role("link", name="Tune").first.click()
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.get_by_text("Gathered 100 of 300")).to_be_visible()
        page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
        expect(page.get_by_text(re.compile("cases of 300 were not gathered"))).to_be_visible()
        expect(page.get_by_text(re.compile(r"of [12]00 cases end as labelled"))).to_be_visible()
        page.get_by_role("button", name="Go on", exact=True).click()

        expect(page.get_by_text(re.compile(r"of 300 cases end as labelled"))).to_be_visible()


def test_a_large_set_shows_how_far_it_is(data, serve, visit, tmp_path):
    """Thousands of cases are gathered in sight, and end as figures of all of them."""
    for name in ("agents.csv", "cases.csv"):
        shutil.copyfile(data / "clinc150" / name, tmp_path / name)
    page = visit(serve(tmp_path))

    page.get_by_role("link", name="Tune").first.click()

    expect(page.get_by_text(re.compile(r"^Gathered [\d,]+ of 3,100$"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"of 3,100 cases end as labelled"))).to_be_visible()
