"""The Tune page in a real browser: journeys from a set of cases to a threshold and back."""

import re

import pytest
from playwright.sync_api import expect
from seen import bring_into_view, cut_labels, hurdles, press_often, scrolled_legends, settle

THINGS = "printer laptop phone router monitor keyboard mouse camera tablet scanner"
MOODS = "sadness worry grief anger loneliness stress fear doubt shame guilt"
TABS = ["Every threshold", "Where queries are lost", "Confusion matrix"]


@pytest.fixture
def tune(visit, address):
    """Return a function that opens the page."""

    def open_tune(where=address, scheme="light"):
        page = visit(f"{where}/tune", scheme=scheme)
        stand(page)
        return page

    return open_tune


def go(page, name):
    """Go to another page and wait until it stands."""
    page.get_by_role("link", name=name).first.click()
    heading = {"Tune": "Labelled queries", "Explore": "How the query was routed"}[name]
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    if name == "Tune":
        stand(page)
    settle(page)


def stand(page):
    """Wait until the labelled set is judged."""
    expect(page.get_by_role("heading", name="Cases")).to_be_visible()
    settle(page)


def figure(page, name):
    """Return one of the figures of the set, not of the recommendation."""
    return page.get_by_test_id("stMetric").filter(has_text=re.compile(f"^{name}")).last


def group(page):
    """Return which cases are listed, as the select above the list has it."""
    return page.get_by_role("combobox", name="Which cases")


def cells(page, table):
    """Return the cells of a table; the grid draws on a canvas and keeps them inside for readers."""
    grid = page.get_by_role("region", name=table)
    bring_into_view(page, grid)
    return grid.locator("[role=gridcell]")


def select_row(page, table, row):
    """Select a row of a table, counted from 0, with the keyboard alone."""
    expect(cells(page, table).first).to_be_attached()
    page.get_by_role("region", name=table).locator("canvas").first.focus()
    for _ in range(row):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Space")


def click_mark(page, chart, marks, at):
    """Click on the middle of a bar or a cell of a chart."""
    mark = page.get_by_role("figure", name=re.compile(chart)).locator(marks).nth(at)
    box = bring_into_view(page, mark)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_sweep_and_pick(tune):
    """Keys move figures and flips, and `Use it` moves the slider to the recommendation."""
    page = tune()
    slider = page.get_by_role("slider", name="Threshold")
    accuracy = figure(page, "Accuracy")
    at_first = accuracy.inner_text()
    expect(page.get_by_text("Move a control")).to_be_visible()

    press_often(slider, "PageUp", 2)
    press_often(slider, "ArrowRight", 5)

    expect(page.get_by_text(re.compile(r"at the threshold 0\.53 \(as asked for\)"))).to_be_visible()
    expect(accuracy).not_to_have_text(at_first)
    expect(page.get_by_role("heading", name="Against the default threshold")).to_be_visible()
    expect(cells(page, "Worse: cases that end differently").first).to_be_attached()
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_role("button", name="Use it")).to_be_disabled()
    expect(slider).not_to_have_value("0.53")


def test_a_bar_leads_to_its_cases(tune):
    """A click on where queries are lost lists the cases that were lost there."""
    page = tune()
    page.get_by_role("tab", name="Where queries are lost").click()

    click_mark(page, "Bars of where queries are lost", ".bars path", 1)

    expect(group(page)).to_have_value(re.compile(r"^Another agent ranked first \("))
    expect(cells(page, "Cases; select one").filter(has_text="wrong agent").first).to_be_attached()


def test_a_cell_of_the_matrix_leads_to_its_cases(tune):
    """A click on a confusion lists the cases of that pair."""
    page = tune()
    page.get_by_role("tab", name="Confusion matrix").click()

    click_mark(page, "Confusion matrix of who", ".points path", 0)

    expect(group(page)).to_have_value(re.compile(r"^.+ \u2192 .+ \(\d+\)$"))


def test_the_tables_lead_there_by_keyboard(tune):
    """What a click on a chart does, Shift+Space on a row of its table does as well."""
    page = tune()
    page.get_by_role("tab", name="Where queries are lost").click()

    select_row(page, "Where queries are lost", 1)
    expect(group(page)).to_have_value(re.compile(r"^Another agent ranked first \("))
    page.get_by_role("tab", name="Confusion matrix").click()
    select_row(page, "Who should get queries", 1)

    expect(group(page)).to_have_value(re.compile(r"^.+ \u2192 .+ \(\d+\)$"))


def test_a_case_opens_in_explore_by_keyboard(tune):
    """Row and link are reached without a mouse; the query arrives under the tuned threshold."""
    page = tune()
    slider = page.get_by_role("slider", name="Threshold")
    slider.focus()
    slider.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"t=0\.29"))

    select_row(page, "Cases; select one", 1)
    link = page.get_by_role("link", name="Open in Explore")
    expect(link).to_have_attribute("href", re.compile("q=Build"))
    link.focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="How the query was routed")).to_be_visible()
    expect(page.get_by_role("textbox", name="Query")).to_have_value(
        "Build a neural network that recognizes objects in product photos"
    )
    expect(page.get_by_text("Hand off to Machine Learning Engineer")).to_be_visible()
    expect(page.get_by_role("slider", name="Threshold")).to_have_value("0.29")


