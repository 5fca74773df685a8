"""Similarity as arithmetic on arrays."""

import numpy as np

from handoff.core.model import FloatArray, IntArray


def unit(vectors: FloatArray) -> FloatArray:
    """Scale rows to length one; a row of zeros stays zeros, similar to nothing.

    Args:
        vectors: Shape (texts, dimensions).

    Returns:
        Same shape, float32.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), dtype=np.float32)


def similarities(vectors: FloatArray, matrix: FloatArray, owner: IntArray) -> FloatArray:
    """Return the cosine of every query with every agent.

    Args:
        vectors: The queries' unit rows, shape (queries, dimensions).
        matrix: The registry's unit rows, shape (rows, dimensions), grouped by agent.
        owner: The position of the agent that each row of `matrix` belongs to, ascending and
            without gaps, shape (rows,).

    Returns:
        Shape (queries, agents), between -1 and 1: an agent with several vectors counts its
        most similar one.
    """
    # For a single query the product of matrix and vector is the faster one.
    one = len(vectors) == 1
    products: FloatArray = (matrix @ vectors[0])[None, :] if one else vectors @ matrix.T
    np.minimum(products, 1, out=products)
    np.maximum(products, -1, out=products)
    if len(owner) and owner[-1] + 1 < len(owner):
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        products = np.maximum.reduceat(products, starts, axis=1)
    return products


def total_scores(similarities: FloatArray, lexical: FloatArray, weight: float) -> FloatArray:
    """Add so much of the lexical scores to the similarities; any shape, the same for both."""
    return similarities + np.float32(weight) * lexical if weight else similarities
