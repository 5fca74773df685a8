"""The Agents page in a real browser: from a cell that is edited to a file that is saved."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
ROW_PX = 35
DESCRIPTION = "weather forecast, rain and sunshine tomorrow"
TABS = ["Look at these first", "Overlap", "Map", "Why this agent"]
READY = re.compile(r"labelled queries stands here before you save")

KILLED_BETWEEN_WRITE_AND_RENAME = """
import os, sys
from pathlib import Path
from handoff.files.registry import load_registry, save_registry
from handoff.core.model import Registry

path = Path(sys.argv[1])
Path.replace = lambda *_: os._exit(9)
save_registry(path, Registry(load_registry(path).agents[:1]))
"""


@pytest.fixture
def folder(root, tmp_path):
    """Return a folder with the project's own agents and cases, to be served and written to."""
    for name in ("agents.csv", "cases.csv"):
        shutil.copy(root / name, tmp_path)
    return tmp_path


@pytest.fixture
def agents(visit, address):
    """Return a function that opens the page from the navigation."""

    def open_agents(where=address, scheme="light"):
        page = visit(where, scheme=scheme)
        go(page, "Agents")
        return page

    return open_agents


def go(page, name):
    """Go to another page and wait until it stands."""
    page.get_by_role("link", name=name).first.click()
    if name == "Agents":
        expect(grid(page)).to_be_visible(timeout=20_000)
        expect(page.get_by_text(READY).or_(effect(page))).to_be_visible(timeout=60_000)
    page.locator(SETTLED).wait_for()


def grid(page):
    """Return the table of agents."""
    return page.get_by_role("region", name="Agents, one a row")


def effect(page):
    """Return the heading under which an edit's effect stands."""
    return page.get_by_role("heading", name="What your edit does")


def open_cell(page, row, column):
    """Open a cell from the row's first one by keyboard; return where its text is typed."""
    expect(grid(page).locator("[role=gridcell]").first).to_be_attached()
    grid(page).scroll_into_view_if_needed()
    box = grid(page).locator("canvas").first.bounding_box()
    page.mouse.click(box["x"] + 60, box["y"] + ROW_PX * (row + 1) + 17)
    for _ in range(column):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    typing = page.locator("#portal textarea")
    typing.wait_for()
    return typing


def edit(page, row, column, text):
    """Type into a cell."""
    typing = open_cell(page, row, column)
    typing.fill(text)
    typing.press("Enter")
    arrive(page)


def arrive(page):
    """Wait until what was typed is on the server: the browser gathers changes for a moment."""
    page.wait_for_timeout(400)
    page.locator(SETTLED).wait_for()


def test_an_edited_cell_shows_its_flips(folder, serve, agents):
    """Before anything is saved: words, figures, flips better and worse, and the neighbours."""
    before = (folder / "agents.csv").read_text()
    page = agents(serve(folder))

    edit(page, 0, 2, DESCRIPTION)

    expect(effect(page)).to_be_visible()
    expect(page.get_by_text(re.compile(r"better, \d+ worse; accuracy goes from"))).to_be_visible()
    expect(page.get_by_role("heading", name="Against the saved agents")).to_be_visible()
    worse = page.get_by_role("region", name="Worse: cases that end otherwise")
    expect(worse.locator("[role=gridcell]").first).to_be_attached()
    shifts = page.get_by_role("region", name="Agents that get other queries than before")
    expect(shifts.locator("[role=gridcell]").filter(has_text="Data Analyst").first).to_be_attached()
    assert (folder / "agents.csv").read_text() == before


def test_save_and_discard(folder, serve, agents):
    """Discard brings the old text back; Save writes the file and keeps the old one beside it."""
    before = (folder / "agents.csv").read_text()
    page = agents(serve(folder))

    edit(page, 0, 2, DESCRIPTION)
    expect(page.get_by_text("Not saved")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Not saved")).to_have_count(0)
    expect(page.get_by_text(READY)).to_be_visible()
    edit(page, 0, 2, DESCRIPTION)
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("Saved to agents.csv; the old one is agents.csv.bak.")).to_be_visible()
    assert DESCRIPTION in (folder / "agents.csv").read_text()
    assert (folder / "agents.csv.bak").read_text() == before


def test_by_keyboard_alone(folder, serve, agents):
    """The table is reached, a cell edited, and the edit saved without a mouse."""
    page = agents(serve(folder))

    grid(page).locator("canvas").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator("#portal textarea").fill("Number Cruncher")
    page.keyboard.press("Enter")
    arrive(page)
    page.get_by_role("button", name="Save", exact=True).focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("Saved to agents.csv")).to_be_visible()
    assert "Number Cruncher" in (folder / "agents.csv").read_text()


def test_an_edit_outlives_another_page(folder, serve, agents):
    """Explore and back: the cell still holds what was typed, and a second edit joins it."""
    page = agents(serve(folder))

    edit(page, 0, 2, DESCRIPTION)
    expect(effect(page)).to_be_visible()
    go(page, "Explore")
    expect(page.get_by_role("heading", name="How the query was routed")).to_be_visible()
    go(page, "Agents")
    expect(effect(page)).to_be_visible()
    edit(page, 1, 1, "Critic")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved to agents.csv")).to_be_visible()

    saved = (folder / "agents.csv").read_text()
    assert DESCRIPTION in saved
    assert "code-reviewer,Critic," in saved


