"""Names that would like to be more than text, in a real browser."""

import csv
import re

import pytest
from playwright.sync_api import expect
from seen import settle

from tests.handoff_server import serving

NAMES = (
    '<b>b</b> <span style="font-size:40px">big</span> ![x](http://evil.test/a.png) www.evil.test',
    "[click](http://evil.test) me@evil.test :smile: $x$",
)
DESCRIPTIONS = ("<img src=http://evil.test/i> opens doors", "=HYPERLINK(0) closes windows")
TAGS = ("![x](http://evil.test/t.png)", "http://evil.test")

pytestmark = pytest.mark.xdist_group("untrusted")


@pytest.fixture(scope="module")
def untrusted(tmp_path_factory):
    """Serve agents and cases that somebody wrote with bad intent."""
    folder = tmp_path_factory.mktemp("untrusted")
    with (folder / "agents.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "name", "description", "tags"))
        rows.writerows(zip("ab", NAMES, DESCRIPTIONS, TAGS, strict=True))
    with (folder / "cases.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("query", "expected", "chip"))
        rows.writerow((f"{NAMES[0]} opens doors", "a", "Door"))
        rows.writerow((f"{NAMES[1]} closes windows", "b", ""))
        rows.writerow(("nothing", NAMES[1], ""))
    with serving(folder) as (_, where):
        yield where


def alive(page):
    """Return what came alive of a name: a link, an image, a frame, a formula."""
    return page.evaluate(
        "[...document.querySelectorAll('a[href], img, iframe, .katex')]"
        ".map(e => e.outerHTML).filter(h => /evil|katex/.test(h))"
    )


def test_on_explore_names_stay_text(untrusted, visit):
    """No markup, link, image or icon in a registry comes alive, on the page or in the chart."""
    page = visit(untrusted)

    page.get_by_role("textbox", name="Query").fill("opens doors http://evil.test")
    page.get_by_role("textbox", name="Query").press("Control+Enter")
    expect(page.get_by_text("Hand off to").first).to_be_visible()
    expect(page.get_by_role("figure", name=re.compile("Bar chart"))).to_contain_text("<b>b</b>")
    page.get_by_role("button", name="Hand off").click()
    expect(page.get_by_text("Simulated")).to_be_visible()

    assert alive(page) == []


def test_on_tune_names_stay_text(untrusted, visit):
    """No markup, link or image in names and queries comes alive, in a list, table or chart."""
    page = visit(untrusted)
    page.get_by_role("link", name="Tune").first.click()

    expect(page.get_by_text("no agent has the id")).to_be_visible()
    page.get_by_role("tab", name="Confusion matrix").click()
    expect(page.get_by_role("figure", name=re.compile("matrix"))).to_contain_text("<b>b</b>")
    page.get_by_role("combobox", name="Which cases").press("ArrowDown")
    settle(page)

    assert alive(page) == []
