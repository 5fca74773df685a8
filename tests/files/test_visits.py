"""What visitors had begun, on the disk."""

import os

import pytest

from handoff.core.errors import SettingsError
from handoff.files import visits
from handoff.files.visits import REST_SECONDS, Visits


def test_each_visitor_gets_their_own_back(tmp_path):
    """What one kept no other reads, and a change of one name leaves the others."""
    Visits(tmp_path / "visits").keep("ada", {"who": "Ada", "lines": "roses"})
    Visits(tmp_path / "visits").keep("bob", {"who": "Bob"})
    Visits(tmp_path / "visits").keep("ada", {"lines": "bread"})

    assert Visits(tmp_path / "visits").load("ada") == {"who": "Ada", "lines": "bread"}
    assert Visits(tmp_path / "visits").load("bob") == {"who": "Bob"}
    assert Visits(tmp_path / "visits").load("eve") == {}


def test_no_file_tells_a_secret(tmp_path):
    """Whoever lists the folder cannot visit in another's name."""
    Visits(tmp_path).keep("secret", {"who": "Ada"})

    (path,) = tmp_path.iterdir()
    assert "secret" not in path.name + path.read_text()


@pytest.mark.parametrize("damaged", ["", "[1]", '{"who": 1}', "\x00"])
def test_what_cannot_be_read_is_nothing(tmp_path, damaged):
    """A visitor whose file is damaged begins anew."""
    Visits(tmp_path).keep("ada", {"who": "Ada"})
    (path,) = tmp_path.iterdir()
    path.write_text(damaged)

    assert Visits(tmp_path).load("ada") == {}


def test_old_and_too_many_visits_are_removed(tmp_path, monkeypatch):
    """A day after the last change, or when there are more than the most, the oldest first."""
    monkeypatch.setattr(visits, "MOST_VISITS", 2)
    store = Visits(tmp_path)
    for age, who in ((REST_SECONDS + 9, "long ago"), (60, "earlier"), (30, "before")):
        store.keep(who, {"who": who})
        newest = max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime)
        moment = newest.stat().st_mtime - age
        os.utime(newest, (moment, moment))
    store.keep("now", {"who": "now"})

    assert [store.load(who) != {} for who in ("long ago", "earlier", "before", "now")] == [
        False,
        False,
        True,
        True,
    ]


def test_too_much_is_refused_and_what_was_kept_stands(tmp_path, monkeypatch):
    """The sentence says what to do."""
    monkeypatch.setattr(visits, "LONGEST_VISIT", 40)
    Visits(tmp_path).keep("ada", {"who": "Ada"})

    with pytest.raises(SettingsError, match="upload it as a file"):
        Visits(tmp_path).keep("ada", {"lines": "x" * 50})
    assert Visits(tmp_path).load("ada") == {"who": "Ada"}


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    """The state folder may be a file."""
    (tmp_path / "state").write_text("")

    with pytest.raises(SettingsError, match="HANDOFF_STATE_DIR"):
        Visits(tmp_path / "state" / "visits").keep("ada", {"who": "Ada"})
