"""The command line: arguments and exit codes, nothing else.

Exit codes: 0 handed off, 1 nobody, 2 an error in one line on standard error.
"""

import io
import json
import os
import re
import socket
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import click

from handoff.background import BackgroundLoop
from handoff.bootstrap import build_connection, build_router
from handoff.core.errors import HandoffError, SettingsError
from handoff.core.model import ThresholdSource
from handoff.core.texts import parse_query
from handoff.doctor import examine, report
from handoff.registry import load_registry
from handoff.report.route_json import route_to_json
from handoff.report.route_text import route_to_text
from handoff.settings import load_policy, load_settings, parse_threshold

HANDED_OFF, NOBODY, ERROR = 0, 1, 2
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

REGISTRY = click.option(
    "--registry",
    type=click.Path(path_type=Path),
    help="The agents, a CSV file.  [default: agents.csv here]",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.version_option(package_name="handoff", prog_name="handoff")
def cli() -> None:
    """Route a query to the specialist agent that should take it, or to nobody."""


@cli.command()
@click.argument("query", nargs=-1, required=True)
@REGISTRY
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The policy, a TOML file.  [default: handoff.toml beside the registry]",
)
@click.option("--threshold", help="The least similarity for a hand-off, from -1 to 1.")
@click.option("--no-tags", is_flag=True, help="Leave the tag filter out.")
@click.option("--per-agent", is_flag=True, help="Let an agent's own threshold come first.")
@click.option("--top", type=click.IntRange(min=1), help="Show so many agents only.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def route(
    query: tuple[str, ...],
    registry: Path | None,
    config: Path | None,
    threshold: str | None,
    no_tags: bool,
    per_agent: bool,
    top: int | None,
    as_json: bool,
) -> int:
    """Say which agent should take QUERY, and why."""
    settings = load_settings(os.environ, registry, config)
    registry_in_use = load_registry(settings.registry)
    connection = build_connection(settings)
    router = build_router(settings, registry_in_use, connection)
    policy = load_policy(settings.config, router.embedder.default_threshold)
    if threshold is not None:
        policy = replace(
            policy, threshold=parse_threshold(threshold), source=ThresholdSource.ARGUMENT
        )
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
    return HANDED_OFF if routed.decision.agent is not None else NOBODY


@cli.command()
def doctor() -> int:
    """Say what can route here, with which settings, and where they came from."""
    findings = examine(os.environ)
    click.echo(report(findings))
    return ERROR if any(finding.fatal for finding in findings) else HANDED_OFF


@cli.command()
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


def main() -> None:
    """Run the command line; see the module's docstring for exit codes."""
    output = io.StringIO()
    try:
        with redirect_stdout(output):
            code = cli.main(standalone_mode=False)
        _print(output.getvalue())
    except click.ClickException as error:
        click.echo(f"handoff: {error.format_message()}", err=True)
        code = ERROR
    except HandoffError as error:
        click.echo(f"handoff: {error}", err=True)
        code = ERROR
    except click.Abort:
        code = ERROR
    sys.exit(code)


def _print(text: str) -> None:
    """Print to standard output; a reader that has gone away, as in `| head`, is no error.

    Raises:
        SettingsError: The output cannot be written.
    """
    out = sys.stdout
    if out is None:
        return
    try:
        text.encode(out.encoding or "ascii")
    except UnicodeEncodeError:
        # As JSON escapes it, so that JSON stays JSON.
        text = _NOT_ASCII.sub(lambda found: json.dumps(found.group())[1:-1], text)
    try:
        out.write(text)
        out.flush()
    except OSError as failure:
        # Python flushes once more when it ends; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        if not isinstance(failure, BrokenPipeError):
            reason = failure.strerror
            raise SettingsError(
                f"The output cannot be written ({reason}): write it elsewhere."
            ) from None


def _page() -> Path:
    """Return the page's script: beside this file's package in a checkout, inside it in a wheel."""
    package = Path(__file__).parent
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
