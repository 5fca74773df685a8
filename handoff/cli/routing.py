"""Routing from the command line: one query, the set-up, the page."""

import json
import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

import click

from handoff.cli.options import (
    ERROR,
    FAILED,
    JUDGING,
    OK,
    RoutingOptions,
    complain,
    routing_options,
)
from handoff.cli.patience import told_if_slow
from handoff.core.errors import ProviderError, SettingsError
from handoff.core.texts import parse_query
from handoff.doctor import examine, report
from handoff.files.registry import load_registry
from handoff.report.examples_words import example_notes
from handoff.report.route_json import route_to_json
from handoff.report.route_text import route_to_text
from handoff.report.route_words import headline, waiting


@click.command()
@click.argument("query", nargs=-1, required=True)
@routing_options(*JUDGING, "per_agent")
@click.option("--top", type=click.IntRange(min=1), help="Show only this many agents.")
@click.option("--answer", is_flag=True, help="Ask the selected agent for its answer as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def route(
    query: tuple[str, ...], options: RoutingOptions, top: int | None, answer: bool, as_json: bool
) -> int:
    """Say which agent should take QUERY, and why."""
    asked = parse_query(" ".join(query))
    unanswered = None
    with options.open() as bench:
        policy, stale = options.policy_or_default(bench)
        with told_if_slow(lambda: waiting(bench.may_load, "")):
            routed = bench.run(bench.router.decide(asked, policy))
        if answer:
            decided = headline(routed.decision)
            try:
                with told_if_slow(lambda: f"{decided}. Waiting for the agent's answer."):
                    routed = bench.run(bench.router.hand_off(routed))
            except ProviderError as error:
                unanswered = str(error)
    for note in stale:
        complain(note)
    if as_json:
        result = route_to_json(routed, top, unanswered)
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        click.echo(route_to_text(routed, top))
        if unanswered is not None:
            click.echo(f"\nNo answer came: {unanswered}")
        for note in example_notes(bench.examples):
            click.echo(note)
    return OK if routed.decision.agent is not None else FAILED


@click.command()
def doctor() -> int:
    """Say what can route here, with which settings, and where they came from."""
    findings = examine(os.environ, lambda told: click.echo(told, err=True))
    click.echo(report(findings))
    return ERROR if any(finding.fatal for finding in findings) else OK


@click.command()
@routing_options("registry")
@click.option(
    "--port", type=click.IntRange(1, 65_535), help="[default: 8501, or the next free one]"
)
def ui(options: RoutingOptions, port: int | None) -> NoReturn:
    """Open the page in a browser."""
    settings = options.settings()
    load_registry(settings.registry)
    # -P: a streamlit.py in the working directory is not the one that is meant.
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(_page())]
    if port is not None:
        _check_free(port)
        command.append(f"--server.port={port}")
    os.environ["HANDOFF_REGISTRY"] = str(settings.registry)
    if not os.environ.get("STREAMLIT_SERVER_ALLOWED_HOSTS"):
        complain(
            "the page answers under localhost, 127.0.0.1 and ::1 only; to serve it under another "
            "name, as behind a proxy, list all its names, separated by spaces, in "
            "STREAMLIT_SERVER_ALLOWED_HOSTS."
        )
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
