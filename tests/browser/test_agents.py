"""The Agents page in a real browser: from a cell that is edited to a file that is saved."""

import re
import shutil
import signal
import time

import pytest
from playwright.sync_api import expect
from seen import bring_into_view, hurdles, settle

from tests.handoff_server import serving

ROW_PX = 35
DESCRIPTION = "weather forecast, rain and sunshine tomorrow"
TABS = ["Look at these first", "Overlap", "Map", "Why this agent"]
READY = re.compile(r"labelled queries is shown here before you save")


@pytest.fixture(scope="module")
def written(root, tmp_path_factory):
    """Return the folder that edits are saved to."""
    folder = tmp_path_factory.mktemp("written")
    for name in ("agents.csv", "cases.csv"):
        shutil.copy(root / name, folder)
    return folder


@pytest.fixture(scope="module")
def writing(written):
    """Serve that folder."""
    with serving(written) as (_, where):
        yield where


@pytest.fixture
def agents(visit, address):
    """Return a function that opens the page."""

    def open_agents(where=address, scheme="light"):
        page = visit(f"{where}/agents", scheme=scheme)
        expect(grid(page)).to_be_visible()
        expect(page.get_by_text(READY).or_(effect(page))).to_be_visible()
        settle(page)
        return page

    return open_agents


def grid(page):
    """Return the table of agents."""
    return page.get_by_role("region", name="Agents, one per row")


def effect(page):
    """Return the heading under which an edit's effect stands."""
    return page.get_by_role("heading", name="What your edit does")


def open_cell(page, row, column):
    """Open a cell from the row's first one by keyboard; return where its text is typed."""
    expect(grid(page).locator("[role=gridcell]").first).to_be_attached()
    box = bring_into_view(page, grid(page).locator("canvas").first)
    page.mouse.click(box["x"] + 60, box["y"] + ROW_PX * (row + 1) + 17)
    expect_chosen(page, row, 0)
    for at in range(column):
        page.keyboard.press("ArrowRight")
        expect_chosen(page, row, at + 1)
    page.keyboard.press("Enter")
    typing = page.locator("#portal textarea")
    typing.wait_for()
    return typing


def expect_chosen(page, row, column):
    """Wait until a cell is the chosen one: the table loses keys that come before it was drawn."""
    cell = grid(page).locator(f"#glide-cell-{column + 1}-{row}")
    expect(cell).to_have_attribute("aria-selected", "true")


def edit(page, row, column, text):
    """Type into a cell, and wait until it is on the server."""
    typing = open_cell(page, row, column)
    typing.fill(text)
    typing.press("Enter")
    expect(not_saved(page)).to_be_visible()
    settle(page)


def not_saved(page):
    """Return the badge that tells of edits which are in no file yet."""
    return page.get_by_text("Not saved")


def save(page):
    """Return the button that writes the file."""
    return page.get_by_role("button", name="Save", exact=True)


def test_an_edited_cell_shows_its_flips(served, agents):
    """Before anything is saved: words, figures, flips better and worse, and the neighbours."""
    before = (served / "agents.csv").read_text()
    page = agents()

    edit(page, 0, 2, DESCRIPTION)

    expect(effect(page)).to_be_visible()
    expect(page.get_by_text(re.compile(r"better, \d+ worse; accuracy goes from"))).to_be_visible()
    expect(page.get_by_role("heading", name="Against the saved agents")).to_be_visible()
    worse = page.get_by_role("region", name="Worse: cases that end differently")
    expect(worse.locator("[role=gridcell]").first).to_be_attached()
    shifts = page.get_by_role("region", name="Agents whose queries change")
    expect(shifts.locator("[role=gridcell]").filter(has_text="Data Analyst").first).to_be_attached()
    assert (served / "agents.csv").read_text() == before


@pytest.mark.xdist_group("written")
def test_by_keyboard_alone(written, writing, agents):
    """The table is reached, a cell edited, and the edit saved without a mouse."""
    page = agents(writing)

    grid(page).locator("canvas").first.focus()
    page.keyboard.press("ArrowRight")
    expect_chosen(page, 0, 1)
    page.keyboard.press("Enter")
    page.locator("#portal textarea").fill("Number Cruncher")
    page.keyboard.press("Enter")
    expect(save(page)).to_be_enabled()
    save(page).focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("Saved to agents.csv")).to_be_visible()
    assert "Number Cruncher" in (written / "agents.csv").read_text()


@pytest.mark.xdist_group("written")
def test_a_cell_that_save_itself_closes_is_not_lost(written, writing, agents):
    """A click on Save from within a cell saves it, or says that it is not saved."""
    page = agents(writing)
    edit(page, 0, 2, DESCRIPTION)
    open_cell(page, 1, 1).fill("Critic")
    told = page.get_by_text(re.compile("Edited: .*Critic"))

    save(page).click()
    deadline = time.monotonic() + 120
    while not (holds_critic(written) or told.is_visible()):
        assert time.monotonic() < deadline, "what was typed is neither saved nor told"
        page.wait_for_timeout(50)
    settle(page)
    if not holds_critic(written):
        expect(not_saved(page)).to_be_visible()
        save(page).click()
        expect(not_saved(page)).to_have_count(0)

    assert holds_critic(written)


def holds_critic(folder):
    """Tell whether the file has the second agent's new name."""
    return "code-reviewer,Critic," in (folder / "agents.csv").read_text()


def test_a_contested_pair_leads_to_its_queries(agents):
    """A row of the table of pairs, selected by keyboard, lists the queries between the two."""
    page = agents()
    page.get_by_role("tab", name="Overlap").click()
    pairs = page.get_by_role("region", name="Pairs of agents that contest queries")
    expect(pairs.locator("[role=gridcell]").first).to_be_attached()

    pairs.locator("canvas").first.focus()
    page.keyboard.press("Shift+Space")

    between = page.get_by_role("region", name="Queries whose best two agents these are")
    expect(between.locator("[role=gridcell]").first).to_be_attached()


def test_every_tab_is_accessible(agents, scheme):
    """Axe finds nothing on any tab beside an edit, and nobody has to scroll sideways."""
    page = agents(scheme=scheme)
    edit(page, 0, 2, DESCRIPTION)
    expect(effect(page)).to_be_visible()
    found = []

    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        settle(page)
        if tab == "Why this agent":
            page.get_by_role("combobox", name="Query").fill("a chart of the sales")
            page.keyboard.press("Enter")
            figures = page.get_by_role("figure", name=re.compile("Bars of what each word adds"))
            expect(figures).to_have_count(2)
        found += hurdles(page, tab)

    assert found == []


def test_an_edit_outlives_a_killed_server_and_a_reload(browser, start, folder):
    """Edited, killed with -9, started again: the edit is on the page, and Save saves it.

    The page that stood open shows what it does as soon as it is connected again, and so does a
    reload.
    """
    server, where = start(folder)
    page = browser.new_page()
    page.goto(f"{where}/agents")
    expect(page.get_by_text(READY)).to_be_visible()
    edit(page, 0, 2, DESCRIPTION)
    server.send_signal(signal.SIGKILL)
    server.wait()
    lost = page.get_by_test_id("stConnectionStatus")
    expect(lost).to_be_visible()
    start(folder, port=int(where.rpartition(":")[2]))
    expect(lost).to_have_count(0)
    expect(effect(page)).to_be_visible()
    expect(not_saved(page)).to_be_visible()
    page.reload()
    expect(effect(page)).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved to agents.csv")).to_be_visible()
    page.close()
    assert DESCRIPTION in (folder / "agents.csv").read_text()
