"""A file is written whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handoff.core.errors import CasesError, SettingsError
from handoff.files.whole_file import keep_copy, write_whole


def mode(path):
    """Return the permissions of a file."""
    return path.stat().st_mode & 0o777


def test_a_new_file_holds_the_text(tmp_path):
    """Letter for letter: UTF-8, line ends as they are."""
    write_whole(tmp_path / "new.toml", "über\r\nunter\n", SettingsError)

    assert (tmp_path / "new.toml").read_bytes() == "über\r\nunter\n".encode()
    assert mode(tmp_path / "new.toml") == 0o644


def test_an_old_file_is_replaced(tmp_path):
    """Nothing of a longer text is left behind a shorter one, and nothing beside it."""
    path = tmp_path / "old.toml"
    path.write_text("a long text of old", encoding="utf-8")

    write_whole(path, "new", SettingsError)

    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kept", [0o600, 0o664, 0o755], ids=oct)
def test_the_mode_of_an_old_file_is_kept(tmp_path, kept):
    """Who may read and write it stays as its owner wanted it."""
    path = tmp_path / "old.toml"
    path.write_text("old", encoding="utf-8")
    path.chmod(kept)

    write_whole(path, "new", SettingsError)

    assert mode(path) == kept


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    """Replacing it, or a device, would break it for everybody who uses it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:  # noqa: S607
        write_whole(pipe, "the text\n", SettingsError)
        assert reader.communicate()[0] == b"the text\n"

    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_folder_is_no_file(tmp_path):
    """It is left alone."""
    with pytest.raises(SettingsError, match="cannot be written"):
        write_whole(tmp_path, "text", SettingsError)


def test_a_symbolic_link_is_followed(tmp_path):
    """The file that it names is replaced; the link stays one."""
    (tmp_path / "team").mkdir()
    target = tmp_path / "team" / "real.toml"
    target.write_text("old", encoding="utf-8")
    link = tmp_path / "link.toml"
    link.symlink_to(target)

    write_whole(link, "new", SettingsError)

    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("step", ["replace", "chmod"])
def test_a_step_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, step):
    """Half a write is none: the old text stays, and no temporary file."""
    path = tmp_path / "old.toml"
    path.write_text("old", encoding="utf-8")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, step, fail)

    with pytest.raises(SettingsError, match="No space left on device"):
        write_whole(path, "new", SettingsError)

    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_text_is_on_the_disk_before_it_takes_the_old_ones_place(tmp_path, monkeypatch):
    """Otherwise pulling the plug could leave an empty file."""
    path = tmp_path / "old.toml"
    path.write_text("old", encoding="utf-8")
    seen = []

    def look(handle):
        seen.append((os.pread(handle, 10, 0), path.read_bytes()))

    monkeypatch.setattr(os, "fsync", look)

    write_whole(path, "new", SettingsError)

    assert seen == [(b"new", b"old")]


@pytest.mark.parametrize("error", [SettingsError, CasesError])
def test_a_missing_folder_is_one_sentence_of_the_given_type(tmp_path, error):
    """No folder is made; the sentence names the file as the user did."""
    path = tmp_path / "missing" / "new.toml"

    with pytest.raises(error) as complaint:
        write_whole(path, "new", error)

    assert str(complaint.value) == (
        f"{path} cannot be written (No such file or directory): choose another place."
    )
    assert not path.parent.exists()


def test_a_folder_in_the_files_place_is_refused(tmp_path):
    """It stays, and nothing is left beside it."""
    path = tmp_path / "folder"
    path.mkdir()

    with pytest.raises(SettingsError, match="cannot be written"):
        write_whole(path, "new", SettingsError)

    assert list(tmp_path.iterdir()) == [path]


def test_a_read_only_file_is_refused(tmp_path, monkeypatch):
    """Though its folder would let it be replaced."""
    path = tmp_path / "old.toml"
    path.write_text("old", encoding="utf-8")
    # Whoever runs the tests may be root, to whom nothing is read-only.
    monkeypatch.setattr(os, "access", lambda *_: False)

    with pytest.raises(SettingsError) as complaint:
        write_whole(path, "new", SettingsError)

    assert str(complaint.value) == (
        f"{path} cannot be written (it is read-only): choose another place."
    )
    assert path.read_text(encoding="utf-8") == "old"


def test_the_place_is_named_as_the_user_named_it(tmp_path, monkeypatch):
    """Not by the whole path behind it, and in one line whatever it is called."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SettingsError) as complaint:
        write_whole(Path("two\nlines") / "new.toml", "new", SettingsError)

    assert str(complaint.value).startswith("two\\nlines/new.toml cannot be written (")
    assert str(complaint.value).isprintable()


def test_a_loop_of_links_is_refused(tmp_path):
    """It is an error of the given type, and nothing is left beside the links."""
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.symlink_to(second)
    second.symlink_to(first)

    with pytest.raises(SettingsError, match="cannot be written"):
        write_whole(first, "new", SettingsError)

    assert sorted(tmp_path.iterdir()) == [first, second]


def test_a_name_with_a_nul_is_refused(tmp_path):
    """No system has such a file; the sentence is printable all the same."""
    with pytest.raises(CasesError) as complaint:
        write_whole(tmp_path / "nu\0l.toml", "new", CasesError)

    assert "cannot be written" in str(complaint.value)
    assert str(complaint.value).isprintable()
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_is_no_unicode_leaves_the_old_file_and_no_other(tmp_path):
    """A lone surrogate cannot be written as UTF-8; half a file is none."""
    path = tmp_path / "old.toml"
    path.write_text("old", encoding="utf-8")

    with pytest.raises(SettingsError, match="cannot be written"):
        write_whole(path, "new \ud800", SettingsError)

    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_copy_is_kept_beside_the_file(tmp_path):
    """As .bak, whatever stood there before; where there is no file there is none to copy."""
    path = tmp_path / "examples.csv"
    keep_copy(path, SettingsError)
    path.write_text("one", encoding="utf-8")
    keep_copy(path, SettingsError)
    path.write_text("two", encoding="utf-8")

    keep_copy(path, SettingsError)

    assert (tmp_path / "examples.csv.bak").read_text(encoding="utf-8") == "two"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_copy_that_fails_is_one_sentence_of_the_given_type(tmp_path):
    """A folder in the file's place cannot be copied, and nothing was changed."""
    path = tmp_path / "examples.csv"
    path.mkdir()

    with pytest.raises(CasesError, match=r"examples\.csv cannot be copied \("):
        keep_copy(path, CasesError)

    assert list(tmp_path.iterdir()) == [path]


KILLED_BETWEEN_WRITE_AND_RENAME = """
import os, sys
from pathlib import Path
from handoff.files.registry import load_registry, save_registry
from handoff.core.model import Registry

path = Path(sys.argv[1])
replace = Path.replace
Path.replace = lambda self, name: os._exit(9) if name == path else replace(self, name)
save_registry(path, Registry(load_registry(path).agents[:1]))
"""


def test_a_kill_between_write_and_rename_leaves_the_whole_old_file(root, tmp_path):
    """The new text was written, the name still means the old one, and its copy is whole too."""
    path = tmp_path / "agents.csv"
    before = (root / "agents.csv").read_bytes()
    path.write_bytes(before)

    ended = subprocess.run(
        [sys.executable, "-c", KILLED_BETWEEN_WRITE_AND_RENAME, str(path)], check=False
    )

    assert ended.returncode == 9
    assert path.read_bytes() == before
    assert path.with_name("agents.csv.bak").read_bytes() == before
