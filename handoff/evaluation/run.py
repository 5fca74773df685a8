"""Gather evidence for a labelled set: in parts, so that it can be stopped, and gone on with."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handoff.core.errors import CasesError, ProviderError
from handoff.core.model import EvidenceSet, IntArray, Registry
from handoff.evaluation.judged import Labelled, label
from handoff.files.cases import Case
from handoff.router import QUERIES_AT_ONCE, Router
from handoff.trace import Trace, billed

MOST_CELLS = 50_000_000
"""Cases times agents that are analysed in memory, about 0.5 GB."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some cases that were gathered together, or that failed together.

    Attributes:
        rows: Their places in the set.
        evidence: What was gathered; None where it failed.
        reason: Why it failed; empty where it did not.
        untagged: Why some of its cases got no tags; empty where all were asked for theirs.
        cost_usd: What it cost; None where that is not known.
    """

    rows: tuple[int, ...]
    evidence: EvidenceSet | None
    reason: str = ""
    cost_usd: float | None = 0.0
    untagged: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What was gathered of a labelled set so far; failures stand beside successes.

    Attributes:
        cases: The whole set, in order.
        parts: What was tried, in the order it was tried.
    """

    cases: tuple[Case, ...]
    parts: tuple[Part, ...] = ()

    @property
    def rows(self) -> tuple[int, ...]:
        """The places of the cases with evidence, ascending."""
        return tuple(sorted(self._gathered_rows()))

    @property
    def tried(self) -> int:
        """How many cases were gathered or failed."""
        return sum(len(part.rows) for part in self.parts)

    @property
    def failures(self) -> dict[int, str]:
        """The places of the cases that failed, with the reason."""
        return {
            row: part.reason for part in self.parts if part.evidence is None for row in part.rows
        }

    @property
    def untagged(self) -> str:
        """Why some cases got no tags, as the first of them was told; empty where none was."""
        return next((part.untagged for part in self.parts if part.untagged), "")

    @property
    def cost_usd(self) -> float | None:
        """What the run cost; None where a part's cost is not known."""
        costs = [part.cost_usd for part in self.parts]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    @property
    def evidence(self) -> EvidenceSet | None:
        """All evidence so far, in the order of `rows`; None before the first."""
        gathered = [part.evidence for part in self.parts if part.evidence is not None]
        if not gathered:
            return None
        joined, rows = join(gathered), self._gathered_rows()
        order = np.argsort(rows)
        in_order = bool((order == np.arange(len(rows))).all())
        return joined if in_order else take(joined, order)

    def _gathered_rows(self) -> list[int]:
        return [row for part in self.parts if part.evidence is not None for row in part.rows]

    @property
    def judged_cases(self) -> tuple[Case, ...]:
        """The cases with evidence, in its order."""
        return tuple(self.cases[row] for row in self.rows)


def forget_failures(run: Run) -> Run:
    """Return a run whose failed cases count as not tried yet; what they cost stays."""
    parts = (
        part if part.evidence is not None else replace(part, rows=(), reason="")
        for part in run.parts
    )
    return replace(run, parts=tuple(parts))


def reuse(run: Run, cases: Sequence[Case]) -> Run:
    """Return a run of another set with what this one gathered of the same queries."""
    evidence = run.evidence
    if evidence is None:
        return Run(tuple(cases))
    known = {query: row for row, query in enumerate(evidence.queries)}
    rows = [row for row, case in enumerate(cases) if case.query in known]
    taken = np.array([known[cases[row].query] for row in rows], dtype=np.intp)
    parts = (Part(tuple(rows), take(evidence, taken)),) if rows else ()
    return Run(tuple(cases), parts)


def take(evidence: EvidenceSet, rows: IntArray) -> EvidenceSet:
    """Return some rows of an evidence set, in this order."""
    at = rows.tolist()
    return replace(
        evidence,
        queries=tuple(evidence.queries[row] for row in at),
        tags=tuple(evidence.tags[row] for row in at),
        vectors=evidence.vectors[rows],
        similarities=evidence.similarities[rows],
        lexical=evidence.lexical[rows],
        degraded=tuple(evidence.degraded[row] for row in at),
        positions=None if evidence.positions is None else evidence.positions[rows],
    )


