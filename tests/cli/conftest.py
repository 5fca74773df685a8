"""The command line, called in this process from a folder of its own."""

import json
import os
import sys

import pytest
from three_desks import AGENTS

from handoff.cli import main


@pytest.fixture
def registry():
    """Return the text of agents.csv."""
    return AGENTS


@pytest.fixture(autouse=True)
def folder(registry, monkeypatch, tmp_path):
    """Work beside the registry with scripted providers, and return the folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANDOFF_EMBEDDER", "scripted")
    monkeypatch.setenv("HANDOFF_TAGGER", "scripted")
    # What is told to those who wait depends on the machine.
    monkeypatch.setattr("handoff.cli.patience.PATIENCE_SECONDS", 600.0)
    # Starting the page would replace the process that runs the tests.
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("the page was started"))
    (tmp_path / "agents.csv").write_text(registry)
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


@pytest.fixture
def refused(handoff):
    """Return a function that calls, and holds the call to end with two and one line that names.

    It returns that line. Word for word the line is for the tests of the module that says it.
    """

    def run(named, *arguments):
        code, out, err = handoff(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("handoff: ")
        assert err.count("\n") == 1
        assert named in err
        return err

    return run


@pytest.fixture
def answer(handoff):
    """Return a function from a command and its exit code to the JSON that it prints."""

    def run(command, *arguments, code=0):
        ended, out, err = handoff(command, *arguments, "--json")
        assert (ended, err) == (code, "")
        return json.loads(out)

    return run


@pytest.fixture
def route_json(handoff):
    """Return a function from arguments to a route as JSON, whoever gets the query."""

    def run(*arguments):
        _, out, _ = handoff("route", "--json", *arguments)
        return json.loads(out)

    return run