def test_a_threshold_holds_on_both_pages(tune):
    """Tuned here it holds on Explore; moved there it holds here."""
    page = tune()
    slider = page.get_by_role("slider", name="Threshold")
    press_often(slider, "ArrowRight", 5)
    expect(page.get_by_text(re.compile(r"at the threshold 0\.33 "))).to_be_visible()

    go(page, "Explore")
    expect(slider).to_have_value("0.33")
    press_often(slider, "ArrowRight", 3)
    expect(page.get_by_role("figure", name=re.compile("Bar chart"))).to_contain_text(
        "threshold 0.36"
    )
    go(page, "Tune")

    expect(slider).to_have_value("0.36")
    expect(page.get_by_text(re.compile(r"at the threshold 0\.36 "))).to_be_visible()


def test_a_saved_threshold_is_where_the_next_visit_begins(folder, serve, tune):
    """Save writes handoff.toml, and a page that is opened later starts there."""
    served = serve(folder)
    page = tune(served)
    press_often(page.get_by_role("slider", name="Threshold"), "ArrowLeft", 6)
    expect(page.get_by_text(re.compile(r"at the threshold 0\.22 "))).to_be_visible()

    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved to handoff.toml.")).to_be_visible()
    again = tune(served)

    expect(again.get_by_role("slider", name="Threshold")).to_have_value("0.22")
    expect(again.get_by_text(re.compile(r"0\.22 \(from handoff\.toml\)"))).to_be_visible()
    assert "threshold = 0.22\n" in (folder / "handoff.toml").read_text()


def test_own_thresholds_are_shown_and_act_once_written(folder, serve, tune):
    """What will be written stands in a table first; then the figures are those of the new rows."""
    write_uneven_set(folder)
    page = tune(serve(folder))
    expect(page.get_by_text("38 of 80 cases end as labelled")).to_be_visible()
    page.get_by_text("Agents' own thresholds", exact=True).last.click()
    expect(cells(page, "Each agent's own threshold").first).to_be_attached()

    page.get_by_role("button", name="Write them to the agents' file").click()
    expect(page.get_by_text("The agents' own thresholds were saved.")).to_be_visible()

    expect(page.get_by_text(re.compile("of 80 cases end as labelled"))).not_to_contain_text("38 of")
    page.get_by_text("More controls").click()
    expect(page.get_by_role("switch", name="Agents' own thresholds")).to_be_checked()


def write_uneven_set(folder):
    """Write two agents, one of which scores much higher than the other, and eighty cases."""
    (folder / "agents.csv").write_text(
        "id,name,description,tags\n"
        f"repair,Repair shop,repair a broken {THINGS},\n"
        "counsel,Counsellor,listens when life is hard,\n"
    )
    rows = [
        f"{verb} a broken {thing},repair"
        for verb in ("repair", "fix", "replace")
        for thing in THINGS.split()
    ]
    rows += [
        f"{what} {thing}," for thing in THINGS.split() for what in ("buy a new", "sell an old")
    ]
    rows += [
        f"{what} {mood},counsel"
        for mood in MOODS.split()
        for what in ("help with my", "I feel so much", "what to do about")
    ]
    (folder / "cases.csv").write_text("\n".join(["query,expected", *rows]) + "\n")


def test_uploaded_cases_stay_for_the_visit(tune):
    """A set of the visitor's own is judged here, and still is after a change of page."""
    page = tune()
    page.get_by_text("Your own agents, for this session").click()

    page.locator("input[type=file]").last.set_input_files(
        {
            "name": "mine.csv",
            "mimeType": "text/csv",
            "buffer": b"query,expected,chip\nchart of sales,data-analyst,Sales\nsing a song,,\n",
        }
    )
    expect(page.get_by_text(re.compile(r"of 2 cases end as labelled"))).to_be_visible()
    go(page, "Explore")
    go(page, "Tune")

    expect(page.get_by_text(re.compile(r"of 2 cases end as labelled"))).to_be_visible()
    expect(page.get_by_text("In use: mine.csv.")).to_be_attached()


def test_a_labelled_query_joins_the_set(tune):
    """A query that is typed and labelled counts at once."""
    page = tune()
    page.get_by_text("Label a query").click()

    page.get_by_role("textbox", name="Query").fill("bake a cake for the party")
    page.get_by_role("button", name="Add", exact=True).click()

    expect(page.get_by_text(re.compile(r"of 211 cases end as labelled"))).to_be_visible()
    expect(page.get_by_text("1 label added in this session.")).to_be_visible()


def test_labels_and_legends_fit(tune):
    """At 1280 pixels no figure's name is cut, and on a phone no legend scrolls."""
    page = tune()
    expect(page.get_by_role("figure").nth(2)).to_be_visible()
    cut = cut_labels(page)
    page.set_viewport_size({"width": 390, "height": 900})
    settle(page)
    expect(page.locator(".legend").nth(2)).to_be_attached()
    page.wait_for_timeout(1_000)

    assert (cut, scrolled_legends(page)) == ([], [])


def test_every_tab_is_accessible(tune, scheme):
    """Axe finds nothing on any tab, and nobody has to scroll sideways."""
    page = tune(scheme=scheme)
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_role("heading", name="Against the default threshold")).to_be_visible()
    found = []

    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("figure").nth(1)).to_be_visible()
        found += hurdles(page, tab)

    assert found == []
