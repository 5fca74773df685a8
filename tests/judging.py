"""What the tests of evaluation are given: judged cases, labelled sets, and core's word on each."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from handoff.core.decision import decide_by
from handoff.core.model import Agent, EvidenceSet, Policy, Registry, ThresholdSource
from handoff.core.ranking import rank_by
from handoff.evaluation.judged import NOBODY, Judged, Labelled, label, rank_cases, settle

# No deadline: how long a rule takes on a busy machine says nothing about the rule.
some = settings(max_examples=50, deadline=None)

ENDINGS = ("right", "wrong", "missed", "refused", "taken")
TAGS = ("billing", "model", "c++")
MISSING = "somebody of another registry"
GREEK = "Ποιος αναλαμβάνει"
"""A query in letters that no registry of these tests uses."""
LATIN = frozenset({"Latin"})

figures = st.one_of(
    # A few round figures, so that ties and hits on the very threshold are common.
    st.sampled_from([-0.5, 0.0, 0.25, 0.5, 1.0]),
    st.floats(-1, 1, width=32),
)
lexical_scores = st.sampled_from([0.0, 0.25, 0.5, 0.9375])
kinds = st.sampled_from(["right", "wrong", "nobody"])
scored = st.lists(st.tuples(figures, kinds), min_size=1, max_size=8)


def judged_of(*cases: tuple[float, str]) -> Judged:
    """Return cases of a best score and a label, on two agents.

    The label says whether the best candidate is right, it is wrong, or nobody is expected.
    """
    expected = {"right": 0, "wrong": 1, "nobody": NOBODY}
    return Judged(
        best=np.zeros(len(cases), dtype=np.intp),
        levels=np.array([score for score, _ in cases], dtype=np.float32),
        leads=np.full(len(cases), np.inf, dtype=np.float32),
        expected=np.array([expected[kind] for _, kind in cases], dtype=np.intp),
    )


def counted(cases: Iterable[tuple[float, str]], threshold: float) -> dict[str, int]:
    """Count how cases of a best score and a label end, one by one."""
    counts = dict.fromkeys(ENDINGS, 0)
    for score, kind in cases:
        reached = np.float32(score) >= np.float32(threshold)
        if kind == "nobody":
            counts["taken" if reached else "refused"] += 1
        else:
            counts[kind if reached else "missed"] += 1
    return counts


def evidence_set(
    registry: Registry,
    similarities: Sequence[Sequence[float]],
    *,
    tags: Sequence[tuple[str, ...]] | None = None,
    lexical: Sequence[Sequence[float]] | None = None,
    positions: Sequence[Sequence[int]] | None = None,
) -> EvidenceSet:
    """Return evidence of some cases with these figures; no tags and no lexical score unless given.

    Each case has a query of its own and a vector of its own.
    """
    count = len(similarities)
    figures = np.array(similarities, dtype=np.float32)
    return EvidenceSet(
        queries=tuple(f"query {row}" for row in range(count)),
        embedder="e",
        tagger="t",
        fingerprint=registry.fingerprint,
        tags=((),) * count if tags is None else tuple(tags),
        vectors=np.arange(2 * count, dtype=np.float32).reshape(count, 2),
        similarities=figures,
        lexical=np.zeros_like(figures) if lexical is None else np.array(lexical, dtype=np.float32),
        degraded=((),) * count,
        positions=None if positions is None else np.array(positions, dtype=np.intp),
    )


@st.composite
def labelled_sets(draw) -> tuple[Labelled, list[str | None]]:
    """Draw some cases with tags, scores and labels on up to five agents, some of them returned.

    A label may name an agent that the registry, or the index, does not have; a query may be Greek,
    and the embedder may know Latin letters only.
    """
    carried = draw(st.lists(st.sets(st.sampled_from(TAGS)), min_size=1, max_size=5))
    own = st.one_of(st.none(), figures)
    agents = [
        Agent(f"a{at}", f"Agent {at}", f"Does {at}.", tuple(sorted(tags)), draw(own))
        for at, tags in enumerate(carried)
    ]
    registry = Registry(tuple(agents))
    cases = draw(st.integers(1, 6))
    returned = draw(st.one_of(st.none(), st.integers(1, len(agents))))
    width = len(agents) if returned is None else returned

    def table(of: st.SearchStrategy[float]) -> list[list[float]]:
        row = st.lists(of, min_size=width, max_size=width)
        return draw(st.lists(row, min_size=cases, max_size=cases))

    def each(of: st.SearchStrategy) -> list:
        return draw(st.lists(of, min_size=cases, max_size=cases))

    place = st.permutations(range(len(agents))).map(lambda order: sorted(order[:width]))
    extracted = st.lists(st.sampled_from([*TAGS, "nobody's"]), unique=True, max_size=2).map(tuple)
    evidence = evidence_set(
        registry,
        table(figures),
        tags=each(extracted),
        lexical=table(lexical_scores),
        positions=None if returned is None else each(place),
    )
    spoken = each(st.sampled_from(["query", GREEK]))
    evidence = replace(
        evidence,
        queries=tuple(f"{text} {row}" for row, text in enumerate(spoken)),
        scripts=draw(st.sampled_from([None, LATIN])),
    )
    expected = each(st.sampled_from([None, MISSING, *(agent.id for agent in agents)]))
    return label(evidence, registry, expected), expected


policies = st.builds(
    Policy,
    threshold=figures,
    source=st.just(ThresholdSource.CONFIG),
    margin=st.one_of(st.just(0.0), st.sampled_from([0.25, 0.5]), st.floats(0, 2, width=32)),
    use_tags=st.booleans(),
    per_agent=st.booleans(),
    lexical_weight=st.one_of(st.just(0.0), st.floats(0, 1, width=32)),
    known_scripts_only=st.booleans(),
)


def settled_by(labelled: Labelled, policy: Policy) -> Judged:
    """Rank and settle a set as a policy says."""
    return settle(
        rank_cases(labelled, use_tags=policy.use_tags, lexical_weight=policy.lexical_weight),
        policy.margin,
        labelled.own_thresholds if policy.per_agent else None,
        labelled.unknown if policy.known_scripts_only else None,
    )


def decided(labelled: Labelled, policy: Policy) -> list[str | None]:
    """Return who gets each case by its id, or None, as core ranks and decides them one by one."""
    agents = [
        decide_by(rank_by(one, labelled.registry, policy), policy).agent
        for one in labelled.evidence
    ]
    return [None if agent is None else agent.id for agent in agents]


def ending(got: str | None, expected: str | None) -> str:
    """Say in words how a case ends."""
    if expected is None:
        return "refused" if got is None else "taken"
    if got is None:
        return "missed"
    return "right" if got == expected else "wrong"
