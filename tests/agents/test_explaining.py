"""Explanations and flips through a real router."""

import asyncio
from dataclasses import replace

import pytest

from handoff.agents.explain import explain, smallest_flip
from handoff.bootstrap import build_router
from handoff.core.explain import variants_of
from handoff.core.model import Agent, Policy, Registry, ThresholdSource
from handoff.files.settings import load_settings
from handoff.trace import Trace

REGISTRY = Registry(
    (
        Agent("weather", "Weather Desk", "Rain, wind and sunshine"),
        Agent("money", "Money Desk", "Invoices, refunds and receipts"),
    )
)


def router_of(registry, tmp_path):
    """Return a router with the embedded model and no cache."""
    (tmp_path / "agents.csv").touch()
    environment = {"HANDOFF_EMBEDDER": "local-fast", "HANDOFF_TAGGER": "local"}
    settings = load_settings(
        environment | {"HANDOFF_CACHE_DIR": str(tmp_path)}, tmp_path / "agents.csv"
    )
    return build_router(settings, registry, None, on_disk=False)


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_a_flip_is_what_routing_on_the_edited_registry_says(tmp_path, weight):
    """The edited description, saved, turns the query, with the score that was told."""
    policy = Policy(0.3, ThresholdSource.ARGUMENT, use_tags=False, lexical_weight=weight)

    async def turn():
        router = router_of(REGISTRY, tmp_path)
        evidence = await router.gather("rain and wind", Trace())
        flip = await smallest_flip(router, evidence, policy, 0)
        edited = replace(REGISTRY.agents[0], description=flip.description)
        other = router_of(Registry((edited, REGISTRY.agents[1])), tmp_path)
        return flip, await other.route("rain and wind", policy)

    flip, route = asyncio.run(turn())

    assert flip.wins is False
    assert route.decision.agent is None or route.decision.agent.id != "weather"
    if not weight:
        assert route.evidence.similarities[0] == pytest.approx(flip.after, abs=1e-6)


def test_a_word_that_carries_the_score_has_the_largest_share(tmp_path):
    """In the query and in the description."""
    policy = Policy(0.3, ThresholdSource.ARGUMENT)

    async def ask():
        router = router_of(REGISTRY, tmp_path)
        evidence = await router.gather("please tell me about refunds", Trace())
        return await explain(router, evidence, policy, 1)

    found = asyncio.run(ask())

    assert max(found.query, key=lambda share: share.share).word == "refunds"
    assert max(found.description, key=lambda share: share.share).word == "refunds"


def test_a_words_share_is_what_the_route_loses_on_the_registry_without_it(tmp_path):
    """To a millionth, where the description is a list: its phrases are compared without it too."""
    policy = Policy(0.3, ThresholdSource.ARGUMENT, use_tags=False)
    listing = replace(REGISTRY.agents[1], description="Bread, rolls and cakes; refunds of money.")
    query = "please give me my money back"

    async def ask():
        router = router_of(Registry((REGISTRY.agents[0], listing)), tmp_path)
        evidence = await router.gather(query, Trace())
        explanation = await explain(router, evidence, policy, 1)
        left = []
        for variant in variants_of(listing.description):
            edited = Registry((REGISTRY.agents[0], replace(listing, description=variant)))
            again = await router_of(edited, tmp_path).gather(query, Trace())
            left.append(float(again.similarities[1]))
        return float(evidence.similarities[1]), explanation, left

    score, explanation, left = asyncio.run(ask())

    assert explanation.score == pytest.approx(score, abs=1e-6)
    shares = [share.share for share in explanation.description]
    assert shares == pytest.approx([score - each for each in left], abs=1e-6)
    assert len(set(shares)) > 3
