"""Evaluation from the command line: figures, a gate for CI, two registries side by side."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from handoff.background import BackgroundLoop
from handoff.bootstrap import build_connection, build_router, open_registry
from handoff.cli.options import (
    CONFIG,
    FAILED,
    FORCE,
    JSON,
    NO_EXAMPLES,
    OK,
    REGISTRY,
    THRESHOLD,
    ground_of,
    policy_of,
    settings_of,
)
from handoff.core.errors import CasesError, SettingsError, StalePolicyError
from handoff.core.model import Policy, ThresholdSource
from handoff.evaluation.analysis import Analysis, analyse
from handoff.evaluation.compare import compare as compare_analyses
from handoff.evaluation.goal import parse_goal, parse_share
from handoff.evaluation.recommend import Recommendation, recommend
from handoff.evaluation.run import Run, gather_cases, label_run
from handoff.files.cases import Cases, load_cases
from handoff.files.policy import Found, save_policy
from handoff.files.whole_file import write_whole
from handoff.providers.openai.connection import OpenAIConnection
from handoff.report.examples_words import example_notes
from handoff.report.set_json import analysis_to_json, comparison_to_json
from handoff.report.set_text import (
    Gate,
    analysis_to_text,
    comparison_to_markdown,
    comparison_to_text,
    gates_to_junit,
)
from handoff.report.set_words import apart, counted, set_notes
from handoff.router import Router

_CASES = click.argument("cases_path", metavar="CASES", type=click.Path(path_type=Path))
_NO_TAGS = click.option("--no-tags", is_flag=True, help="Leave the tag filter out.")


@click.command("eval")
@_CASES
@REGISTRY
@CONFIG
@THRESHOLD
@FORCE
@NO_EXAMPLES
@_NO_TAGS
@click.option(
    "--goal",
    default="accuracy",
    show_default=True,
    help="What to recommend a threshold for: accuracy, balanced, wrong=SHARE or coverage=SHARE.",
)
@click.option("--save", is_flag=True, help="Write the recommended threshold to handoff.toml.")
@JSON
def evaluate(
    cases_path: Path,
    registry: Path | None,
    config: Path | None,
    threshold: str | None,
    force: bool,
    no_examples: bool,
    no_tags: bool,
    goal: str,
    save: bool,
    as_json: bool,
) -> int:
    """Say how well the labelled queries in CASES are routed, and recommend a threshold."""
    started = time.perf_counter()
    aim = parse_goal(goal)
    if save and no_tags:
        raise SettingsError(
            "handoff.toml does not say whether the tag filter is on: leave --no-tags out to save."
        )
    settings = settings_of(registry, config, no_examples=no_examples)
    agents, examples = open_registry(settings)
    cases = load_cases(cases_path, agents)
    connection = build_connection(settings)
    router = build_router(settings, agents, connection)
    passed_over = []
    if save and config is not None and not config.exists():
        settings = replace(settings, config=None)
    try:
        policy = policy_of(settings, router, threshold, force=force)
    except StalePolicyError as stale:
        if not save:
            raise
        passed_over.append(f"{stale.problem}: all that it said was passed over.")
        policy = policy_of(replace(settings, config=None), router, threshold, force=force)
    policy = replace(policy, use_tags=not no_tags)
    (run,) = _gather([router], cases, connection)
    failures = [failed.reason for failed in cases.failed] + list(run.failures.values())
    analysis = analyse(label_run(run, agents), policy, len(failures))
    found = recommend(analysis.settled, aim, policy, len(agents))
    notes = [
        *set_notes(cases, analysis, list(run.failures.values())),
        *example_notes(examples, cases.cases),
    ]
    if save:
        target = config or settings.config_to_save
        notes += [*passed_over, _save(target, router, policy, found)]
    seconds = time.perf_counter() - started
    if as_json:
        result = analysis_to_json(analysis, found, failures, seconds) | {"notes": notes}
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        click.echo(analysis_to_text(analysis, found, notes, seconds))
    return OK


@click.command()
@_CASES
@REGISTRY
@CONFIG
@THRESHOLD
@FORCE
@NO_EXAMPLES
@_NO_TAGS
@click.option("--min-accuracy", help="The least accuracy, a share from 0 to 1.")
@click.option("--max-wrong", help="The most queries to somebody wrong, a share from 0 to 1.")
@click.option(
    "--junit", type=click.Path(path_type=Path), help="Write the result as JUnit's XML as well."
)
def check(
    cases_path: Path,
    registry: Path | None,
    config: Path | None,
    threshold: str | None,
    force: bool,
    no_examples: bool,
    no_tags: bool,
    min_accuracy: str | None,
    max_wrong: str | None,
    junit: Path | None,
) -> int:
    """Fail when the labelled queries in CASES are routed worse than required: a gate for CI."""
    started = time.perf_counter()
    least = None if min_accuracy is None else parse_share(min_accuracy, "--min-accuracy")
    most = None if max_wrong is None else parse_share(max_wrong, "--max-wrong")
    if least is None and most is None:
        raise SettingsError("Nothing is required: give --min-accuracy, --max-wrong or both.")
    settings = settings_of(registry, config, no_examples=no_examples)
    agents, examples = open_registry(settings)
    cases = load_cases(cases_path, agents)
    connection = build_connection(settings)
    router = build_router(settings, agents, connection)
    policy = replace(policy_of(settings, router, threshold, force=force), use_tags=not no_tags)
    (run,) = _gather([router], cases, connection)
    failures = list(run.failures.values())
    analysis = analyse(label_run(run, agents), policy, len(cases.failed) + len(failures))
    gates = _gates(analysis, least, most)
    if junit is not None:
        write_whole(junit, gates_to_junit(gates, time.perf_counter() - started), SettingsError)
    click.echo("\n".join(f"{'passed' if gate.passed else 'FAILED'}  {gate.text}" for gate in gates))
    for note in (
        *set_notes(cases, analysis, failures),
        *example_notes(examples, cases.cases),
    ):
        click.echo(f"        {note}")
    return OK if all(gate.passed for gate in gates) else FAILED


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@_CASES
@CONFIG
@THRESHOLD
@FORCE
@NO_EXAMPLES
@_NO_TAGS
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request.")
@JSON
def compare(
    before: Path,
    after: Path,
    cases_path: Path,
    config: Path | None,
    threshold: str | None,
    force: bool,
    no_examples: bool,
    no_tags: bool,
    markdown: bool,
    as_json: bool,
) -> int:
    """Compare the registries BEFORE and AFTER on the labelled queries in CASES, case by case.

    Both are judged by the policy of the first: what would change, were the second one used instead?
    """
    if markdown and as_json:
        raise SettingsError("--markdown and --json exclude each other: leave one of them out.")
    settings = settings_of(before, config, no_examples=no_examples)
    opened = [
        open_registry(each)
        for each in (settings, settings_of(after, config, no_examples=no_examples))
    ]
    registries = [registry for registry, _ in opened]
    cases = load_cases(cases_path, *registries)
    connection = build_connection(settings)
    routers = [build_router(settings, each, connection) for each in registries]
    policy = replace(policy_of(settings, routers[0], threshold, force=force), use_tags=not no_tags)
    runs = _gather(routers, cases, connection)
    for run in runs:
        if run.failures:
            reason = next(iter(run.failures.values()))
            raise CasesError(f"{counted(len(run.failures), 'case')} not gathered: {reason}")
    comparison = compare_analyses(
        *(analyse(label_run(run, each), policy) for run, each in zip(runs, registries, strict=True))
    )
    notes = set_notes(cases, None, [])
    for _, examples in opened:
        notes += [note for note in example_notes(examples, cases.cases) if note not in notes]
    if as_json:
        result = comparison_to_json(comparison, cases.cases) | {
            "failures": [failed.reason for failed in cases.failed],
            "notes": notes,
        }
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
    elif markdown:
        click.echo(comparison_to_markdown(comparison, cases.cases, notes))
    else:
        click.echo(comparison_to_text(comparison, cases.cases, notes))
    return OK


def _gather(
    routers: Sequence[Router], labelled: Cases, connection: OpenAIConnection | None
) -> list[Run]:
    """Gather the cases on each router, with progress on a terminal.

    Raises:
        CasesError: It was interrupted, there is no case, or there are too many.
    """
    cases = labelled.cases
    if not cases:
        raise CasesError(labelled.failed[0].reason)
    runs = [Run(cases) for _ in routers]

    async def gather(at: int) -> None:
        async for run in gather_cases(routers[at], cases):
            progress.update(len(run.parts[-1].rows))
            runs[at] = run

    # Around the whole block: who presses twice may hit the closing of the loop.
    try:
        with (
            BackgroundLoop() as loop,
            click.progressbar(
                length=len(routers) * len(cases),
                label="Gathering",
                file=sys.stderr,
                hidden=not sys.stderr.isatty(),
            ) as progress,
        ):
            try:
                for at in range(len(routers)):
                    loop.run(gather(at))
            finally:
                if connection is not None:
                    loop.run(connection.close())
    except KeyboardInterrupt:
        done = sum(len(run.rows) for run in runs)
        asked = counted(len(routers) * len(cases), "case")
        raise CasesError(
            f"Stopped, with {done:,} of {asked} gathered: they are in the cache, run it again to "
            "go on."
            if done
            else f"Stopped before the first of {asked} was gathered: run it again."
        ) from None
    return runs


def _gates(analysis: Analysis, least: float | None, most: float | None) -> list[Gate]:
    counts = analysis.counts
    gates = []
    if least is not None:
        name = f"accuracy at least {least:g}"
        figure, required = apart(counts.accuracy, least)
        text = f"Accuracy {figure}, required at least {required}."
        gates.append(Gate(name, counts.accuracy >= least, text))
    if most is not None:
        name = f"at most {most:g} to somebody wrong"
        figure, allowed = apart(counts.wrong_share, most)
        text = f"To somebody wrong {figure}, allowed {allowed}."
        gates.append(Gate(name, counts.wrong_share <= most, text))
    return gates


def _save(config: Path, router: Router, policy: Policy, found: Recommendation | None) -> str:
    """Write the recommended threshold; say so."""
    if found is None:
        raise CasesError("There are too few cases to recommend a threshold: nothing was saved.")
    save_policy(
        config,
        replace(policy, threshold=found.threshold, source=ThresholdSource.CONFIG),
        Found(
            ground=ground_of(router),
            date=datetime.now(UTC).date(),
            goal=str(found.goal),
            cases=found.held_out.cases,
            accuracy=found.held_out.accuracy,
            coverage=found.held_out.coverage,
        ),
    )
    return f"The threshold {found.threshold:.4g} was saved to {config}."
