"""No output replaces a file that handoff reads, under whichever name it goes."""

import os

import pytest

CASES = "query,expected\n" + "".join(f"rain {at},weather\n" for at in range(12))
COMMANDS = {
    "batch": ("batch", "in.csv", "-o"),
    "export": ("verdicts", "export", "--to"),
    "check": ("check", "cases.csv", "--min-accuracy", "0", "--junit"),
    "learn": ("learn", "cases.csv", "-o"),
}


@pytest.fixture
def files(folder, monkeypatch):
    """Return all files that are read, by name, with what they hold."""
    (folder / "cases.csv").write_text(CASES)
    (folder / "examples.csv").write_text("query,agent\nrain,weather\n")
    (folder / "handoff.toml").write_text("threshold = 0.2\n")
    (folder / "prices.toml").write_text("[model]\ninput = 1\noutput = 1\n")
    (folder / "in.csv").write_text("query\nwill it rain\n")
    monkeypatch.setenv("HANDOFF_PRICES", str(folder / "prices.toml"))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def same(folder, files):
    """Tell whether every file is as it was, and no other is there."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} == files


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(
    "name", ["agents.csv", "cases.csv", "handoff.toml", "prices.toml", "examples.csv"]
)
def test_an_output_replaces_nothing_that_is_read(refused, folder, files, command, name):
    """Word for word the sentence is one, whatever command says it; every file stays."""
    if (command[0], name) == ("learn", "examples.csv"):
        return  # Examples are what it writes.

    line = refused(name, *command, name)

    assert line == (
        f"handoff: {name} is read by handoff: choose another output, it would be replaced.\n"
    )
    assert same(folder, files)


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["hard", "symbolic"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_link_is_the_file_that_it_leads_to(refused, folder, files, command, link):
    """A batch onto a hard link of its registry would have emptied it."""
    link(folder / "agents.csv", folder / "link.csv")

    refused("is read by handoff under another name, agents.csv", *command, "link.csv")

    assert same(folder, files | {"link.csv": files["agents.csv"]})


def test_a_batch_onto_a_hard_link_of_its_input_is_refused(refused, folder, files):
    """It would cut the rows off that it has not read yet."""
    os.link(folder / "in.csv", folder / "out.csv")

    refused("would replace the input", "batch", "in.csv", "-o", "out.csv")

    assert same(folder, files | {"out.csv": files["in.csv"]})


def test_an_export_does_not_replace_the_log(refused, tmp_path, monkeypatch):
    """Without a registry too."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "verdicts.sqlite").touch()
    monkeypatch.setenv("HANDOFF_STATE_DIR", str(state))
    (tmp_path / "agents.csv").unlink()

    refused("is read by handoff", "verdicts", "export", "--to", str(state / "verdicts.sqlite"))

    assert (state / "verdicts.sqlite").read_bytes() == b""
