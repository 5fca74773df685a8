"""The page in a real browser, served by the project's own command."""

import json
import re
from pathlib import Path

from playwright.sync_api import expect
from seen import bring_into_view, hurdles, press_often


def route(page, query):
    """Type a query and press Ctrl+Enter, as the box invites to."""
    page.get_by_role("textbox", name="Query").fill(query)
    page.get_by_role("textbox", name="Query").press("Control+Enter")


def test_a_query_is_routed(visit, address):
    """Whoever types a query reads who takes it, and so does whoever cannot see the chart."""
    page = visit(address)

    route(page, "my pull request needs a review")

    expect(page.get_by_text("Hand off to Code Reviewer")).to_be_visible()
    expect(page.get_by_role("figure", name=re.compile("Hand off to Code Reviewer"))).to_be_visible()


def test_the_slider_moves_verdict_and_line(visit, address):
    """Keys on the slider change the verdict, the chart and the link."""
    page = visit(address)
    slider = page.get_by_role("slider", name="Threshold")
    expect(page.get_by_text("Hand off to Data Analyst")).to_be_visible()

    press_often(slider, "PageUp", 4)
    press_often(slider, "ArrowRight", 10)

    expect(page.get_by_text("Hand off to nobody")).to_be_visible()
    expect(page.get_by_role("figure", name=re.compile("Bar chart"))).to_contain_text(
        "threshold 0.78"
    )
    expect(page).to_have_url(re.compile(r"t=0\.78"))


def test_a_chip_routes_its_query(visit, address):
    """One click on an example shows its route."""
    page = visit(address)

    page.get_by_text("Off topic").click()

    expect(page.get_by_role("textbox", name="Query")).to_have_value("what is the weather on mars")
    expect(page.get_by_text("Hand off to nobody")).to_be_visible()


def test_the_filter_switch_puts_everybody_back(visit, address):
    """One click on the switch, and the chart has no removed agents."""
    page = visit(address)
    chart = page.get_by_role("figure", name=re.compile("Bar chart"))
    expect(chart).to_contain_text("Removed by the tag filter")

    page.get_by_text("Tag filter", exact=True).click()

    expect(page.get_by_text("The tag filter is off: all 10 agents were kept.")).to_be_visible()
    expect(chart).not_to_contain_text("Removed by the tag filter")


def test_a_reloaded_link_shows_the_same_page(visit, address):
    """Query, threshold and switches live in the address."""
    page = visit(address)
    route(page, "rotate our leaked API keys")
    expect(page.get_by_role("textbox", name="Query")).to_have_value("rotate our leaked API keys")
    page.get_by_text("Tag filter", exact=True).click()
    page.get_by_text("With OpenAI's typical latencies").click()
    expect(page.get_by_text("A simulation: nothing was called.")).to_be_visible()
    slider = page.get_by_role("slider", name="Threshold")
    slider.focus()
    slider.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"t=0\.27"))

    again = visit(page.url)

    expect(again.get_by_role("textbox", name="Query")).to_have_value("rotate our leaked API keys")
    expect(again.get_by_text("The tag filter is off")).to_be_visible()
    expect(again.get_by_text("A simulation: nothing was called.")).to_be_visible()
    expect(again.get_by_role("figure", name=re.compile("Bar chart"))).to_contain_text(
        "threshold 0.27"
    )


def test_the_table_has_what_the_chart_shows(visit, address):
    """Who cannot see bars opens the same scores as a table."""
    page = visit(address)

    page.get_by_text("Same scores as a table").click()
    bring_into_view(page, page.get_by_role("region", name="All agents with their scores"))

    # The grid draws on a canvas; its cells stand inside for those who cannot see it.
    cells = page.locator("[role=gridcell]")
    expect(cells.filter(has_text="Data Analyst")).to_be_attached()
    expect(cells.filter(has_text="Security Auditor")).to_be_attached()


