"""The shell: gather, rank, decide, hand off. What needs no provider is a function in `core`."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from handoff.core.decision import decide_by
from handoff.core.errors import (
    ProviderError,
    ProviderRejectedError,
    ProviderUnavailableError,
    SpendingCapError,
)
from handoff.core.lexical import Lexicon, lexical_scores
from handoff.core.model import (
    Decision,
    Evidence,
    EvidenceSet,
    FloatArray,
    IntArray,
    Policy,
    Ranking,
    Registry,
    ThresholdSource,
)
from handoff.core.ranking import rank_by
from handoff.protocols import (
    AgentRunner,
    Embedder,
    OnText,
    TagExtractor,
    VectorIndex,
)
from handoff.trace import Span, Trace, note

Result = TypeVar("Result")

QUERIES_AT_ONCE = 100


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One query's way: what was known, how it was judged, and when each step ran.

    `answer` is the agent's; None where nobody was selected or nothing was handed off yet.
    """

    evidence: Evidence
    policy: Policy
    ranking: Ranking
    decision: Decision
    spans: tuple[Span, ...]
    answer: str | None = None

    @property
    def threshold_source(self) -> ThresholdSource:
        """Who set the threshold that judged."""
        return ThresholdSource.AGENT if self.decision.own_threshold else self.policy.source


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Queries compared with the agents.

    Attributes:
        vectors: The queries' unit rows, shape (queries, dimensions).
        similarities: Shape (queries, agents).
        lexical: Same shape.
        positions: Of the agents where an index returned only some, same shape; else None.
    """

    vectors: FloatArray
    similarities: FloatArray
    lexical: FloatArray
    positions: IntArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What could be gathered of some queries.

    Attributes:
        evidence: Of those that could be embedded, in order; at least one.
        failures: Why others could not, one sentence each, by their places among all.
    """

    evidence: EvidenceSet
    failures: Mapping[int, str]


class PartlyGatheredError(ProviderRejectedError):
    """Some queries cannot be embedded, whichever they are sent with.

    Attributes:
        gathered: What was gathered of the others.
    """

    def __init__(self, queries: Sequence[str], gathered: Gathered) -> None:
        first = min(gathered.failures)
        super().__init__(
            f"Query {first + 1:,} of {len(queries):,} could not be embedded. "
            f"{gathered.failures[first]}"
        )
        self.gathered = gathered


