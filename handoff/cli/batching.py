"""Many queries from the command line: a file in, a file out."""

import importlib.util
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import click

from handoff.batch.checkpoint import batch_ground
from handoff.batch.run import Lanes, Progress, run_batch
from handoff.batch.workers import open_lanes
from handoff.cli.options import FAILED, JUDGING, OK, RoutingOptions, refuse_own, routing_options
from handoff.core.errors import BatchError, SettingsError
from handoff.core.model import Policy
from handoff.core.texts import shorten
from handoff.report.examples_words import example_notes
from handoff.workbench import Workbench, open_workbench

_SHOWN_EVERY_SECONDS = 0.2


@click.command()
@click.argument("source", metavar="IN.csv", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "target",
    metavar="OUT.csv",
    required=True,
    type=click.Path(path_type=Path),
    help="Where the routed rows go.",
)
@click.option("--resume", is_flag=True, help="Go on where an earlier run was stopped.")
@click.option("--flyte", is_flag=True, help="Route on Flyte; needs the extra [flyte].")
@routing_options(*JUDGING, "per_agent")
def batch(source: Path, target: Path, resume: bool, flyte: bool, options: RoutingOptions) -> int:
    """Route every row of IN.csv, which has a column `query`; nothing is handed off."""
    if flyte and options.no_examples:
        raise SettingsError("--no-examples does not reach Flyte's workers: leave one of them out.")
    settings = options.settings()
    refuse_own(target, settings.own_files)
    with open_workbench(settings) as bench:
        policy = options.policy(bench)
        ground = batch_ground(source, bench.router, policy)
        with _lanes(bench, policy, source, flyte=flyte) as lanes:
            done = _watched(run_batch(source, target, ground, lanes, resume=resume))
    click.echo(_summary(done, target))
    for note in example_notes(bench.examples):
        click.echo(note)
    return FAILED if done.failed else OK


def _lanes(
    bench: Workbench, policy: Policy, source: Path, *, flyte: bool
) -> AbstractContextManager[Lanes]:
    if not flyte:
        return open_lanes(bench, policy, source.stat().st_size)
    if importlib.util.find_spec("flyte") is None:
        raise SettingsError("Flyte is not installed: install handoff[flyte], or leave --flyte out.")
    # Only who routes on Flyte pays for it.
    from handoff.workflow import flyte_lanes  # noqa: PLC0415

    return flyte_lanes(bench, policy)


def _watched(batch: Iterator[Progress]) -> Progress:
    """Follow a batch to its end, with a line of progress on a terminal."""
    shown = sys.stderr.isatty()
    started = time.monotonic()
    last_shown = 0.0
    progress = Progress(0, 0, 0, 0, 0.0)
    try:
        for progress in batch:
            now = time.monotonic()
            if shown and now - last_shown >= _SHOWN_EVERY_SECONDS:
                last_shown = now
                click.echo(f"\r{_line(progress, now - started)}\x1b[K", err=True, nl=False)
    except KeyboardInterrupt:
        raise BatchError(
            f"Stopped after {progress.rows:,} rows: run it again with --resume to go on."
        ) from None
    finally:
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)
    return progress


def _line(progress: Progress, seconds: float) -> str:
    rate = (progress.rows - progress.resumed) / max(seconds, 1e-9)
    if not progress.share or not rate:
        return f"{progress.rows:,} rows"
    # The input's length in rows is not known; in bytes it is.
    left = progress.rows / progress.share * (1 - progress.share) / rate
    return (
        f"{progress.share:.0%}  {progress.rows:,} rows  {rate:,.0f} a second  "
        f"{timedelta(seconds=round(left))} left"
    )


def _summary(done: Progress, target: Path) -> str:
    nobody = done.rows - done.selected - done.failed
    return (
        f"{done.rows:,} rows in {shorten(str(target), 200)}: {done.selected:,} handed off, "
        f"{nobody:,} to nobody, {done.failed:,} failed."
    )
