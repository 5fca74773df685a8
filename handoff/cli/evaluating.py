"""Evaluation from the command line: figures, a gate for CI, two registries side by side."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from handoff.bootstrap import open_registry
from handoff.cli.options import (
    CASES,
    FAILED,
    JSON,
    JUDGING,
    OK,
    RoutingOptions,
    refuse_own,
    routing_options,
)
from handoff.core.errors import CasesError, SettingsError
from handoff.evaluation.analysis import Analysis, analyse
from handoff.evaluation.compare import compare
from handoff.evaluation.goal import parse_goal, parse_share
from handoff.evaluation.recommend import recommend
from handoff.evaluation.run import Run, label_run
from handoff.files.cases import Cases, load_cases
from handoff.files.sole_writer import write_alone
from handoff.report.examples_words import example_notes, taught_apart
from handoff.report.numbers import apart, counted
from handoff.report.set_json import analysis_to_json, comparison_to_json
from handoff.report.set_text import (
    Gate,
    analysis_to_text,
    comparison_to_markdown,
    comparison_to_text,
    gates_to_junit,
)
from handoff.report.set_words import set_notes
from handoff.workbench import Workbench, open_workbench


@click.command("eval")
@CASES
@routing_options(*JUDGING)
@click.option(
    "--goal",
    default="accuracy",
    show_default=True,
    help="What to recommend a threshold for: accuracy, balanced, wrong=SHARE or coverage=SHARE.",
)
@click.option(
    "--save",
    is_flag=True,
    help="Write the recommended threshold, or yours where it is the better one, to handoff.toml.",
)
@JSON
def evaluate(
    cases_path: Path, options: RoutingOptions, goal: str, save: bool, as_json: bool
) -> int:
    """Say how well the labelled queries in CASES are routed, and recommend a threshold."""
    started = time.perf_counter()
    aim = parse_goal(goal)
    if save and options.no_tags:
        raise SettingsError(
            "handoff.toml does not say whether the tag filter is on: leave --no-tags out to save."
        )
    settings = options.settings()
    if save and options.config is not None and not options.config.exists():
        settings = replace(settings, config=None)
    with open_workbench(settings) as bench:
        agents = bench.registry
        cases = load_cases(cases_path, agents)
        policy, stale = options.policy_or_default(bench)
        (run,) = _gather([bench], cases)
        failures = [failed.reason for failed in cases.failed] + list(run.failures.values())
        analysis = analyse(label_run(run, agents), policy, len(failures))
        found = recommend(analysis.settled, aim, analysis.policy, len(agents))
        notes = [
            *set_notes(cases, analysis, list(run.failures.values()), run.untagged),
            *example_notes(bench.examples, cases.cases),
            *stale,
        ]
        if save:
            if found is None:
                raise CasesError(
                    "There are too few cases to recommend a threshold: nothing was saved."
                )
            text = bench.policy_to_toml(analysis, found, found.best)
            target = bench.save_policy(text, options.config)
            notes.append(
                f"The threshold in use, {found.best:.4g}, was kept and saved to {target}: the one "
                f"chosen, {found.threshold:.4g}, does worse held out."
                if found.keep
                else f"The threshold {found.best:.4g} was saved to {target}."
            )
    seconds = time.perf_counter() - started
    if as_json:
        result = analysis_to_json(analysis, found, failures, seconds) | {"notes": notes}
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        click.echo(analysis_to_text(analysis, found, notes, seconds))
    return OK


@click.command()
@CASES
@routing_options(*JUDGING)
@click.option("--min-accuracy", help="The lowest accuracy that passes, a share from 0 to 1.")
@click.option("--max-wrong", help="The most wrong hand-offs, a share of all cases from 0 to 1.")
@click.option(
    "--junit", type=click.Path(path_type=Path), help="Write the result as JUnit's XML as well."
)
def check(
    cases_path: Path,
    options: RoutingOptions,
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
    settings = options.settings()
    if junit is not None:
        refuse_own(junit, (*settings.own_files, cases_path))
    with open_workbench(settings) as bench:
        cases = load_cases(cases_path, bench.registry)
        policy = options.policy(bench)
        (run,) = _gather([bench], cases)
    failures = list(run.failures.values())
    labelled = label_run(run, bench.registry)
    analysis = analyse(labelled, policy, len(cases.failed) + len(failures))
    gates = _gates(analysis, least, most)
    if junit is not None:
        write_alone(junit, gates_to_junit(gates, time.perf_counter() - started), SettingsError)
    click.echo("\n".join(f"{'passed' if gate.passed else 'FAILED'}  {gate.text}" for gate in gates))
    for note in (
        *set_notes(cases, analysis, failures, run.untagged),
        *example_notes(bench.examples, cases.cases),
    ):
        click.echo(f"        {note}")
    return OK if all(gate.passed for gate in gates) else FAILED


@click.command("compare")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@CASES
@routing_options("config", "threshold", "force", "no_examples", "no_tags")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request.")
@JSON
def compare_registries(
    before: Path,
    after: Path,
    cases_path: Path,
    options: RoutingOptions,
    markdown: bool,
    as_json: bool,
) -> int:
    """Compare the registries BEFORE and AFTER on the labelled queries in CASES, case by case.

    Both are judged by the policy of the first: what would change, were the second one used instead?
    """
    if markdown and as_json:
        raise SettingsError("--markdown and --json cannot be combined: leave one of them out.")
    with open_workbench(options.settings(before)) as first:
        second = first.over(*open_registry(options.settings(after)))
        benches = (first, second)
        cases = load_cases(cases_path, *(bench.registry for bench in benches))
        policy, stale = options.policy_or_default(first)
        runs = _gather(benches, cases)
    for run in runs:
        if run.failures:
            reason = next(iter(run.failures.values()))
            raise CasesError(f"{counted(len(run.failures), 'case')} not gathered: {reason}")
    comparison = compare(
        *(
            analyse(label_run(run, bench.registry), policy)
            for run, bench in zip(runs, benches, strict=True)
        )
    )
    notes = [
        *set_notes(cases, None, []),
        *stale,
        *taught_apart(*(bench.examples for bench in benches)),
    ]
    for bench in benches:
        told = example_notes(bench.examples, cases.cases)
        notes += [note for note in told if note not in notes]
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


def _gather(benches: Sequence[Workbench], labelled: Cases) -> list[Run]:
    """Gather the cases on each bench, with progress on a terminal.

    Raises:
        CasesError: It was interrupted, there is no case, or there are too many.
    """
    cases = labelled.cases
    if not cases:
        raise CasesError(labelled.failed[0].reason)
    runs = [Run(cases) for _ in benches]
    try:
        with click.progressbar(
            length=len(benches) * len(cases),
            label="Gathering",
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
        ) as progress:
            for at, bench in enumerate(benches):
                for run in bench.gather_set(cases):
                    progress.update(len(run.parts[-1].rows))
                    runs[at] = run
    except KeyboardInterrupt:
        done = sum(len(run.rows) for run in runs)
        asked = counted(len(benches) * len(cases), "case")
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
        name = f"wrong hand-offs at most {most:g}"
        figure, allowed = apart(counts.wrong_share, most)
        text = f"Wrong hand-offs {figure}, allowed {allowed}."
        gates.append(Gate(name, counts.wrong_share <= most, text))
    return gates
