"""Why an agent scores as it does: the part that embeds; the rules are in `core/explain.py`."""

from collections.abc import Sequence

import numpy as np

from handoff.core.agent_rows import texts_of
from handoff.core.explain import (
    Edit,
    Explanation,
    Flip,
    bar_of,
    described,
    edits_of,
    held_lexical,
    held_scores,
    share_out,
    texts_to_explain,
    variants_of,
)
from handoff.core.lexical import lexical_scores
from handoff.core.model import Agent, Evidence, FloatArray, Policy
from handoff.core.scoring import total_scores
from handoff.core.tagging import stems
from handoff.core.texts import agent_text
from handoff.router import Router

MOST_EDITS = 4


async def explain(router: Router, evidence: Evidence, policy: Policy, position: int) -> Explanation:
    """Leave out each word of a query and of an agent's description in turn, in one batch.

    `texts_to_explain` returns what is embedded, for who wants to know the cost first.

    Args:
        router: That gathered the evidence.
        evidence: Of the query, on all agents.
        policy: For the lexical weight.
        position: The agent's.

    Raises:
        ProviderError: The texts could not be embedded.
    """
    router = router.answering(evidence)
    await router.index.prepare()
    agent = router.registry.agents[position]
    asked = texts_to_explain(evidence.query, agent)
    embedded = await router.embedder.embed(asked) if asked else np.zeros((0, 1), dtype=np.float32)
    rows = dict(zip(asked, embedded, strict=True))
    score = float(
        total_scores(evidence.similarities, evidence.lexical, policy.lexical_weight)[position]
    )
    queries = variants_of(evidence.query)
    left = dict.fromkeys(queries, 0.0) | await _query_scores(
        router, rows, [query for query in queries if query], policy, position
    )
    variants = described(agent, variants_of(agent.description))
    without_each = _description_scores(router, evidence, variants, rows, policy)
    return Explanation(
        position=position,
        score=score,
        query=share_out(evidence.query, score, [left[query] for query in queries]),
        description=share_out(agent.description, score, without_each),
    )


async def smallest_flip(
    router: Router,
    evidence: Evidence,
    policy: Policy,
    position: int,
    most_edits: int = MOST_EDITS,
) -> Flip | None:
    """Look for the fewest edits of a description, out of its own words, that turn a query.

    The agent that gets the query should lose it, any other should get it. One edit is taken at a
    time, the one that moves the score furthest, and every text is embedded and judged, so that a
    flip is one with tags, other agents and examples as they are. A single edit is found wherever
    there is one; of several, fewer might do. One batch a step.

    Args:
        router: That gathered the evidence.
        evidence: Of the query, on all agents.
        policy: How it is judged.
        position: The agent's.
        most_edits: Give up after so many.

    Returns:
        None where there is none, or the tag filter keeps the agent from the query.

    Raises:
        ProviderError: The texts could not be embedded.
    """
    router = router.answering(evidence)
    await router.index.prepare()
    agent = router.registry.agents[position]
    policy = router.policy_for(evidence, policy)
    bar = bar_of(evidence, router.registry, policy, position)
    if not bar.candidate:
        return None
    totals = total_scores(evidence.similarities, evidence.lexical, policy.lexical_weight)
    before = float(totals[position])
    wins = not bar.cleared_by(before)
    description, made, reached = agent.description, list[Edit](), before
    for _ in range(most_edits):
        steps = edits_of(description)
        if not steps:
            return None
        variants = described(agent, [text for _, text in steps])
        texts = list(dict.fromkeys(texts_of(variants).texts))
        rows = dict(zip(texts, await router.embedder.embed(texts), strict=True))
        scores = np.array(
            _description_scores(router, evidence, variants, rows, policy),
            dtype=np.float32,
        )
        best = int(np.argmax(scores if wins else -scores))
        after = float(scores[best])
        if (after <= reached) if wins else (after >= reached):
            return None
        edit, description = steps[best]
        made.append(edit)
        reached = after
        if bar.cleared_by(after) == wins:
            return Flip(position, wins, tuple(made), description, before, after)
    return None


async def _query_scores(
    router: Router,
    rows: dict[str, FloatArray],
    queries: Sequence[str],
    policy: Policy,
    position: int,
) -> dict[str, float]:
    """Return the agent's score for other queries, as a route would score them."""
    if not queries:
        return {}
    similarities, _ = await router.index.search(
        np.stack([rows[query] for query in queries]), queries
    )
    lexical = np.zeros_like(similarities)
    if policy.lexical_weight:
        lexical = lexical_scores(queries, router.lexicon)
    scores = total_scores(similarities, lexical, policy.lexical_weight)[:, position]
    return dict(zip(queries, scores.tolist(), strict=True))


def _description_scores(
    router: Router,
    evidence: Evidence,
    variants: Sequence[Agent],
    rows: dict[str, FloatArray],
    policy: Policy,
) -> list[float]:
    """Return the score for the query of one agent with other descriptions."""
    if not variants:
        return []
    position = router.registry.positions[variants[0].id]
    scores = held_scores(
        texts_of(variants).rows_from(rows), evidence, router.index.learned, position
    )
    if policy.lexical_weight:
        agents = router.registry.agents
        mean_length = sum(len(stems(agent_text(agent))) for agent in agents) / len(agents)
        texts = [agent_text(variant) for variant in variants]
        lexical = held_lexical(evidence.query, texts, router.lexicon, mean_length)
        scores = total_scores(scores, np.array(lexical, dtype=np.float32), policy.lexical_weight)
    found: list[float] = scores.tolist()
    return found
