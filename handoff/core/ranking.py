"""From evidence to a ranking: the tag filter and the order."""

import numpy as np

from handoff.core.model import Evidence, Policy, Ranking, Registry
from handoff.core.scoring import total_scores
from handoff.core.scripts import unknown_script
from handoff.core.tags import carriers_of


def rank(
    evidence: Evidence,
    registry: Registry,
    *,
    use_tags: bool = True,
    lexical_weight: float = 0.0,
) -> Ranking:
    """Keep the agents that carry an extracted tag, all of them if none does; best first.

    Ties keep registry order. The agents that were removed follow the candidates, best first, so
    that nothing the evidence says is lost.

    Args:
        evidence: What was gathered for a query.
        registry: The agents it was gathered on.
        use_tags: Whether the tag filter is on.
        lexical_weight: How much of the lexical score is added to the similarity.
    """
    scores = total_scores(evidence.similarities, evidence.lexical, lexical_weight)
    order = np.argsort(-scores, kind="stable")
    candidates = len(order)
    widened = False
    if use_tags and evidence.tags:
        kept = carriers_of(evidence.tags, registry, evidence.positions)[order]
        found = int(np.count_nonzero(kept))
        widened = found == 0
        if 0 < found < len(order):
            order = np.concatenate([order[kept], order[~kept]])
            candidates = found
    return Ranking(
        registry=registry,
        tags=evidence.tags,
        order=order if evidence.positions is None else evidence.positions[order],
        scores=scores[order],
        lexical=evidence.lexical[order],
        candidates=candidates,
        widened=widened,
        unknown_script=unknown_script(evidence.query, evidence.scripts, registry.scripts),
    )


def rank_by(evidence: Evidence, registry: Registry, policy: Policy) -> Ranking:
    """Rank as a policy says."""
    return rank(evidence, registry, use_tags=policy.use_tags, lexical_weight=policy.lexical_weight)
