"""A link to Explore: it shows the same verdict, or says that it may not."""

from dataclasses import replace

import pytest
from app_pages import AGENTS, EXPLORE, open_page

from handoff.files.drafts import lend

AGENTS_CSV = """\
id,name,description,tags
baker,Baker,bread from the oven,bread
smith,Smith,iron horseshoes,iron
"""
CASES_CSV = "query,expected,chip\nbread from the oven,baker,Bread\n"
OTHERS = "made on other agents or examples than are in use here"


@pytest.fixture
def agents_csv():
    """Return the text of agents.csv."""
    return AGENTS_CSV


@pytest.fixture
def cases_csv():
    """Return the text of cases.csv."""
    return CASES_CSV


@pytest.fixture
def follow(root, folder):  # noqa: ARG001 - the page reads it
    """Return a function that opens Explore by a link, in a session of its own."""

    def open_link(link=None):
        page = open_page(root, "explore")
        if link is not None:
            page.query_params["r"] = link
        return page.run()

    return open_link


def link_of(page):
    """Return what the page's address says of its ground."""
    return "".join(page.query_params["r"])


def warned(page):
    """Return what the page warns of."""
    return " ".join(told.value for told in page.warning)


def edit(page):
    """Rename the first agent without saving it, and come back to Explore."""
    page.switch_page(AGENTS).run()
    ((source, one),) = page.session_state["agents_drafts"].items()
    rows = (("baker", "Pastry Chef", *one.rows[0][2:]), *one.rows[1:])
    page.session_state["agents_drafts"] = {source: replace(one, rows=rows)}
    return page.switch_page(EXPLORE).run()


def test_a_link_to_the_same_agents_is_followed_without_a_word(follow):
    """Another session on the same files has the same ground, and keeps the link."""
    link = link_of(follow())
    page = follow(link)
    assert OTHERS not in warned(page)
    assert link_of(page) == link


def test_a_link_made_on_unsaved_agents_says_what_its_reader_lacks(follow):
    """It names what to ask for, and stays a link to what its maker saw until that was read."""
    mine = edit(follow())
    assert "made on" not in warned(mine)
    assert any("Others, who lack your agents" in each.value for each in mine.caption)
    page = follow(link_of(mine))
    assert OTHERS in warned(page)
    assert "agents.csv and examples.csv" in warned(page)
    assert link_of(page) == link_of(mine)
    (button,) = (each for each in page.button if each.label == "Go on with what is here")
    button.click().run()
    assert OTHERS not in warned(page)
    assert link_of(page) == link_of(follow())


def test_a_link_made_on_lent_agents_says_so(follow):
    """What its maker uploaded is not on the server for anybody else."""
    maker = follow()
    data = AGENTS_CSV.replace("Smith", "Farrier").encode()
    maker.session_state["upload_agents"] = lend("mine.csv", data)
    maker.run()
    assert OTHERS in warned(follow(link_of(maker)))


def test_a_link_to_a_file_that_changed_says_so(follow, folder):
    """Whoever saved agents since then changed what every link shows."""
    link = link_of(follow())
    (folder / "agents.csv").write_text(AGENTS_CSV.replace("Smith", "Farrier"))
    assert OTHERS in warned(follow(link))


def test_a_link_to_the_saved_agents_tells_who_edits_them(follow):
    """Its reader has unsaved edits: the page says that these decide."""
    link = link_of(follow())
    page = edit(follow())
    page.query_params["r"] = link
    # The session knows this ground as one that it had itself: a browser opens a link anew.
    del page.session_state["explore_stands_on"]
    page.run()
    assert "as they are saved; you see it on yours" in warned(page)


def test_a_saved_policy_that_changed_is_told_apart(follow, folder):
    """The agents are the same; the threshold that a link leaves to the file is not."""
    link = link_of(follow())
    (folder / "handoff.toml").write_text("threshold = 0.9\n")
    page = follow(link)
    assert "another model or saved policy" in warned(page)


def test_a_session_that_changes_its_agents_is_not_warned_of_itself(follow):
    """Its own address follows."""
    page = follow()
    before = link_of(page)
    edit(page)
    assert link_of(page) != before
    assert "made on" not in warned(page)


@pytest.mark.parametrize("link", ["", "x", "0" * 5_000, "ABCDEF01-00000000", "\0", "[a](b)"])
def test_what_is_no_ground_is_passed_over(follow, link):
    """A link that somebody mangled is one without a ground."""
    page = follow(link)
    assert not page.exception
    assert "link was made" not in warned(page)
    assert link_of(page) == link_of(follow())
