"""From evidence to a ranking: the tag filter and the order."""

import numpy as np

from handoff.core.model import Evidence, Ranking, Registry
from handoff.core.tags import carriers_of


def rank(evidence: Evidence, registry: Registry, *, use_tags: bool = True) -> Ranking:
    """Keep the agents that carry an extracted tag, all of them if none does; best first.

    Ties keep registry order. The agents that were removed follow the candidates, best first, so
    that nothing the evidence says is lost.
    """
    scores = evidence.similarities
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
    )
