"""Starting the page from the command line."""

import os
import subprocess
import sys

import pytest

from handoff.cli import main


def test_a_streamlit_in_the_working_directory_is_not_started(tmp_path, monkeypatch):
    """The installed one is, whatever lies beside the registry."""
    (tmp_path / "agents.csv").write_text("id,name,description,tags\nbaker,Baker,bread,bread\n")
    (tmp_path / "streamlit.py").write_text("raise SystemExit('another streamlit')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["handoff", "ui"])
    started = []
    monkeypatch.setattr(os, "execv", lambda _, command: started.append(command))

    with pytest.raises(SystemExit):
        main()
    (command,) = started
    version = [*command[: command.index("run")], "version"]
    told = subprocess.run(version, capture_output=True, check=False, text=True)

    assert (told.returncode, told.stdout.split(",")[0]) == (0, "Streamlit")
