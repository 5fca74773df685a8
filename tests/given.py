"""What the tests of the core are given: agents, registries, and evidence about them."""

from collections.abc import Sequence

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from handoff.core.model import Agent, Evidence, Registry

# No deadline: how long a rule takes on a busy machine says nothing about the rule.
some = settings(max_examples=50, deadline=None)

TAGS = ("billing", "c++", "ci/cd", "model", "release notes")
UNKNOWN_TAG = "nobody's"

cosines = st.one_of(
    # A few round figures, so that ties and hits on the very threshold are common.
    st.sampled_from([-1.0, -0.25, 0.0, 0.25, 0.5, 1.0]),
    st.floats(-1, 1, width=32),
)
margins = st.one_of(st.just(0.0), st.floats(0, 2, width=32))
tag_sets = st.lists(st.sampled_from(TAGS), unique=True, max_size=4).map(tuple)


def registry_of(tags: Sequence[tuple[str, ...]]) -> Registry:
    """Return agents a0, a1, and so on, with these tags."""
    return Registry(
        tuple(
            Agent(f"a{at}", f"Agent {at}", f"Does {at}.", carried)
            for at, carried in enumerate(tags)
        )
    )


def evidence_of(
    registry: Registry,
    similarities: Sequence[float],
    tags: tuple[str, ...] = (),
    positions: Sequence[int] | None = None,
) -> Evidence:
    """Return evidence with these similarities; the lexical scores tell the agents apart."""
    return Evidence(
        query="q",
        embedder="e",
        tagger="t",
        fingerprint=registry.fingerprint,
        tags=tags,
        vector=np.array([1, 0], dtype=np.float32),
        similarities=np.array(similarities, dtype=np.float32),
        lexical=np.arange(len(similarities), dtype=np.float32),
        positions=None if positions is None else np.array(positions, dtype=np.intp),
    )


@st.composite
def registries(draw, least: int = 1) -> Registry:
    """Draw up to seven agents with some tags or none."""
    return registry_of(draw(st.lists(tag_sets, min_size=least, max_size=7)))


@st.composite
def evidence_on_registries(draw, least: int = 1) -> tuple[Registry, Evidence]:
    """Draw a registry and what is known of one query: any tags, one similarity an agent."""
    registry = draw(registries(least))
    similarities = draw(st.lists(cosines, min_size=len(registry), max_size=len(registry)))
    tags = draw(st.lists(st.sampled_from([*TAGS, UNKNOWN_TAG]), unique=True, max_size=3).map(tuple))
    return registry, evidence_of(registry, similarities, tags)
