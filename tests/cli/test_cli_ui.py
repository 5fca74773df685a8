"""Starting the page from the command line."""

import os
import subprocess
import sys

import pytest

from handoff.cli import main


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Give `handoff ui` a registry in the working directory; collect what it would start."""
    (tmp_path / "agents.csv").write_text("id,name,description,tags\nbaker,Baker,bread,bread\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["handoff", "ui"])
    monkeypatch.setenv("HANDOFF_REGISTRY", "")
    commands = []
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    return commands


def test_a_streamlit_in_the_working_directory_is_not_started(tmp_path, started):
    """The installed one is, whatever lies beside the registry."""
    (tmp_path / "streamlit.py").write_text("raise SystemExit('another streamlit')\n")

    with pytest.raises(SystemExit):
        main()
    (command,) = started
    version = [*command[: command.index("run")], "version"]
    told = subprocess.run(version, capture_output=True, check=False, text=True)

    assert (told.returncode, told.stdout.split(",")[0]) == (0, "Streamlit")


@pytest.mark.parametrize("names", ["", "localhost workbench.example"])
def test_which_setting_lets_another_name_in_is_told(started, monkeypatch, capsys, names):
    """Whoever puts a proxy in front reads which setting to use, unless it is set already."""
    monkeypatch.setenv("STREAMLIT_SERVER_ALLOWED_HOSTS", names)

    with pytest.raises(SystemExit):
        main()

    assert len(started) == 1
    assert ("STREAMLIT_SERVER_ALLOWED_HOSTS" in capsys.readouterr().err) is (not names)
