"""Routes to be told in words."""

from dataclasses import replace

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from handoff.core.lexical import build_lexicon
from handoff.core.model import Agent, Evidence, Policy, Registry, ThresholdSource
from handoff.core.whatif import ask_what_if
from handoff.index.exact import ExactIndex
from handoff.providers.scripted import ScriptedEmbedder, ScriptedTagExtractor, SimulatedRunner
from handoff.report.route_words import (
    answered_by,
    what_would_change,
)
from handoff.router import Route, Router, judge
from handoff.trace import Trace

# No deadline: how long a rule takes on a busy machine says nothing about the rule.
some = settings(max_examples=50, deadline=None)

AGENTS = (
    Agent("coder", "Coder", "Fixes bugs.", ("bug", "code"), 0.75),
    Agent("biller", "Biller", "Refunds orders.", ("refund",)),
    Agent("trainer", "trainer", "Trains models.", ("code", "model")),
)
POLICY = Policy(0.25, ThresholdSource.EMBEDDER)
OFF = replace(POLICY, use_tags=False)
HIGH = replace(POLICY, threshold=0.625, source=ThresholdSource.CONFIG)
STRICT = replace(POLICY, margin=0.375)
OWN = replace(POLICY, per_agent=True)
SCORES = (0.5, 0.75, 0.25)

cosines = st.floats(-1, 1, width=32)
policies = st.builds(
    Policy,
    threshold=cosines,
    source=st.sampled_from(list(ThresholdSource)[:3]),
    margin=st.one_of(st.just(0.0), st.floats(0, 1, width=32)),
    use_tags=st.booleans(),
    per_agent=st.booleans(),
)
tag_lists = st.lists(
    st.sampled_from(["bug", "code", "refund", "nobody's"]), unique=True, max_size=3
).map(tuple)


def routed(
    *similarities: float,
    tags: tuple[str, ...] = (),
    policy: Policy = POLICY,
    agents: tuple[Agent, ...] = AGENTS,
    degraded: tuple[str, ...] = (),
    query: str = "q",
) -> Route:
    """Judge a query that is this similar to the first of the agents."""
    registry = Registry(agents[: len(similarities)])
    evidence = Evidence(
        query=query,
        embedder=ScriptedEmbedder.identity,
        tagger=ScriptedTagExtractor.identity,
        fingerprint=registry.fingerprint,
        tags=tags,
        vector=np.ones(1, dtype=np.float32),
        similarities=np.array(similarities, dtype=np.float32),
        lexical=np.zeros(len(similarities), dtype=np.float32),
        degraded=degraded,
        scripts=frozenset({"Latin"}),
    )
    return judge(evidence, registry, policy, Trace())


def router_of(registry: Registry, *labels: str) -> Router:
    """Return a router of scripted parts, whose providers may be called otherwise."""
    embedder, tagger = ScriptedEmbedder(), ScriptedTagExtractor(registry)
    if labels:
        embedder.label, tagger.label = labels
    lexicon = build_lexicon(["text"])
    index = ExactIndex(registry, embedder)
    return Router(registry, embedder, tagger, index, lexicon, SimulatedRunner())


def answered(route: Route, *labels: str) -> str:
    """Say who answered a route."""
    return answered_by(route, router_of(route.ranking.registry, *labels))


def ways(route: Route) -> list[str]:
    """Say what would change a route: thresholds, filter, tags, runner-up."""
    return what_would_change(
        route, ask_what_if(route.evidence, route.ranking.registry, route.policy)
    )


def crowd(count: int) -> tuple[Agent, ...]:
    """Return many agents, the first two of them with a tag."""
    return tuple(
        Agent(f"a{at}", f"Agent {at}", "Helps.", ("rare",) if at < 2 else ()) for at in range(count)
    )
