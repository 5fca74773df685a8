"""The tag filter: who carries an extracted tag."""

import numpy as np

from handoff.core.model import BoolArray, IntArray, Registry


def carriers_of(
    tags: tuple[str, ...], registry: Registry, positions: IntArray | None = None
) -> BoolArray:
    """Tell which agents carry at least one of the tags.

    Args:
        tags: Extracted tags; one that nobody carries is passed over.
        registry: The agents.
        positions: Only these agents, shape (returned,); None for all.

    Returns:
        Shape (agents,), or (returned,) with `positions`.
    """
    carries = np.zeros(len(registry), dtype=np.bool_)
    for tag in tags:
        if tag in registry.carriers:
            carries[registry.carriers[tag]] = True
    return carries if positions is None else carries[positions]
