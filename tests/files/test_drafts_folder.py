"""Where drafts are kept: by visit, bounded, swept."""

import os
import stat

import pytest

from handoff.core.errors import DraftsError
from handoff.core.model import Example
from handoff.files import drafts_folder
from handoff.files.drafts import ChosenExamples, Drafts, lend
from handoff.files.drafts_folder import KEPT_SECONDS, DraftsFolder

MINE = Drafts(examples=ChosenExamples((), (Example("rye", "baker"),)))
OTHER = Drafts(examples=ChosenExamples((), (Example("roses", "florist"),)))


@pytest.fixture
def folder(tmp_path):
    """Return where drafts are kept; it does not exist yet."""
    return tmp_path / "state" / "drafts"


def test_a_page_that_is_opened_anew_takes_over_what_its_visit_left(folder):
    """What one page kept another page of the same visit has, once: then the first keeps its own."""
    left = DraftsFolder(folder, "secret", "one")
    left.keep(MINE)
    anew = DraftsFolder(folder, "secret", "two")
    assert anew.take_over() == MINE
    assert anew.is_kept()
    assert not left.is_kept()
    assert DraftsFolder(folder, "secret", "three").take_over() == MINE


def test_no_visitor_sees_what_another_one_edits(folder):
    """Another visit finds nothing, and the folder's names and files do not tell the secret."""
    DraftsFolder(folder, "secret", "one").keep(MINE)
    assert DraftsFolder(folder, "guess", "two").take_over() is None
    (path,) = folder.iterdir()
    assert "secret" not in path.name + path.read_text()


def test_nobody_else_on_the_machine_may_read_a_draft(folder):
    """Folder and file have the owner's permissions alone, after a second writing too."""
    one = DraftsFolder(folder, "secret", "one")
    one.keep(OTHER)
    one.keep(MINE)
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_two_open_pages_of_a_visit_keep_both_their_drafts(folder):
    """Neither writes over the other; after a restart each draft is taken over by one page.

    A page that is opened beside one that is live, and finds nothing else, begins with a copy.
    """
    DraftsFolder(folder, "secret", "one").keep(MINE)
    DraftsFolder(folder, "secret", "two").keep(OTHER)
    third, fourth = (DraftsFolder(folder, "secret", name) for name in ("three", "four"))
    found = third.take_over(), fourth.take_over({"three"})
    assert MINE in found
    assert OTHER in found
    beside = DraftsFolder(folder, "secret", "five").take_over({"three", "four"})
    assert beside in found


def test_a_saved_draft_leaves_no_file(folder):
    """Nothing unsaved, nothing on the disk."""
    one = DraftsFolder(folder, "secret", "one")
    one.keep(MINE)
    one.keep(Drafts())
    assert list(folder.iterdir()) == []
    one.keep(Drafts())


def test_what_nobody_came_back_for_is_swept_after_a_day(folder):
    """An old draft of any visit is gone, and half a file of a killed process; a new one stays.

    A page that stays open for days keeps its own fresh.
    """
    now = [2e9]
    clock = lambda: now[0]  # noqa: E731 - the hand of a clock
    for visit in ("gone", "open"):
        DraftsFolder(folder, visit, visit, clock).keep(MINE)
    (folder / ".half.tmp").write_text("{")
    for path in folder.iterdir():
        os.utime(path, (now[0], now[0]))
    now[0] += KEPT_SECONDS / 2
    assert DraftsFolder(folder, "open", "open", clock).is_kept()
    now[0] += KEPT_SECONDS / 2 + 60
    assert DraftsFolder(folder, "gone", "later", clock).take_over() is None
    (left,) = folder.iterdir()
    assert ".open." in left.name


def test_room_is_bounded_and_who_finds_none_is_told(folder, monkeypatch):
    """A draft that is too large, or comes to a full folder, is refused; what was kept stays."""
    one = DraftsFolder(folder, "secret", "one")
    one.keep(MINE)
    monkeypatch.setattr(drafts_folder, "MOST_BYTES", 2**20)
    large = Drafts(files={"cases": lend("cases.csv", bytes(2**20))})
    with pytest.raises(DraftsError, match="more than 1 MB"):
        one.keep(large)
    monkeypatch.setattr(drafts_folder, "MOST_BYTES_IN_ALL", 100)
    with pytest.raises(DraftsError, match="Other visitors' drafts take all the room"):
        DraftsFolder(folder, "late", "two").keep(MINE)
    assert DraftsFolder(folder, "secret", "three").take_over() == MINE


def test_a_damaged_draft_is_told_once(folder):
    """The file is removed, so that the next reload is not told the same."""
    DraftsFolder(folder, "secret", "one").keep(MINE)
    (path,) = folder.iterdir()
    path.write_text(path.read_text()[:-9])
    with pytest.raises(DraftsError, match="could not be read back"):
        DraftsFolder(folder, "secret", "two").take_over()
    assert DraftsFolder(folder, "secret", "three").take_over() is None


def test_a_folder_that_cannot_be_written_is_told_without_its_name(tmp_path):
    """Whoever edits hears that a reload loses it, and not where the server keeps its state."""
    (tmp_path / "state").write_text("a file")
    with pytest.raises(DraftsError, match="cannot write what you edit") as told:
        DraftsFolder(tmp_path / "state" / "drafts", "secret", "one").keep(MINE)
    assert str(tmp_path) not in str(told.value)
