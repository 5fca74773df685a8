"""Where the output goes: a narrow terminal, a closed pipe, a full disk."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from three_desks import AGENTS, COMMAND, NOBODY, SELECTED


@pytest.mark.parametrize(
    ("encoding", "letter"),
    [
        pytest.param("cp1252", "→", id="an arrow in Windows' Western one"),
        pytest.param("cp1252", "😀", id="an emoji in Windows' Western one"),
        pytest.param("ascii", "ü", id="an umlaut in ASCII"),
    ],
)
def test_json_that_the_terminal_cannot_show_is_still_json(encoding, letter):
    """A letter that standard output has no code for is escaped, and a reader gets it back."""
    ended = subprocess.run(
        [COMMAND, "route", "--json", f"{SELECTED} {letter}"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )

    assert ended.stderr == b""
    assert ended.returncode == 0
    assert b"\\u" in ended.stdout
    assert json.loads(ended.stdout)["query"] == f"{SELECTED} {letter}"


def test_text_that_the_terminal_cannot_show_is_escaped(folder):
    """A letter that standard output has no code for is spelled out in the text too."""
    (folder / "agents.csv").write_text(
        AGENTS.replace("Weather Desk", "Weather → 😀 Désk"), encoding="utf-8"
    )

    ended = subprocess.run(
        [COMMAND, "route", SELECTED],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.splitlines()[0] == rb"Hand off to Weather \u2192 \ud83d\ude00 D\u00e9sk"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["route", SELECTED], 0, id="taken"),
        pytest.param(["route", NOBODY], 1, id="nobody"),
        pytest.param(["route", "--json", SELECTED], 0, id="taken, as JSON"),
        pytest.param(["route", "--json", NOBODY], 1, id="nobody, as JSON"),
        pytest.param(["--help"], 0, id="help"),
        pytest.param(["--version"], 0, id="the version"),
    ],
)
def test_a_closed_pipe_is_no_error(arguments, code):
    """A reader that has gone away, as in `| head`, changes no exit code and no line tells it."""
    reader, writer = os.pipe()
    os.close(reader)

    ended = subprocess.run(
        [COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)

    assert (ended.returncode, ended.stderr) == (code, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["route", SELECTED], id="taken"),
        pytest.param(["route", NOBODY], id="nobody"),
        pytest.param(["route", "--json", SELECTED], id="as JSON"),
        pytest.param(["--help"], id="help"),
        pytest.param(["--version"], id="the version"),
    ],
)
def test_a_full_disk_ends_with_two_and_one_line(arguments):
    """Output that cannot be written is an error like any other, whoever takes the query."""
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert (ended.returncode, ended.stderr) == (
        2,
        b"handoff: The output cannot be written (No space left on device): write it elsewhere.\n",
    )


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="this system has no POSIX shell")
def test_a_closed_standard_output_is_no_traceback():
    """Without a standard output, as by `>&-`, a query that is taken never ends like nobody's."""
    ended = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" "$@" >&-', COMMAND, "route", SELECTED],
        stderr=subprocess.PIPE,
        check=False,
    )

    assert b"Traceback" not in ended.stderr
    assert ended.returncode != 1
