"""The page in a real browser, served by the project's own command."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
HOSTILE = """\
id,name,description,tags
a,<b>b</b> ![x](http://evil.test/a.png) www.evil.test,"<img src=http://evil.test/i> opens doors",![x](http://evil.test/t.png)
b,[click](http://evil.test) me@evil.test :smile: $x$,"<a href=http://evil.test>link</a> closes doors",http://evil.test
"""


def route(page, query):
    """Type a query and press Ctrl+Enter, as the box invites to."""
    page.get_by_role("textbox", name="Query").fill(query)
    page.get_by_role("textbox", name="Query").press("Control+Enter")


def test_a_query_is_routed(visit, address, view):
    """Whoever types a query reads who takes it, on a desk and on a phone."""
    page = visit(address, *view)

    route(page, "my pull request needs a review")

    expect(page.get_by_text("Hand off to Code Reviewer")).to_be_visible()
    expect(page.get_by_role("figure", name=re.compile("Hand off to Code Reviewer"))).to_be_visible()


def test_the_slider_moves_verdict_and_line(visit, address):
    """Arrow keys on the slider change the verdict, the chart and the link."""
    page = visit(address)
    slider = page.get_by_role("slider", name="Threshold")
    expect(page.get_by_text("Hand off to Data Analyst")).to_be_visible()

    slider.focus()
    for _ in range(50):
        slider.press("ArrowRight")

    expect(page.get_by_text("Hand off to nobody")).to_be_visible()
    expect(page.get_by_role("figure")).to_contain_text("threshold 0.73")
    expect(page).to_have_url(re.compile(r"t=0\.73"))


def test_a_chip_routes_its_query(visit, address):
    """One click on an example shows its route."""
    page = visit(address)

    page.get_by_text("Off topic").click()

    expect(page.get_by_role("textbox", name="Query")).to_have_value("what is the weather on mars")
    expect(page.get_by_text("Hand off to nobody")).to_be_visible()


def test_a_link_brings_back_what_was_seen(visit, address):
    """Reloading the page keeps query and threshold."""
    page = visit(f"{address}/?q=rotate+our+leaked+API+keys&t=0.05")

    expect(page.get_by_role("textbox", name="Query")).to_have_value("rotate our leaked API keys")
    expect(page.get_by_role("figure")).to_contain_text("threshold 0.05")


def test_a_blank_query_is_told(visit, address):
    """An empty box gets a sentence, not a route."""
    page = visit(address)

    route(page, "   ")

    expect(page.get_by_text("The query is empty: type what should be routed.")).to_be_visible()


def test_the_verdict_comes_before_the_chart_on_a_phone(visit, address):
    """At 390 pixels nobody scrolls past a chart to learn the outcome."""
    page = visit(address, 390)
    verdict = page.get_by_text("Hand off to Data Analyst").bounding_box()
    chart = page.get_by_role("figure").bounding_box()

    assert verdict["y"] < chart["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_hand_off_answers(visit, address):
    """The button delivers the query and says that the agent is simulated."""
    page = visit(address)

    page.get_by_role("button", name="Hand off").click()

    expect(page.get_by_text("Simulated hand-off: Data Analyst would answer now")).to_be_visible()


def test_untrusted_names_stay_text(serve, visit, tmp_path):
    """No markup, link, image or icon in a registry comes alive, on the page or in the chart."""
    (tmp_path / "agents.csv").write_text(HOSTILE)
    page = visit(serve(tmp_path))

    route(page, "opens doors http://evil.test")
    expect(page.get_by_text("Hand off to").first).to_be_visible()
    expect(page.get_by_role("figure")).to_contain_text("<b>b</b>")
    page.get_by_role("button", name="Hand off").click()
    expect(page.get_by_text("Simulated")).to_be_visible()
    alive = page.evaluate(
        "[...document.querySelectorAll('a[href], img, iframe, .katex')]"
        ".map(e => e.outerHTML).filter(h => /evil|katex/.test(h))"
    )

    assert alive == []


def test_the_page_is_accessible(visit, address, view):
    """Axe finds nothing that keeps anyone from using the page."""
    page = visit(address, *view)
    expect(page.get_by_text("Hand off to Data Analyst")).to_be_visible()

    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})

    assert [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in found.response["violations"]
    ] == []
