"""Lent files: how much there may be of them, and what becomes of them with their server."""

import pytest
from handoff_server import serving
from page_visitor import TAKEN, Visitor

from handoff.ui.uploads import uploader_key

NO_ROOM = 413
HEADER = b"id,name,description,tags\n"
AGENT = b"pilot,Pilot,fly to the moon,moon\n"
PAGE = """\
from handoff import ui
from handoff.ui import upload_room

upload_room.MOST_OF_A_VISIT_BYTES = 100
upload_room.MOST_OF_ALL_BYTES = 150
ui.main()
"""


@pytest.fixture(scope="module")
def where(root, tmp_path_factory):
    """Serve the page with little room; return its address."""
    folder = tmp_path_factory.mktemp("room")
    page = folder / "page.py"
    page.write_text(PAGE)
    with serving(folder, page, HANDOFF_REGISTRY=str(root / "agents.csv")) as (_, address):
        yield address


def lend(visitor, data):
    """Lend agents; return the status of the upload."""
    (uploader,) = visitor.named("agents_file_")
    return visitor.lend(uploader, "mine.csv", data)


@pytest.mark.slow
def test_files_that_there_is_no_room_for_are_refused(where):
    """Of a visit and of all together; what a visitor gives back makes room again."""
    with Visitor(where) as one, Visitor(where) as other:
        first = lend(one, HEADER + AGENT)
        of_a_visit = lend(one, HEADER + AGENT)
        of_another = lend(other, HEADER + AGENT)
        other.press("Back to the default agents")
        of_all = lend(other, HEADER + AGENT + b"d,Diver,swim to the ground of the sea,sea\n")
        one.press("Back to the default agents")
        given_back = lend(one, HEADER + AGENT)

    assert (first, of_another, given_back) == (TAKEN, TAKEN, TAKEN)
    assert (of_a_visit, of_all) == (NO_ROOM, NO_ROOM)


@pytest.mark.slow
def test_a_file_that_was_given_back_breaks_no_page(where):
    """A browser may tell of it once more, before it has heard that its uploader is gone."""
    with Visitor(where) as visitor:
        lend(visitor, HEADER + AGENT)
        visitor.press("Back to the default agents")
        visitor.write("q", "roses", "Route")

        assert visitor.shown("exception") == []
        assert not visitor.has("Back to the default agents")


@pytest.mark.slow
def test_no_uploader_lists_a_file_of_a_server_that_ended(where):
    """A browser keeps what it lent by the uploader's key: every process has a key of its own."""
    keys = []
    for _ in range(2):
        with Visitor(where) as visitor:
            keys.append(visitor.named("agents_file_"))

    assert keys[0] == keys[1]
    assert keys[0] != [uploader_key("agents")]
