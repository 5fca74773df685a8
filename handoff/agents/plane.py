"""Agents and queries on a plane: principal components of the agents' vectors."""

from dataclasses import dataclass

import numpy as np

from handoff.core.model import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Points of one plane; near on it does not always mean near: see `variance`.

    Attributes:
        points: One array for the agents, then one for each of the others, shape (texts, 2).
        variance: The share of the agents' variance that each axis shows, together at most 1; 0
            where all agents are the same.
    """

    points: tuple[FloatArray, ...]
    variance: tuple[float, float]


def project(vectors: FloatArray, *others: FloatArray) -> Map:
    """Lay the plane through the agents that shows most of their variance; put the others on it.

    The plane is spanned by the first two right singular vectors of the centred agents. Each points
    to where its largest component is positive, so that the map is the same every time.

    Args:
        vectors: The agents' rows, shape (agents, dimensions), at least one.
        others: More rows, such as the queries', shape (texts, dimensions).
    """
    centre = vectors.mean(axis=0, dtype=np.float64)
    rows = vectors - centre
    # Of a tall matrix the triangular factor has the same right singular vectors, and is smaller.
    core = np.linalg.qr(rows, mode="r") if len(rows) > rows.shape[1] else rows
    _, lengths, axes = np.linalg.svd(core, full_matrices=False)
    axes = axes[:2]
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    axes = np.pad(axes * signs[:, None], ((0, 2 - len(axes)), (0, 0)))
    power = np.pad(lengths**2, (0, 2))
    total = float(power.sum())
    # What rounding leaves of agents that are all the same is no variance.
    shares = power[:2] / total if total > np.finfo(np.float32).eps * len(rows) else np.zeros(2)
    points = tuple(
        ((each - centre) @ axes.T).astype(np.float32, copy=False) for each in (vectors, *others)
    )
    return Map(points, (float(shares[0]), float(shares[1])))
