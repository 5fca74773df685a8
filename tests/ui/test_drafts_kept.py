"""What is not saved outlives the session that it was typed in."""

import secrets
from dataclasses import replace

import pytest
from app_pages import open_page

from handoff.files.cases import Case
from handoff.files.drafts import lend
from handoff.ui import drafts, visit

AGENTS = "id,name,description,tags\nbaker,Baker,bread,bread\nsmith,Smith,iron,iron\n"
CASES = "query,expected,chip\nbread,baker,Bread\niron horseshoes,smith,\n"
MINE = AGENTS.replace("Smith", "Farrier")


@pytest.fixture
def agents_csv():
    """Return the text of agents.csv."""
    return AGENTS


@pytest.fixture
def cases_csv():
    """Return the text of cases.csv."""
    return CASES


@pytest.fixture
def come(root, folder, monkeypatch):  # noqa: ARG001 - the page reads it
    """Return a function that opens a page in a session of its own, as a visitor with a name."""

    def open_as(name, who="ada"):
        monkeypatch.setattr(visit, "browser", lambda: who)
        return open_page(root, name).run()

    return open_as


def press(page, label):
    """Click a button and run the page."""
    (button,) = (each for each in page.button if each.label == label)
    return button.click().run()


def edit(page, at, **cells):
    """Type into the table of agents, as its callback would have kept it; run the page."""
    one = visitors_draft(page)
    rows = [
        dict(zip(("id", "name", "description", "tags", "threshold"), row, strict=True))
        for row in one.rows
    ]
    rows[at] |= cells
    edited = replace(one, rows=tuple(tuple(row.values()) for row in rows))
    page.session_state["agents_drafts"] = {one.source: edited}
    return page.run()


def visitors_draft(page):
    """Return the agents as this session has edited them."""
    (one,) = page.session_state["agents_drafts"].values()
    return one


def test_an_edit_outlives_its_session_and_saves(come, folder):
    """A page that is opened anew shows the edit, and Save writes it; nothing stays on the disk."""
    edit(come("agents"), 1, name="Farrier")
    page = come("agents")
    assert visitors_draft(page).rows[1][1] == "Farrier"
    press(page, "Save")
    assert "Farrier" in (folder / "agents.csv").read_text()
    page.run()
    assert not visitors_draft(come("agents")).pending


def test_another_visitor_begins_with_what_is_saved(come):
    """An edit is its visitor's alone."""
    edit(come("agents"), 1, name="Farrier")
    assert not visitors_draft(come("agents", who="bob")).pending
    assert visitors_draft(come("agents")).pending


def test_a_browser_without_a_name_shares_nothing(come):
    """Who cannot be known again is a visitor of their own."""
    edit(come("agents", who=None), 1, name="Farrier")
    assert not visitors_draft(come("agents", who=None)).pending


def test_a_discarded_edit_is_gone_everywhere(come):
    """Discard removes it from the disk too."""
    press(edit(come("agents"), 1, name="Farrier"), "Discard")
    assert not visitors_draft(come("agents")).pending


def test_a_file_that_changed_meanwhile_is_told_as_ever(come, folder):
    """The edit is there, and nothing is written until its visitor chose."""
    edit(come("agents"), 1, name="Farrier")
    (folder / "agents.csv").write_text(AGENTS.replace("Baker", "Miller"))
    page = come("agents")
    assert any("changed by somebody else" in told.value for told in page.warning)
    assert visitors_draft(page).rows[1][1] == "Farrier"


def test_examples_labels_and_uploads_outlive_their_session(come):
    """Examples chosen, queries labelled and files lent are there in the next session."""
    page = come("tune")
    press(page, "Make examples")
    page.session_state["set_added"] = {False: [Case("rolls", "baker", "", 9)]}
    page.run()
    again = come("tune")
    assert len(again.session_state["tune_examples"]) == 2
    assert again.session_state["tune_examples_from"] == ()
    assert again.session_state["set_added"][False] == [Case("rolls", "baker", "", 9)]
    again.session_state["upload_agents"] = lend("mine.csv", MINE.encode())
    again.run()
    later = come("agents")
    assert later.session_state["opened_own"]
    assert visitors_draft(later).rows[1][1] == "Farrier"


def test_where_nothing_can_be_kept_the_page_says_so(come, tmp_path, monkeypatch):
    """Before a reload loses an edit its visitor was told."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("HANDOFF_STATE_DIR", str(tmp_path / "file"))
    page = come("agents")
    assert not page.error
    edit(page, 1, name="Farrier")
    assert any("reload of the page would lose it" in told.value for told in page.error)


def test_a_browser_that_sends_no_cookie_is_told_before_it_loses_an_edit(come, monkeypatch):
    """It would not be known again after a reload."""
    monkeypatch.setattr(drafts, "_has_browser", lambda: True)
    page = come("agents", who=None)
    assert not page.error
    edit(page, 1, name="Farrier")
    assert any("sends no cookie" in told.value for told in page.error)
    assert not press(page, "Discard").error


def test_a_lent_file_that_finds_no_room_again_is_told(come, monkeypatch):
    """The saved agents are in use, and the page names the file to upload again."""
    page = come("explore")
    page.session_state["upload_agents"] = lend("mine.csv", MINE.encode())
    page.run()
    monkeypatch.setattr(drafts, "bring_back", lambda _: False)
    later = come("explore")
    assert any("no room for mine" in told.value for told in later.error)
    assert "opened_own" not in later.session_state


def test_a_table_never_has_the_key_of_a_session_before(come, monkeypatch):
    """A browser still holds that one's edits, and would send them to a table of the same name."""
    first = visitors_draft(come("agents")).key
    monkeypatch.setattr(secrets, "randbelow", lambda _: 5)
    assert visitors_draft(come("agents")).key == "agents_table_6" != first
