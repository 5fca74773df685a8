"""Learning from the command line: examples with their proof, and what to label next."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from handoff.cli.options import CASES, JSON, OK, RoutingOptions, refuse_own, routing_options
from handoff.core.agent_rows import texts_of
from handoff.core.errors import CasesError, QueryError
from handoff.core.learning import lessons_of
from handoff.core.model import Example
from handoff.core.texts import parse_query, shorten
from handoff.core.word_overlap import normal_form
from handoff.evaluation.proof import MOST_TO_LEARN, Worth, part, thin
from handoff.evaluation.suggest import suggest
from handoff.files.cases import load_cases
from handoff.files.csv_table import Row, Shape, load_bytes, parse_rows
from handoff.files.examples import LabelledQuery, collect_examples, save_examples
from handoff.report.examples_json import suggestion_rows, worth_to_json
from handoff.report.examples_text import suggestions_to_text, worth_to_text
from handoff.trace import Trace
from handoff.workbench import Workbench, measure_worth, open_workbench

FEWEST_TO_LEARN = 10


@click.command("learn")
@CASES
@routing_options("registry")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the examples here; beside the registry, as examples.csv, they are used.",
)
@JSON
def learn_cases(
    cases_path: Path, options: RoutingOptions, output: Path | None, as_json: bool
) -> int:
    """Make examples of the labelled queries in CASES, and prove what they are worth."""
    settings = replace(options.settings(), examples=None)
    if output is not None:
        refuse_own(output, (*settings.own_files, cases_path))
    with open_workbench(settings) as bench:
        worth, examples, notes = _learn(bench, cases_path)
    if output is not None:
        save_examples(output, examples)
        notes.append(f"Saved to {output}.")
    if as_json:
        click.echo(json.dumps(worth_to_json(worth, notes), ensure_ascii=False, indent=2))
    else:
        click.echo(worth_to_text(worth, notes))
    return OK


def _learn(bench: Workbench, cases_path: Path) -> tuple[Worth, Sequence[Example], list[str]]:
    """Learn from a file of cases; return the proof, the examples and what to know of them."""
    agents = bench.registry
    cases = load_cases(cases_path, agents)
    found = collect_examples(
        (LabelledQuery(case.line, case.query, case.expected) for case in cases.cases),
        shorten(cases_path.name),
    )
    notes = [failed.reason for failed in cases.failed] + list(found.failed)
    examples = found.examples
    if len(examples) < FEWEST_TO_LEARN:
        raise CasesError(
            f"It takes {FEWEST_TO_LEARN} different labelled queries to prove anything, and there "
            f"are {len(examples):,}: label more."
        )
    described = texts_of(agents.agents)
    texts = described.texts
    vectors = bench.embed([*texts, *(example.query for example in examples)])
    rows = described.rows(vectors[: len(texts)])
    lessons = lessons_of(examples, vectors[len(texts) :], agents)
    if len(lessons) > MOST_TO_LEARN:
        thinned = thin(lessons, MOST_TO_LEARN)
        notes.append(
            f"{len(thinned):,} of the {len(lessons):,} queries were learned from, the "
            "same share of each agent's; the others are left for an evaluation."
        )
        lessons = part(lessons, thinned)
        examples = tuple(examples[row] for row in thinned.tolist())
    return measure_worth(rows, lessons), examples, notes


@click.command("suggest")
@click.argument("unlabelled", type=click.Path(path_type=Path))
@routing_options("registry", "no_examples")
@click.option("-n", "most", type=click.IntRange(min=1), default=20, show_default=True)
@JSON
def suggest_queries(unlabelled: Path, options: RoutingOptions, most: int, as_json: bool) -> int:
    """Say which queries in UNLABELLED, a CSV file with a column query, to label next."""
    source = shorten(unlabelled.name)
    rows = parse_rows(load_bytes(unlabelled, CasesError), source, CasesError, _UNLABELLED)
    queries = list(dict.fromkeys(_query(row) for row in rows if row["query"].strip()))
    if not queries:
        raise CasesError(f"{source} holds no query: add a row for each.")
    with options.open() as bench:
        evidence = bench.gather(queries, Trace())
    agents = bench.registry
    known = {normal_form(example.query) for example in agents.examples}
    found = suggest(queries, evidence.vectors, evidence.similarities, known, most)
    suggested = suggestion_rows(found, queries, agents)
    if as_json:
        click.echo(json.dumps({"schema": 1, "queries": suggested}, ensure_ascii=False, indent=2))
    else:
        click.echo(suggestions_to_text(suggested))
    return OK


def _query(row: Row) -> str:
    try:
        return parse_query(row["query"])
    except QueryError as failure:
        expected = f"{failure.problem}, {failure.mend}"
        raise row.complaint(CasesError, "query", expected) from None


_UNLABELLED = Shape(required=("query",), optional=("expected", "agent", "chip"), old=("example",))
