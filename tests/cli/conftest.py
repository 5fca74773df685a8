"""The command line, called in this process from a folder of its own."""

import os
import sys

import pytest

from handoff.cli import main


@pytest.fixture(autouse=True)
def folder(request, monkeypatch, tmp_path):
    """Work beside the registry that the file of tests calls AGENTS, with scripted providers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANDOFF_EMBEDDER", "scripted")
    monkeypatch.setenv("HANDOFF_TAGGER", "scripted")
    # Starting the page would replace the process that runs the tests.
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("the page was started"))
    (tmp_path / "agents.csv").write_text(request.module.AGENTS)
    return tmp_path


@pytest.fixture
def handoff(monkeypatch, capsys):
    """Return a function from arguments to exit code, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["handoff", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return end.value.code, printed.out, printed.err

    return run
