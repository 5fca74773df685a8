"""Setting up, where it cannot work."""

import os
import shutil
import subprocess

import pytest

FITTING = "handoff needs Python 3.11, 3.12, 3.13 or 3.14"


@pytest.fixture
def checkout(root, tmp_path):
    """Return a folder that holds the set-up script and nothing else."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(root / ".ci" / "setup", tmp_path / ".ci")
    return tmp_path


@pytest.mark.parametrize(
    "version",
    ["#!/bin/sh\nexit 1\n", None],
    ids=["a Python that does not fit", "no Python"],
)
def test_an_unfitting_python_is_told_which_to_install(checkout, version):
    """One sentence says which Python to install, and nothing is built."""
    python = checkout / "python"
    if version is not None:
        python.write_text(version)
        python.chmod(0o755)

    done = subprocess.run(
        [checkout / ".ci" / "setup", "requirements.lock"],
        env=os.environ | {"PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith(FITTING)
    assert done.stderr.count("\n") == 1
    assert not (checkout / ".venv").exists()


def test_the_locks_name_no_registry(root):
    """Anyone may install from their own mirror, and every file is pinned by its hash."""
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (root / lock).read_text()

        assert "://" not in text
        assert "--index" not in text
        assert text.count("==") <= text.count("--hash=sha256:")