@dataclass(frozen=True, slots=True)
class Router:
    """What routing depends on; the registry is embedded on first use."""

    registry: Registry
    embedder: Embedder
    tagger: TagExtractor
    index: VectorIndex
    lexicon: Lexicon
    runner: AgentRunner
    fallback: "Router | None" = None
    """Second router with its own embedder and index, used for query *and* registry while the first
    embedder is unreachable."""
    held_out: "Router | None" = None
    """For evaluations: scores a query that is an example as if it were none."""

    @property
    def paid_by_query(self) -> tuple[str, ...]:
        """The labels of the paid providers that every new query is sent to."""
        asked = (self.embedder, self.tagger)
        return tuple(dict.fromkeys(provider.label for provider in asked if provider.paid))

    async def route(self, query: str, policy: Policy) -> Route:
        """Decide, and hand off where somebody was selected.

        Args:
            query: As `parse_query` returned it.
            policy: How to judge.

        Raises:
            ProviderError: Embedding or the agent failed; tags that fail only degrade the route.
        """
        return await self.hand_off(await self.decide(query, policy))

    async def decide(self, query: str, policy: Policy) -> Route:
        """Gather, rank and decide; no agent hears of the query.

        Args:
            query: As `parse_query` returned it.
            policy: How to judge.

        Raises:
            ProviderError: Embedding failed; tags that fail only degrade the route.
        """
        trace = Trace()
        evidence = await self.gather(query, trace)
        return judge(evidence, self.registry, self.policy_for(evidence, policy), trace)

    async def gather(self, query: str, trace: Trace) -> Evidence:
        """Ask the outside world about one query; see `gather_many`."""
        return (await self.gather_many([query], trace))[0]

    async def gather_many(self, queries: Sequence[str], trace: Trace) -> EvidenceSet:
        """Get tags and vectors at the same time, then compare the vectors with the agents'.

        Args:
            queries: At least one, as `parse_query` returned them.
            trace: Receives the spans.

        Raises:
            PartlyGatheredError: Some of the queries could not be embedded.
            ProviderError: No query, or not the agents, could be embedded.
        """
        try:
            return await self._gather_many(queries, trace)
        except ProviderUnavailableError as error:
            if self.fallback is None:
                raise
            instead = Trace()
            evidence = await self.fallback.gather_many(queries, instead)
            trace.take_over(instead.spans, str(error))
            degraded = tuple(("embed_query", *stages) for stages in evidence.degraded)
            return replace(evidence, degraded=degraded)

    async def gather_each(self, queries: Sequence[str], trace: Trace) -> Gathered:
        """Gather as `gather_many` does, where a query that cannot be embedded fails alone.

        Args:
            queries: At least one, as `parse_query` returned them.
            trace: Receives the spans.

        Raises:
            ProviderError: None of the queries, or not the agents, could be embedded.
        """
        try:
            return Gathered(await self.gather_many(queries, trace), {})
        except PartlyGatheredError as error:
            return error.gathered

    async def _gather_many(self, queries: Sequence[str], trace: Trace) -> EvidenceSet:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_timed(trace, "embed_agents", self.index.prepare()))
                embedding = tasks.create_task(_timed(trace, "embed_query", self._embed(queries)))
                tagging = tasks.create_task(_timed(trace, "extract_tags", self._tags(queries)))
        except BaseExceptionGroup as failures:
            # Callers catch errors, not groups of them; the first one cancelled the others.
            raise failures.exceptions[0] from None
        vectors, refused = embedding.result()
        taken = [at for at in range(len(queries)) if at not in refused]
        left, tags = [queries[at] for at in taken], tagging.result()
        with trace.span("score"):
            scored = await self.score(vectors, left)
        evidence = self.evidence_of(left, [tags[at] for at in taken], scored)
        if refused:
            raise PartlyGatheredError(queries, Gathered(evidence, refused))
        return evidence

    async def _embed(self, queries: Sequence[str]) -> tuple[FloatArray, Mapping[int, str]]:
        """Return the rows of all queries that can be embedded, and why the others cannot."""
        try:
            return await self.embedder.embed(queries), {}
        except ProviderError as error:
            if error.partly is None or not len(error.partly.rows):
                raise
            return error.partly.rows, error.partly.reasons

    async def score(self, vectors: FloatArray, queries: Sequence[str]) -> Scored:
        """Compare queries with the agents, once the index is prepared.

        Args:
            vectors: The queries' unit rows, shape (queries, dimensions).
            queries: Their texts.
        """
        similarities, positions = await self.index.search(vectors, queries)
        lexical = lexical_scores(queries, self.lexicon)
        if positions is not None:
            lexical = np.take_along_axis(lexical, positions, axis=1)
        return Scored(vectors, similarities, lexical, positions)

    def evidence_of(
        self, queries: Sequence[str], tags: Sequence[Sequence[str] | None], scored: Scored
    ) -> EvidenceSet:
        """Put together what was gathered on this router.

        Args:
            queries: As `parse_query` returned them.
            tags: Each query's; None where they could not be extracted.
            scored: The queries, compared with the agents.
        """
        return EvidenceSet(
            queries=tuple(queries),
            embedder=self.embedder.identity,
            tagger=self.tagger.identity,
            fingerprint=self.registry.fingerprint,
            tags=tuple(tuple(each or ()) for each in tags),
            vectors=scored.vectors,
            similarities=scored.similarities,
            lexical=scored.lexical,
            degraded=tuple(("extract_tags",) if each is None else () for each in tags),
            positions=scored.positions,
            scripts=self.embedder.scripts,
        )

    async def route_many(
        self, queries: Iterable[str], policy: Policy
    ) -> AsyncGenerator[Route | ProviderError]:
        """Yield a route or an error for each query, in order; nothing is handed off.

        Queries are gathered a hundred at a time, their vectors in one batch, so that memory does
        not grow with their number.

        Args:
            queries: As `parse_query` returned them.
            policy: How to judge.
        """
        waiting = iter(queries)
        while part := list(itertools.islice(waiting, QUERIES_AT_ONCE)):
            trace = Trace()
            try:
                gathered = await self.gather_each(part, trace)
            except ProviderError as error:
                for _ in part:
                    yield error
                continue
            rows = iter(gathered.evidence)
            for at in range(len(part)):
                if at in gathered.failures:
                    yield ProviderRejectedError(gathered.failures[at])
                    continue
                evidence = next(rows)
                yield judge(evidence, self.registry, self.policy_for(evidence, policy), trace)

    def policy_for(self, evidence: Evidence, policy: Policy) -> Policy:
        """Return a policy whose default threshold is that of the embedder that was used."""
        other = self.answering(evidence)
        if other is self or policy.source is not ThresholdSource.EMBEDDER:
            return policy
        return replace(policy, threshold=other.embedder.default_threshold)

    def answering(self, evidence: Evidence) -> "Router":
        """Return the router that gathered some evidence: the fallback, where that one answered."""
        other = self.fallback
        if other is None or evidence.embedder != other.embedder.identity:
            return self
        return other

    async def hand_off(self, route: Route, on_text: OnText | None = None) -> Route:
        """Deliver the query to the selected agent, if any; return the route with its answer.

        Args:
            route: Any route.
            on_text: Called with each piece of the answer as it comes.

        Raises:
            ProviderError: The agent could not be reached.
        """
        agent = route.decision.agent
        if agent is None:
            return route
        trace = Trace(earlier=route.spans)
        with trace.span("hand_off"):
            (answer,) = await self.runner.run([(agent, route.evidence.query)], on_text)
        return replace(route, spans=trace.spans, answer=answer)

    async def _tags(self, queries: Sequence[str]) -> Sequence[tuple[str, ...] | None]:
        """Return each query's tags; None where they could not be extracted."""
        try:
            return await self.tagger.extract(queries)
        except SpendingCapError:
            raise
        except ProviderError as error:
            note(trouble=str(error))
            return [None] * len(queries)


def judge(evidence: Evidence, registry: Registry, policy: Policy, trace: Trace) -> Route:
    """Rank and decide, timed; no provider is called."""
    with trace.span("filter"):
        ranking = rank_by(evidence, registry, policy)
        note(count=ranking.candidates)
    with trace.span("select"):
        decision = decide_by(ranking, policy)
    return Route(evidence, policy, ranking, decision, trace.spans)


async def _timed(trace: Trace, name: str, work: Awaitable[Result]) -> Result:
    with trace.span(name):
        return await work
