"""Verdicts from the command line: out, in, counted, and held against today's registry."""

import json
import os
from contextlib import closing
from pathlib import Path

import click

from handoff.cli.options import (
    FAILED,
    JSON,
    JUDGING,
    OK,
    Output,
    RoutingOptions,
    complain,
    refuse_own,
    routing_options,
)
from handoff.core.errors import SettingsError
from handoff.core.texts import shorten
from handoff.files.csv_table import load_bytes
from handoff.files.settings import LOG_NAME, load_settings, load_state_dir
from handoff.files.sole_writer import write_alone
from handoff.report.verdicts_words import regression_line, regression_summary, stats_in_words
from handoff.verdicts.conclusions import (
    Regression,
    called_right,
    standing,
    tally,
)
from handoff.verdicts.exchange import format_csv, format_json, parse_file
from handoff.verdicts.log import VerdictLog
from handoff.verdicts.record import Entry, Verdict, VerdictsError, entry_to_record


@click.group()
def verdicts() -> None:
    """What people said of routes on the page: export, import, count, and find regressions."""


@verdicts.command("export")
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="A file.  [default: standard output]"
)
@JSON
@click.pass_obj
def export_verdicts(output: Output, target: Path | None, as_json: bool) -> int:
    """Print the whole log as CSV, or as JSON."""
    if target is not None:
        refuse_own(target, _own_files())
    entries = _read_log()
    text = format_json(entries) if as_json else format_csv(entries)
    if target is None:
        # CSV knows no escapes: they would be imported as they stand.
        output.is_data = not as_json
        click.echo(text, nl=False)
    else:
        write_alone(target, text, VerdictsError)
        click.echo(f"{_counted(len(entries))} written to {target}.")
    return OK


@verdicts.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_verdicts(file: Path) -> int:
    """Add what FILE holds and the log does not: CSV or JSON, as exported."""
    entries = parse_file(load_bytes(file, VerdictsError), shorten(file.name))
    with closing(VerdictLog(load_state_dir(os.environ))) as log:
        new = log.append(entries)
        _tell_aside(log)
    click.echo(f"{new:,} new of {_counted(len(entries))}.")
    return OK


@verdicts.command()
@JSON
def stats(as_json: bool) -> int:
    """Count verdicts by what they say and by who gave them."""
    entries = _read_log()
    if as_json:
        kept = standing(entries)
        counts = {what.value: number for what, number in tally(kept).items()}
        reviewers = {who: sum(each.who == who for each in kept) for who in _reviewers(kept)}
        result = {"entries": len(entries), "verdicts": len(kept), **counts, "by": reviewers}
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        click.echo(stats_in_words(entries))
    return OK


@verdicts.command()
@routing_options(*JUDGING)
@JSON
def regressions(options: RoutingOptions, as_json: bool) -> int:
    """List routes that a reviewer called right and that end elsewhere now; exit 1 if there are."""
    right = called_right(standing(_read_log()))
    found: list[Regression] = []
    with options.open() as bench:
        for _, growing in bench.regressions(right, options.policy(bench)):
            found = growing
    if as_json:
        result = {"tried": len(right), "regressions": [_regression(one) for one in found]}
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        click.echo(regression_summary(len(right), len(found)))
        for one in found:
            click.echo(regression_line(one))
    return FAILED if found else OK


def _regression(one: Regression) -> dict[str, object]:
    agent, best = one.decision.agent, one.decision.best
    return {
        "verdict": entry_to_record(one.verdict),
        "outcome": one.decision.outcome.value,
        "agent": None if agent is None else agent.id,
        "best": best.agent.id,
        "score": best.score,
        "threshold": one.decision.threshold,
    }


def _own_files() -> tuple[Path, ...]:
    """Return the files that must not be replaced; without a registry it is the log alone."""
    try:
        return load_settings(os.environ).own_files
    except SettingsError:
        return (load_state_dir(os.environ) / LOG_NAME,)


def _read_log() -> list[Entry]:
    with closing(VerdictLog(load_state_dir(os.environ))) as log:
        entries, _ = log.read()
        _tell_aside(log)
    return entries


def _tell_aside(log: VerdictLog) -> None:
    if log.set_aside is not None:
        complain(
            f"the verdict log was damaged and is kept as {log.set_aside}; a new one holds what "
            "could still be read."
        )


def _reviewers(kept: list[Verdict]) -> list[str]:
    return sorted({verdict.who for verdict in kept})


def _counted(number: int) -> str:
    return f"{number:,} {'entry' if number == 1 else 'entries'}"
