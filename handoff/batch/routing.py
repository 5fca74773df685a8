"""A chunk of texts to cells of a table, by whole matrices: no object a candidate, no sort."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from handoff.core.errors import ProviderError, QueryError
from handoff.core.lexical import Lexicon
from handoff.core.model import EvidenceSet, Outcome, Policy, Registry
from handoff.core.scripts import unknown_script
from handoff.core.texts import formula_safe, parse_query
from handoff.evaluation.judged import label, rank_cases
from handoff.router import Router
from handoff.trace import Trace

COLUMNS = (
    "agent",
    "outcome",
    "score",
    "threshold",
    "margin",
    "tags",
    "unknown_script",
    "degraded",
    "error",
)
"""What is known of a query in the end, one cell each; `agent` is empty where nobody takes it."""

FAILED = "failed"
"""The outcome of a row that could not be routed; `error` says why."""

MOST_CELLS = 1_048_576
"""Queries times agents that are in memory at once, 4 MB of similarities."""
MOST_ROWS = 256

_FEW = 2
"""Queries of which it may be that none can be embedded though the embedder is all right."""

Cells = tuple[str, ...]


def rows_at_once(agents: int) -> int:
    """Return how many queries make a chunk on so many agents."""
    return max(1, min(MOST_ROWS, MOST_CELLS // agents))


def trimmed(router: Router, policy: Policy) -> Router:
    """Return a router that gathers no more than a batch by this policy needs.

    There is no fallback, since scores of two embedders do not stand on one scale.
    """
    if policy.lexical_weight:
        return replace(router, fallback=None)
    return replace(router, fallback=None, lexicon=Lexicon(len(router.registry), {}))


async def route_texts(router: Router, policy: Policy, texts: Sequence[str]) -> list[Cells]:
    """Route texts as they stand in a file; nothing is handed off.

    Args:
        router: See `trimmed`.
        policy: How to judge.
        texts: Whatever was typed; one that is no query, or cannot be embedded, fails alone.

    Returns:
        The cells of `COLUMNS`, one row a text, in order; none is a spreadsheet's formula.

    Raises:
        ProviderError: No query could be embedded.
    """
    rows: list[Cells | None] = []
    queries: list[str] = []
    for text in texts:
        try:
            queries.append(parse_query(text))
            rows.append(None)
        except QueryError as error:
            rows.append(failed(str(error)))
    if not queries:
        return [row for row in rows if row is not None]
    try:
        gathered = await router.gather_each(queries, Trace())
    except ProviderError as error:
        if len(queries) > _FEW or error.partly is None:
            raise
        refused = iter(error.partly.reasons.values())
        return [failed(next(refused)) if row is None else row for row in rows]
    judged = iter(judge_many(gathered.evidence, router.registry, policy))
    asked = (
        failed(gathered.failures[at]) if at in gathered.failures else next(judged)
        for at in range(len(queries))
    )
    return [next(asked) if row is None else row for row in rows]


def failed(reason: str) -> Cells:
    """Return the cells of a row that cannot be routed."""
    return ("", FAILED, "", "", "", "", "", "", formula_safe(reason))


def judge_many(evidence: EvidenceSet, registry: Registry, policy: Policy) -> list[Cells]:
    """Judge all queries of a set as `rank_by` and `decide_by` judge one."""
    labelled = label(evidence, registry, [None] * len(evidence))
    ranked = rank_cases(labelled, use_tags=policy.use_tags, lexical_weight=policy.lexical_weight)
    thresholds = np.full(len(ranked), policy.threshold, dtype=np.float64)
    if policy.per_agent:
        own = [np.nan if each.threshold is None else each.threshold for each in registry.agents]
        theirs = np.array(own, dtype=np.float64)[ranked.best]
        thresholds = np.where(np.isnan(theirs), thresholds, theirs)
    scripts: list[str | None] = [None] * len(ranked)
    if policy.known_scripts_only:
        scripts = [
            unknown_script(query, evidence.scripts, registry.scripts) if unknown else None
            for query, unknown in zip(evidence.queries, labelled.unknown.tolist(), strict=True)
        ]
    reached = ranked.levels >= thresholds.astype(np.float32)
    clear = ranked.leads >= np.float32(policy.margin)
    return [
        (
            formula_safe(registry.agents[best].id) if takes and leads and script is None else "",
            _outcome(reached=takes and script is None, clear=leads),
            str(score),
            str(threshold),
            str(lead) if lead < np.inf else "",
            formula_safe(";".join(tags)),
            script or "",
            ";".join(stages),
            "",
        )
        for best, takes, leads, score, threshold, lead, tags, script, stages in zip(
            ranked.best,
            reached.tolist(),
            clear.tolist(),
            ranked.levels,
            thresholds.tolist(),
            ranked.leads,
            evidence.tags,
            scripts,
            evidence.degraded,
            strict=True,
        )
    ]


def _outcome(*, reached: bool, clear: bool) -> str:
    if not reached:
        return Outcome.BELOW_THRESHOLD.value
    return Outcome.SELECTED.value if clear else Outcome.AMBIGUOUS.value