def check_size(cases: int, agents: int) -> None:
    """Refuse a set that does not fit into memory.

    Raises:
        CasesError: It has too many cases for so many agents.
    """
    if cases * agents > MOST_CELLS:
        raise CasesError(
            f"{cases:,} cases on {agents:,} agents are more than can be analysed at once: use at "
            f"most {MOST_CELLS // agents:,} cases."
        )


async def gather_cases(
    router: Router, cases: Sequence[Case], earlier: Run | None = None
) -> AsyncGenerator[Run]:
    """Gather evidence a hundred cases at a time; yield the run as it grows, if anything is missing.

    Whoever stops listening keeps the last run and may hand it in again as `earlier`: only what is
    missing or failed is asked for. A case that is an example as well is scored as if it were none.
    A router's fallback is not used, since scores of two embedders do not stand on one scale.

    Args:
        router: Whose providers are asked.
        cases: At least one.
        earlier: A run of the same cases on the same router.

    Raises:
        CasesError: There are too many cases for so many agents.
    """
    check_size(len(cases), len(router.registry))
    asking = replace(router.held_out or router, fallback=None)
    run = Run(tuple(cases), () if earlier is None else forget_failures(earlier).parts)
    known = set(run.rows)
    missing = [row for row in range(len(cases)) if row not in known]
    for rows in _parts(missing):
        run = replace(run, parts=(*run.parts, *await _gather(asking, cases, rows)))
        yield run


def label_run(run: Run, registry: Registry) -> Labelled:
    """Lay out what a run gathered with its labels.

    Raises:
        CasesError: Nothing was gathered; says why.
    """
    evidence = run.evidence
    if evidence is None:
        reasons = list(run.failures.values())
        raise CasesError(reasons[0] if reasons else "No case was gathered: run it again.")
    return label(evidence, registry, [case.expected for case in run.judged_cases])


async def _gather(router: Router, cases: Sequence[Case], rows: tuple[int, ...]) -> list[Part]:
    """Return what was gathered as one part, and each case that failed by itself as another."""
    trace = Trace()
    try:
        gathered = await router.gather_each([cases[row].query for row in rows], trace)
    except ProviderError as error:
        return [Part(rows, None, str(error), billed(trace.spans)[1])]
    troubles = [span.facts.trouble for span in trace.spans if span.name == "extract_tags"]
    cost, untagged = billed(trace.spans)[1], "".join(filter(None, troubles))
    taken = tuple(row for at, row in enumerate(rows) if at not in gathered.failures)
    return [
        Part(taken, gathered.evidence, "", cost, untagged),
        *(Part((rows[at],), None, reason) for at, reason in gathered.failures.items()),
    ]


def _parts(rows: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for first in range(0, len(rows), QUERIES_AT_ONCE):
        yield tuple(rows[first : first + QUERIES_AT_ONCE])


def join(parts: Sequence[EvidenceSet]) -> EvidenceSet:
    """Put evidence gathered in parts on one registry together, in order.

    Args:
        parts: At least one, of the same embedder, tagger and registry.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    found = [part.positions for part in parts if part.positions is not None]
    return EvidenceSet(
        queries=tuple(query for part in parts for query in part.queries),
        embedder=first.embedder,
        tagger=first.tagger,
        fingerprint=first.fingerprint,
        tags=tuple(tags for part in parts for tags in part.tags),
        vectors=np.concatenate([part.vectors for part in parts]),
        similarities=np.concatenate([part.similarities for part in parts]),
        lexical=np.concatenate([part.lexical for part in parts]),
        degraded=tuple(stages for part in parts for stages in part.degraded),
        positions=np.concatenate(found) if found else None,
        scripts=first.scripts,
    )
