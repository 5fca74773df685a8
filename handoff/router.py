"""The shell: gather, rank, decide, hand off. What needs no provider is a function in `core`."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from handoff.core.decision import decide_by
from handoff.core.errors import ProviderError
from handoff.core.model import (
    Decision,
    Evidence,
    EvidenceSet,
    Policy,
    Ranking,
    Registry,
    ThresholdSource,
)
from handoff.core.ranking import rank
from handoff.protocols import AgentRunner, Embedder, TagExtractor, VectorIndex
from handoff.trace import Span, Trace, note

Result = TypeVar("Result")


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


@dataclass(frozen=True, slots=True)
class Router:
    """What routing depends on; the registry is embedded on first use."""

    registry: Registry
    embedder: Embedder
    tagger: TagExtractor
    index: VectorIndex
    runner: AgentRunner

    async def route(self, query: str, policy: Policy) -> Route:
        """Gather, rank, decide, and hand off where somebody was selected.

        Args:
            query: As `parse_query` returned it.
            policy: How to judge.

        Raises:
            ProviderError: Embedding or the agent failed; tags that fail only degrade the route.
        """
        trace = Trace()
        evidence = await self.gather(query, trace)
        route = judge(evidence, self.registry, policy, trace)
        return await self.hand_off(route)

    async def gather(self, query: str, trace: Trace) -> Evidence:
        """Ask the outside world about one query; see `gather_many`."""
        return (await self.gather_many([query], trace))[0]

    async def gather_many(self, queries: Sequence[str], trace: Trace) -> EvidenceSet:
        """Get tags and vectors at the same time, then compare the vectors with the agents'.

        Args:
            queries: At least one, as `parse_query` returned them.
            trace: Receives the spans.

        Raises:
            ProviderError: The queries or the agents could not be embedded.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_timed(trace, "embed_agents", self.index.prepare()))
                embedding = tasks.create_task(
                    _timed(trace, "embed_query", self.embedder.embed(queries))
                )
                tagging = tasks.create_task(_timed(trace, "extract_tags", self._tags(queries)))
        except BaseExceptionGroup as failures:
            # Callers catch errors, not groups of them; the first one cancelled the others.
            raise failures.exceptions[0] from None
        vectors = embedding.result()
        tags, degraded = tagging.result()
        with trace.span("score"):
            similarities, positions = self.index.search(vectors)
        return EvidenceSet(
            queries=tuple(queries),
            embedder=self.embedder.identity,
            tagger=self.tagger.identity,
            fingerprint=self.registry.fingerprint,
            tags=tuple(tags),
            vectors=vectors,
            similarities=similarities,
            lexical=np.zeros(similarities.shape, dtype=np.float32),
            degraded=(degraded,) * len(queries),
            positions=positions,
        )

    async def hand_off(self, route: Route) -> Route:
        """Deliver the query to the selected agent, if any; return the route with its answer.

        Raises:
            ProviderError: The agent could not be reached.
        """
        agent = route.decision.agent
        if agent is None:
            return route
        trace = Trace(earlier=route.spans)
        with trace.span("hand_off"):
            (answer,) = await self.runner.run([(agent, route.evidence.query)])
        return replace(route, spans=trace.spans, answer=answer)

    async def _tags(
        self, queries: Sequence[str]
    ) -> tuple[Sequence[tuple[str, ...]], tuple[str, ...]]:
        try:
            return await self.tagger.extract(queries), ()
        except ProviderError:
            return [()] * len(queries), ("extract_tags",)


def judge(evidence: Evidence, registry: Registry, policy: Policy, trace: Trace) -> Route:
    """Rank and decide, timed; no provider is called."""
    with trace.span("filter"):
        ranking = rank(evidence, registry, use_tags=policy.use_tags)
        note(count=ranking.candidates)
    with trace.span("select"):
        decision = decide_by(ranking, policy)
    return Route(evidence, policy, ranking, decision, trace.spans)


async def _timed(trace: Trace, name: str, work: Awaitable[Result]) -> Result:
    with trace.span(name):
        return await work
