"""A pipe in the place of a file is refused: reading it would wait for somebody who writes to it."""

import os
import subprocess
import sys

import pytest

from handoff.core.errors import SettingsError
from handoff.files.policy import load_policy

READS = """
import os, sys
from pathlib import Path
from handoff.core.errors import HandoffError
from handoff.files.policy import load_policy
from handoff.files.settings import load_settings
from handoff.providers.openai.prices import load_prices

pipe, what = Path(sys.argv[1]), sys.argv[2]
try:
    if what == "policy":
        load_policy(pipe, 0.2)
    elif what == "prices":
        load_prices(pipe)
    else:
        os.chdir(pipe.parents[1])
        print(load_settings({}, Path("agents.csv")).openai)
except HandoffError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("what", "name", "told"),
    [
        ("policy", "handoff.toml", "{pipe} is no regular file: "),
        ("prices", "prices.toml", "prices.toml is no price table: "),
        ("secrets", "secrets.toml", "None\n"),
    ],
)
def test_a_pipe_is_told_at_once(tmp_path, what, name, told):
    """Nobody writes to it, and the reading ends all the same."""
    pipe = tmp_path / ".streamlit" / name
    pipe.parent.mkdir()
    os.mkfifo(pipe)

    ended = subprocess.run(
        [sys.executable, "-c", READS, str(pipe), what],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    assert ended.stdout.startswith(told.format(pipe=pipe))


def test_a_folder_in_a_policys_place_is_told(tmp_path):
    """As it was before pipes were."""
    with pytest.raises(SettingsError, match=r"cannot be read \(Is a directory\): name a TOML"):
        load_policy(tmp_path, 0.2)
