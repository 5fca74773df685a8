"""Where tasks and page run on Flyte: image, files, settings and retries, read at import."""

import os
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import flyte
import flyte.app
import flyte.errors

from handoff.core.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
_LAST_PORT = 65_535


def port_of(text: str | None) -> int:
    """Read the port of the page; 8080 where none is given."""
    typed = (text or "").strip() or "8080"
    if not (typed.isascii() and typed.isdecimal() and 0 < int(typed) <= _LAST_PORT):
        raise SettingsError(
            f"HANDOFF_FLYTE_PORT is no port: give a whole number from 1 to {_LAST_PORT:,}."
        )
    return int(typed)


def _image() -> flyte.Image:
    """Describe the container: the project's dependencies; its code travels in Flyte's bundle."""
    base = flyte.Image.from_debian_base(name="agent-handoff")
    project = ROOT / "pyproject.toml"
    if project.exists():
        return base.with_uv_project(project, extra_args="--extra flyte --extra openai")
    return base.with_pip_packages(f"handoff[flyte,openai]=={version('handoff')}")


def _reuse() -> flyte.ReusePolicy | None:
    """Keep containers warm where the backend can; open-source Flyte cannot."""
    if os.environ.get("HANDOFF_FLYTE_REUSE") != "1":
        return None
    return flyte.ReusePolicy(replicas=(1, 5), concurrency=10, idle_ttl=1800)


def _files() -> tuple[str, ...]:
    """Return what a worker needs beside the modules that are loaded here."""
    named = (
        *("agents.csv", "cases.csv", "examples.csv", "handoff.toml"),
        *("app.py", ".streamlit/config.toml", "handoff"),
    )
    return tuple(str(ROOT / name) for name in named if (ROOT / name).exists())


_STAYING = {
    "HANDOFF_CACHE_DIR",
    "HANDOFF_DATA",
    "HANDOFF_OPENAI_EMBEDDING_API_KEY",
    # An address may hold a password.
    "HANDOFF_OPENAI_EMBEDDING_BASE_URL",
}
"""Settings of this machine, and secrets."""


def _variables() -> dict[str, str]:
    """Return the settings that hold on the workers too; a run shows them, so no secret is one."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("HANDOFF_") and name not in _STAYING
    }


env = flyte.TaskEnvironment(
    "agent-handoff",
    resources=flyte.Resources(cpu=2, memory="2Gi"),
    secrets=[flyte.Secret(key="openai-api-key", as_env_var="OPENAI_API_KEY")],
    image=_image(),
    env_vars=_variables(),
    include=_files(),
    reusable=_reuse(),
)
RETRIES = flyte.RetryStrategy(
    count=3,
    backoff=flyte.Backoff(base=timedelta(seconds=0.5), factor=2.0, cap=timedelta(seconds=10)),
)

PORT = port_of(os.environ.get("HANDOFF_FLYTE_PORT"))
page = flyte.app.AppEnvironment(
    name="handoff-page",
    image=_image(),
    # A container is reached from outside of it.
    args=[
        *("streamlit", "run", "app.py", "--server.headless=true"),
        *(f"--server.port={PORT}", "--server.address=0.0.0.0"),
    ],
    port=PORT,
    resources=flyte.Resources(cpu=1, memory="1Gi"),
    secrets=[flyte.Secret(key="openai-api-key", as_env_var="OPENAI_API_KEY")],
    env_vars=_variables(),
    include=_files(),
)


class NobodySelectedError(flyte.errors.NonRecoverableError):
    """Nobody takes a query that was to be handed off; another try would end the same."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="NobodySelectedError")
