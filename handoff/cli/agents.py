"""The agents from the command line: which of them overlap, and why one scores as it does."""

import difflib
import json
from pathlib import Path

import click
from threadpoolctl import threadpool_limits

from handoff.agents.advice import look_at_first
from handoff.agents.explain import explain, smallest_flip
from handoff.agents.overlap import candidate_scores, find_overlap
from handoff.cli.options import JSON, JUDGING, OK, RoutingOptions, complain, routing_options
from handoff.core.errors import CasesError, SettingsError
from handoff.core.explain import texts_to_explain
from handoff.core.model import Registry
from handoff.core.ranking import rank_by
from handoff.core.texts import parse_query, shorten
from handoff.evaluation.analysis import Analysis, analyse
from handoff.evaluation.run import Run, label_run
from handoff.files.cases import load_cases
from handoff.report.explain_json import explanation_to_json
from handoff.report.explain_words import explanation_to_text
from handoff.report.overlap_json import overlap_to_json
from handoff.report.overlap_words import overlap_to_text
from handoff.trace import Trace


@click.command()
@click.option(
    "--cases",
    "cases_path",
    type=click.Path(path_type=Path),
    help="Labelled queries: say who contests them, and whom none reaches.",
)
@routing_options("registry", "config", "threshold", "force", "no_examples")
@JSON
def overlap(cases_path: Path | None, options: RoutingOptions, as_json: bool) -> int:
    """Say which agents overlap, and what to look at first."""
    with options.open() as bench:
        agents = bench.registry
        cases = None if cases_path is None else load_cases(cases_path, agents).cases
        if cases is not None and not cases:
            raise CasesError("None of the cases can be used: see `handoff eval` for the reasons.")
        rows = bench.embed_agents().wholes
        analysis: Analysis | None = None
        if cases is not None:
            policy, stale = options.policy_or_default(bench)
            _tell(stale)
            run = Run(cases)
            for grown in bench.gather_set(cases):
                run = grown
            analysis = analyse(label_run(run, agents), policy, len(run.failures))
    scores = None if analysis is None else candidate_scores(analysis.labelled, analysis.policy)
    with threadpool_limits(1):
        found = find_overlap(rows, scores)
    advice = look_at_first(agents, found, analysis)
    queries = () if analysis is None else analysis.labelled.evidence.queries
    if as_json:
        result = overlap_to_json(found, advice, agents, queries)
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        click.echo(overlap_to_text(found, advice, agents, queries))
    return OK


@click.command("explain")
@click.argument("query", nargs=-1, required=True)
@click.option("--agent", help="Explain this agent, by its id.  [default: the best]")
@routing_options(*JUDGING)
@click.option(
    "--flip/--no-flip",
    default=None,
    help="Look for the smallest edit of the description that turns the query; a few more requests "
    "where embedding is paid for.  [default: where it is free]",
)
@JSON
def explain_query(
    query: tuple[str, ...],
    agent: str | None,
    options: RoutingOptions,
    flip: bool | None,
    as_json: bool,
) -> int:
    """Say which words of QUERY and of a description carry an agent's score."""
    with options.open() as bench:
        agents, router = bench.registry, bench.router
        asked = parse_query(" ".join(query))
        position = None if agent is None else _position(agents, agent)
        policy, stale = options.policy_or_default(bench)
        _tell(stale)
        turned = None
        evidence = bench.gather([asked], Trace())[0]
        if position is None:
            position = int(rank_by(evidence, agents, policy).order[0])
        texts = texts_to_explain(asked, agents.agents[position])
        cost_usd = bench.cost_usd(texts)
        if cost_usd != 0:
            costs = "an unknown amount" if cost_usd is None else f"at most ${cost_usd:.6f}"
            click.echo(f"Explaining asks for {len(texts):,} texts: {costs}.", err=True)
        explanation = bench.run(explain(router, evidence, policy, position))
        looked = cost_usd == 0 if flip is None else flip
        if looked:
            turned = bench.run(smallest_flip(router, evidence, policy, position))
    if as_json:
        result = explanation_to_json(explanation, turned, agents, asked, cost_usd)
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        click.echo(explanation_to_text(explanation, turned, agents, looked=looked))
    return OK


def _tell(notes: list[str]) -> None:
    for note in notes:
        complain(note)


def _position(agents: Registry, agent: str) -> int:
    """Return an agent's position by its id; name the nearest id where there is none."""
    found = agents.positions.get(agent)
    if found is not None:
        return found
    near = difflib.get_close_matches(agent, agents.positions, n=1, cutoff=0.0)
    raise SettingsError(
        f"No agent has the id '{shorten(agent)}': did you mean '{shorten(near[0])}'?"
    )