def test_a_registry_can_be_lent_for_the_visit(visit, address):
    """An uploaded registry routes at once, a broken one gets a sentence, the default returns."""
    page = visit(address)
    page.get_by_text("Your own agents, for this session").click()
    uploader = page.locator("input[type=file]").first

    uploader.set_input_files(
        {"name": "mine.csv", "mimeType": "text/csv", "buffer": b"id,name\nx,y\n"}
    )
    expect(page.get_by_text("mine.csv, line 1, column 3 (description)")).to_be_visible()
    uploader.set_input_files(
        {
            "name": "mine.csv",
            "mimeType": "text/csv",
            "buffer": b"id,name,description,tags\na,Analyst,Makes sales dashboards,sales\n",
        }
    )
    expect(page.get_by_text("Hand off to Analyst")).to_be_visible()
    page.get_by_role("button", name="Back to the default agents").click()

    expect(page.get_by_text("Hand off to Data Analyst")).to_be_visible()


def test_earlier_queries_stay_at_hand(visit, address):
    """What was routed before can be compared with and reopened."""
    page = visit(address)
    page.get_by_text("REST API", exact=True).click()
    expect(page.get_by_text("Hand off to API Designer")).to_be_visible()

    page.get_by_text("Earlier in this session").click()
    bring_into_view(page, page.get_by_role("region", name="Two routes side by side"))
    cells = page.locator("[role=gridcell]")
    expect(cells.filter(has_text="Hand off to Data Analyst")).to_be_attached()
    page.get_by_role("button", name="Reopen").click()

    expect(page.get_by_text("Hand off to Data Analyst").first).to_be_visible()
    expect(page.get_by_role("textbox", name="Query")).to_have_value(
        "Analyze sales data and create a dashboard"
    )


def test_the_route_downloads_as_json(visit, address):
    """The file has the command line's form, and each stage once."""
    page = visit(address)

    with page.expect_download() as started:
        page.get_by_role("button", name="Download").click()
    route_as_json = json.loads(Path(started.value.path()).read_text())

    assert route_as_json["schema"] == 1
    assert route_as_json["agent"] == "data-analyst"
    assert [span["name"] for span in route_as_json["spans"]] == [
        "extract_tags",
        "embed_query",
        "embed_agents",
        "score",
        "filter",
        "select",
    ]


def test_a_blank_query_is_an_invitation(visit, address):
    """An empty box gets a sentence, not a route."""
    page = visit(address)

    route(page, "   ")

    expect(page.get_by_text("Type a query, and see who takes it.")).to_be_visible()


def test_the_verdict_comes_before_the_chart_on_a_phone(visit, address):
    """At 390 pixels nobody scrolls past a chart to learn the outcome."""
    page = visit(address, 390)
    verdict = page.get_by_text("Hand off to Data Analyst").bounding_box()
    chart = page.get_by_role("figure", name=re.compile("Bar chart")).bounding_box()

    assert verdict["y"] < chart["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_hand_off_answers(visit, address):
    """The button delivers the query and says that the agent is simulated."""
    page = visit(address)

    page.get_by_role("button", name="Hand off").click()

    expect(page.get_by_text("Simulated hand-off: Data Analyst would answer now")).to_be_visible()


def test_explore_tells_which_words_carry_a_score(visit, address):
    """The expander computes when it is opened, and has a table beside its chart."""
    page = visit(address)
    expect(page.get_by_role("heading", name="How the query was routed")).to_be_visible()

    page.get_by_text("Which words carry it").click()

    expect(
        page.get_by_role("figure", name=re.compile("Bars of what each word adds"))
    ).to_have_count(2)
    expect(page.get_by_text("The words of the query as a table")).to_be_visible()


def test_the_page_is_accessible(visit, address, scheme):
    """Axe finds nothing that keeps anyone from using the page."""
    page = visit(address, scheme=scheme)
    expect(page.get_by_text("Hand off to Data Analyst")).to_be_visible()

    assert hurdles(page, "Explore") == []
