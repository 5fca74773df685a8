"""Commands that write, killed."""

import subprocess
import sys

import pytest

TRIES = 18


@pytest.mark.slow
def test_a_killed_command_leaves_whole_files_and_no_lock(root):
    """The old or the new file, copies too, nothing unfinished, and the same command goes on.

    `python -m tests.killed_commands` tries it 300 times.
    """
    tried = subprocess.run(
        [sys.executable, "-m", "tests.killed_commands", "--tries", str(TRIES)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert tried.stderr == ""
    assert tried.stdout.startswith(f"{TRIES} tries of 9 commands, ")