def test_the_second_window_is_told(folder, serve, agents):
    """Its Save does not overwrite the first one's; it compares, and can still be saved."""
    served = serve(folder)
    first, second = agents(served), agents(served)
    edit(first, 0, 2, DESCRIPTION)
    edit(second, 1, 1, "Critic")
    expect(effect(second)).to_be_visible()

    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.get_by_text("Saved to agents.csv")).to_be_visible()
    second.get_by_role("button", name="Save", exact=True).click()

    expect(second.get_by_text("was changed by somebody else")).to_be_visible()
    compared = second.get_by_role("region", name="Where the file and your edit differ")
    expect(compared.locator("[role=gridcell]").filter(has_text="Critic").first).to_be_attached()
    expect(compared.locator("[role=gridcell]").filter(has_text=DESCRIPTION)).to_have_count(1)
    assert "Critic" not in (folder / "agents.csv").read_text()
    with second.expect_download() as download:
        second.get_by_role("button", name="Download mine").click()
    assert "Critic" in download.value.path().read_text()
    second.get_by_role("button", name="Save mine all the same").click()
    expect(second.get_by_text("Saved to agents.csv")).to_be_visible()
    assert "Critic" in (folder / "agents.csv").read_text()
    assert DESCRIPTION in (folder / "agents.csv.bak").read_text()


def test_a_cell_that_save_itself_closes_is_not_lost(folder, serve, agents):
    """A click on Save from within a cell saves it, or says that it is not saved."""
    page = agents(serve(folder))
    edit(page, 0, 2, DESCRIPTION)
    open_cell(page, 1, 1).fill("Critic")

    page.get_by_role("button", name="Save", exact=True).click()
    expect(
        page.get_by_text("Saved to agents.csv").or_(page.get_by_text("Not saved"))
    ).not_to_have_count(0)
    arrive(page)
    if "Critic" not in (folder / "agents.csv").read_text():
        expect(page.get_by_text("Not saved")).to_be_visible()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Not saved")).to_have_count(0)

    assert "code-reviewer,Critic," in (folder / "agents.csv").read_text()


def test_an_invalid_cell_is_told(folder, serve, agents):
    """A name that is emptied is a sentence with the row; filled in again, the effect is back."""
    page = agents(serve(folder))

    edit(page, 1, 0, "data-analyst")
    said = page.get_by_text("'data-analyst' is already the id of line 1")
    expect(said).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    edit(page, 1, 0, "reviewer")

    expect(said).to_have_count(0)
    expect(effect(page)).to_be_visible()


def test_a_file_is_imported_as_an_edit(folder, serve, agents):
    """Its rows stand in the table, its effect below; nothing is saved yet."""
    before = (folder / "agents.csv").read_text()
    page = agents(serve(folder))

    page.get_by_role("button", name="Import").click()
    page.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files(
        {
            "name": "mine.csv",
            "mimeType": "text/csv",
            "buffer": b"id,name,description,tags\ndata-analyst,Ann,charts of sales,data\n",
        }
    )

    expect(page.get_by_role("heading", name="1 agent", exact=True)).to_be_visible()
    expect(effect(page)).to_be_visible()
    expect(page.get_by_text(re.compile("cases of agents that are gone"))).to_be_visible()
    assert (folder / "agents.csv").read_text() == before


def test_a_kill_between_write_and_rename_leaves_the_whole_old_file(folder):
    """The new text was written, the name still means the old one, and its copy is whole too."""
    before = (folder / "agents.csv").read_bytes()

    ended = subprocess.run(
        [sys.executable, "-c", KILLED_BETWEEN_WRITE_AND_RENAME, str(folder / "agents.csv")],
        env=os.environ,
        check=False,
    )

    assert ended.returncode == 9
    assert (folder / "agents.csv").read_bytes() == before
    assert (folder / "agents.csv.bak").read_bytes() == before


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


def test_explore_tells_which_words_carry_a_score(visit, address):
    """The expander computes when it is opened, and has a table beside its chart."""
    page = visit(address)
    expect(page.get_by_role("heading", name="How the query was routed")).to_be_visible()

    page.get_by_text("Which words carry it").click()

    expect(
        page.get_by_role("figure", name=re.compile("Bars of what each word adds"))
    ).to_have_count(2, timeout=20_000)
    expect(page.get_by_text("The words of the query as a table")).to_be_visible()


def test_the_page_is_accessible(agents, view):
    """Axe finds nothing on any tab beside an edit, and nobody has to scroll sideways."""
    width, scheme = view
    page = agents(scheme=scheme)
    edit(page, 0, 2, DESCRIPTION)
    expect(effect(page)).to_be_visible()
    # Only now, since a narrow window folds the navigation away.
    page.set_viewport_size({"width": width, "height": 900})
    page.locator(SETTLED).wait_for()
    troubles = []

    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        page.locator(SETTLED).wait_for()
        if tab == "Why this agent":
            page.get_by_role("combobox", name="Query").fill("a chart of the sales")
            page.keyboard.press("Enter")
            figures = page.get_by_role("figure", name=re.compile("Bars of what each word adds"))
            expect(figures).to_have_count(2, timeout=20_000)
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
        troubles += [
            (tab, violation["id"], [node["html"] for node in violation["nodes"]])
            for violation in found.response["violations"]
        ]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            troubles.append((tab, "scrolls sideways", []))

    assert troubles == []
