"""Similarity as arithmetic on arrays."""

import numpy as np

from handoff.core.model import FloatArray


def unit(vectors: FloatArray) -> FloatArray:
    """Scale rows to length one; a row of zeros stays zeros, similar to nothing.

    Args:
        vectors: Shape (texts, dimensions).

    Returns:
        Same shape, float32.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), dtype=np.float32)


def total_scores(similarities: FloatArray, lexical: FloatArray, weight: float) -> FloatArray:
    """Add so much of the lexical scores to the similarities; any shape, the same for both."""
    return similarities + np.float32(weight) * lexical if weight else similarities
