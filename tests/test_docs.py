"""What the documents show is what happens."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
DURATION = re.compile(r"<?[\d.,]+ ms")
LINK = re.compile(r"\]\((?!http)([^)#]+)")
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


def examples():
    """Return each command of the README with the output that stands under it."""
    found = []
    for block in BLOCK.findall((ROOT / "README.md").read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.mark.parametrize(("command", "output"), examples(), ids=lambda value: value[:40])
def test_a_command_of_the_readme_prints_what_stands_under_it(root, monkeypatch, command, output):
    """Whoever types it, without any setting, sees the same, up to the milliseconds."""
    monkeypatch.delenv("HANDOFF_EMBEDDER")
    name, *arguments = shlex.split(command)
    program = Path(sys.executable).parent / Path(name).name

    done = subprocess.run(
        [program, *arguments], cwd=root, capture_output=True, text=True, check=False
    )

    assert name.startswith(".venv/bin/")
    assert DURATION.sub("# ms", done.stdout) == DURATION.sub("# ms", output)


def test_the_readme_shows_commands():
    """The check above checks something."""
    assert len(examples()) >= 2


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    """No document points to a file that is not there."""
    missing = [
        target
        for target in LINK.findall(document.read_text())
        if not (document.parent / target).exists()
    ]

    assert missing == []


def test_make_targets_of_the_readme_exist():
    """Every `make` that the README names is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)\b", (ROOT / "README.md").read_text()))

    assert named <= targets
