"""Routing from the command line: one query, the set-up, the page."""

import json
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import click

from handoff.background import BackgroundLoop
from handoff.bootstrap import build_connection, build_router, open_registry
from handoff.cli.options import (
    CONFIG,
    ERROR,
    FAILED,
    FORCE,
    NO_EXAMPLES,
    OK,
    REGISTRY,
    THRESHOLD,
    policy_of,
    settings_of,
)
from handoff.core.errors import SettingsError
from handoff.core.texts import parse_query
from handoff.doctor import examine, report
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings
from handoff.report.examples_words import example_notes
from handoff.report.route_json import route_to_json
from handoff.report.route_text import route_to_text


@click.command()
@click.argument("query", nargs=-1, required=True)
@REGISTRY
@CONFIG
@THRESHOLD
@FORCE
@NO_EXAMPLES
@click.option("--no-tags", is_flag=True, help="Leave the tag filter out.")
@click.option("--per-agent", is_flag=True, help="Let an agent's own threshold come first.")
@click.option("--top", type=click.IntRange(min=1), help="Show so many agents only.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def route(
    query: tuple[str, ...],
    registry: Path | None,
    config: Path | None,
    threshold: str | None,
    force: bool,
    no_examples: bool,
    no_tags: bool,
    per_agent: bool,
    top: int | None,
    as_json: bool,
) -> int:
    """Say which agent should take QUERY, and why."""
    settings = settings_of(registry, config, no_examples=no_examples)
    registry_in_use, examples = open_registry(settings)
    connection = build_connection(settings)
    router = build_router(settings, registry_in_use, connection)
    policy = policy_of(settings, router, threshold, force=force)
    policy = replace(policy, use_tags=not no_tags, per_agent=per_agent or policy.per_agent)
    with BackgroundLoop() as loop:
        try:
            routed = loop.run(router.route(parse_query(" ".join(query)), policy))
        finally:
            if connection is not None:
                loop.run(connection.close())
    if as_json:
        click.echo(json.dumps(route_to_json(routed, top), ensure_ascii=False, indent=2))
    else:
        click.echo(route_to_text(routed, top))
        for note in example_notes(examples):
            click.echo(note)
    return OK if routed.decision.agent is not None else FAILED


@click.command()
def doctor() -> int:
    """Say what can route here, with which settings, and where they came from."""
    findings = examine(os.environ)
    click.echo(report(findings))
    return ERROR if any(finding.fatal for finding in findings) else OK


@click.command()
@REGISTRY
@click.option(
    "--port", type=click.IntRange(1, 65_535), help="[default: 8501, or the next free one]"
)
def ui(registry: Path | None, port: int | None) -> None:
    """Open the page in a browser."""
    settings = load_settings(os.environ, registry)
    load_registry(settings.registry)
    command = [sys.executable, "-m", "streamlit", "run", str(_page())]
    if port is not None:
        _check_free(port)
        command.append(f"--server.port={port}")
    os.environ["HANDOFF_REGISTRY"] = str(settings.registry)
    os.execv(sys.executable, command)  # noqa: S606 - the page takes this process's place


def _page() -> Path:
    """Return the page's script: beside this file's package in a checkout, inside it in a wheel."""
    package = Path(__file__).parents[1]
    inside = package / "ui" / "app.py"
    return inside if inside.exists() else package.parent / "app.py"


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SettingsError(
                f"Port {port} is in use or not allowed: choose another with --port."
            ) from None
