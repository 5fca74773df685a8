"""What the tag filter keeps and what it costs, over labelled queries."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handoff.core.model import EvidenceSet, Registry
from handoff.core.tags import carriers_of


@dataclass(frozen=True, slots=True)
class TagQuality:
    """Shares are between 0 and 1; NaN where no case of the kind exists.

    Attributes:
        mean_tags: Tags a case.
        survive: In-scope cases whose expected agent the filter keeps.
        stay: Agents that the filter keeps of an in-scope case, on average.
        right_tag: In-scope cases with a tag of the expected agent.
        none_without_tag: Cases that nobody should take, and that got no tag.
        fitting: Tags of in-scope cases that the expected agent carries.
    """

    mean_tags: float
    survive: float
    stay: float
    right_tag: float
    none_without_tag: float
    fitting: float


def measure_tags(
    evidence: EvidenceSet, registry: Registry, expected: Sequence[str | None]
) -> TagQuality:
    """Measure the tags of gathered evidence.

    Args:
        evidence: At least one case.
        registry: The one that the evidence was gathered on.
        expected: One agent id a case, None where nobody should take it.
    """
    survive, stay, right_tag, none_without_tag, fitting = [], [], [], [], []
    for tags, agent in zip(evidence.tags, expected, strict=True):
        carries = carriers_of(tags, registry)
        if agent is None:
            none_without_tag.append(not tags)
            continue
        carried = bool(carries[registry.positions[agent]])
        narrowed = bool(carries.any())
        right_tag.append(carried)
        fitting += [tag in registry.agents[registry.positions[agent]].tags for tag in tags]
        survive.append(carried or not narrowed)
        stay.append(float(carries.mean()) if narrowed else 1.0)
    return TagQuality(
        mean_tags=_mean([len(tags) for tags in evidence.tags]),
        survive=_mean(survive),
        stay=_mean(stay),
        right_tag=_mean(right_tag),
        none_without_tag=_mean(none_without_tag),
        fitting=_mean(fitting),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
