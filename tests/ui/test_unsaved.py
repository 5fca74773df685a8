"""What is not saved is in use on every page, and every page says so."""

from dataclasses import replace

import pytest
from app_pages import AGENTS, CHECK, EXPLORE, TUNE, open_page

AGENTS_CSV = """\
id,name,description,tags
baker,Baker,bread from the oven,bread
smith,Smith,iron horseshoes,iron
"""
CASES_CSV = "query,expected,chip\nbread from the oven,baker,Bread\niron horseshoes,smith,\n"
OTHER_CSV = "query,expected\nhot rolls,baker\n"


@pytest.fixture
def agents_csv():
    """Return the text of agents.csv."""
    return AGENTS_CSV


@pytest.fixture
def cases_csv():
    """Return the text of cases.csv."""
    return CASES_CSV


@pytest.fixture
def page(root, folder):  # noqa: ARG001 - the page reads it
    """Return the Agents page after its first run."""
    return open_page(root, "agents").run()


def edit(page, at, **cells):
    """Type into the table of agents, as its callback would have kept it; run the page."""
    ((source, one),) = page.session_state["agents_drafts"].items()
    names = ("id", "name", "description", "tags", "threshold")
    rows = [dict(zip(names, row, strict=True)) for row in one.rows]
    rows[at] |= cells
    rows = tuple(tuple(row.values()) for row in rows)
    page.session_state["agents_drafts"] = {source: replace(one, rows=rows)}
    return page.run()


def press(page, label):
    """Click a button and run the page."""
    (button,) = (each for each in page.button if each.label == label)
    return button.click().run()


def said(page):
    """Return everything that the page says in words."""
    kinds = (page.markdown, page.caption, page.error, page.success, page.warning, page.info)
    return " ".join(each.value for kind in kinds for each in kind).replace("\\", "")


@pytest.mark.parametrize("screen", [EXPLORE, TUNE, CHECK])
def test_every_page_tells_what_is_unsaved(page, screen):
    """One agent edited: the same words and the same two buttons wherever the visitor goes."""
    page.switch_page(screen).run()
    assert "edited agent" not in said(page)
    page.switch_page(AGENTS).run()
    edit(page, 1, name="Farrier")
    page.switch_page(screen).run()
    assert not page.exception
    assert "1 edited agent" in said(page)
    assert "In use on every page, for you alone." in said(page)
    assert {"Save all", "Discard all"} <= {each.label for each in page.button}


def test_on_agents_a_first_edit_pushes_no_cell_away(page):
    """There it is told below the table, beside the buttons that the page has for it."""
    edit(page, 1, name="Farrier")
    assert "1 edited agent" not in said(page)
    assert "In use on every page, for you alone." in said(page)
    assert "Save all" not in {each.label for each in page.button}


def test_an_edited_agent_takes_queries_on_explore(page):
    """The unsaved description decides there, under the unsaved name."""
    page.switch_page(EXPLORE).run()
    assert "Baker" in said(page)
    page.switch_page(AGENTS).run()
    edit(page, 0, name="Pastry Chef")
    page.switch_page(EXPLORE).run()
    assert "Pastry Chef" in said(page)
    press(page, "Discard all")
    assert "Pastry Chef" not in said(page)
    assert "edited agent" not in said(page)


def test_an_edited_agent_is_judged_on_tune_and_on_check(page, folder):
    """Both pages route on it, and no threshold is saved for agents that are in no file."""
    edit(page, 1, name="Farrier")
    page.switch_page(TUNE).run()
    assert not page.exception
    (save,) = (each for each in page.button if each.label == "Save")
    assert save.disabled
    page.switch_page(CHECK).run()
    assert "Farrier" in said(page)
    assert "Farrier" not in (folder / "agents.csv").read_text()


def test_examples_chosen_on_tune_teach_explore(page):
    """A query that nobody took is its example's agent's on Explore, before anything is saved."""
    page.switch_page(TUNE).run()
    press(page, "Make examples")
    assert "2 unsaved examples" in said(page)
    page.switch_page(EXPLORE).run()
    assert "2 unsaved examples" in said(page)
    assert len(page.session_state["opened_others"][-1][1].registry.examples) == 2
    page.switch_page(TUNE).run()
    page.toggle(key="e").set_value(False).run()
    page.switch_page(EXPLORE).run()
    assert "Examples are not in use on any page" in said(page)


def test_save_all_writes_agents_and_examples(page, folder):
    """From any page; afterwards nothing is unsaved."""
    edit(page, 1, name="Farrier")
    page.switch_page(TUNE).run()
    press(page, "Make examples")
    page.switch_page(EXPLORE).run()
    press(page, "Save all")
    assert "Farrier" in (folder / "agents.csv").read_text()
    assert "iron horseshoes,smith" in (folder / "examples.csv").read_text()
    assert "Save all" not in {each.label for each in page.button}


def test_save_all_writes_nothing_over_what_somebody_else_saved(page, folder):
    """It says where both can be compared, and the edit stays."""
    edit(page, 1, name="Farrier")
    page.switch_page(EXPLORE).run()
    (folder / "agents.csv").write_text(AGENTS_CSV.replace("Baker", "Miller"))
    press(page, "Save all")
    assert "compare both on Agents" in said(page)
    assert "Farrier" not in (folder / "agents.csv").read_text()
    assert "1 edited agent" in said(page)


def test_a_row_that_breaks_a_rule_is_not_in_use_and_the_page_says_so(page):
    """Explore goes on with the saved agents, and names the row."""
    edit(page, 0, name="Pastry Chef", id="smith")
    page.switch_page(EXPLORE).run()
    assert "not in use until they are corrected on Agents" in said(page)
    assert "Pastry Chef" not in said(page)


def test_the_set_chosen_on_tune_is_judged_on_check(page, folder):
    """Check's labelled queries are those of the set that Tune shows."""
    (folder / "other.csv").write_text(OTHER_CSV)
    page.switch_page(TUNE).run()
    (chosen,) = (each for each in page.selectbox if each.label == "Set")
    chosen.set_value(folder / "other.csv").run()
    # A browser needs one run; AppTest sends the boxes of the page before with the first.
    page.switch_page(CHECK).run().run()
    assert "hot rolls" in said(page) + " ".join(each.value for each in page.subheader)
