"""The nouns of routing: frozen values, read by everything and changed by nothing."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from handoff.core.errors import RegistryError
from handoff.core.scripts import scripts_in_use

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Agent:
    """A specialist that a query can be handed to; one row of a registry.

    `threshold` is the agent's own, used only where per-agent thresholds are switched on.
    """

    id: str
    name: str
    description: str
    tags: tuple[str, ...] = ()
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled query that routing learns from.

    Attributes:
        query: As `parse_query` returned it.
        agent: The id of the agent that should take it; None where nobody should.
    """

    query: str
    agent: str | None


@dataclass(frozen=True, slots=True)
class Registry:
    """All agents in file order: at least one, with unique ids; and what routing learns from.

    Raises:
        RegistryError: No agent, an id used twice, or an example of an unknown agent.
    """

    agents: tuple[Agent, ...]
    examples: tuple[Example, ...] = ()
    positions: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """Each id's place in `agents`."""
    carriers: Mapping[str, IntArray] = field(init=False, repr=False, compare=False)
    """Each tag, sorted, with the positions of the agents that carry it, ascending."""
    fingerprint: str = field(init=False, repr=False, compare=False)
    """SHA-256 over the rows' id, name, description and tags, then over the examples, if any; no
    threshold is in it."""
    scripts: frozenset[str] = field(init=False, repr=False, compare=False)
    """What its names, descriptions and examples are written in, such as Latin or Greek."""

    def __post_init__(self) -> None:
        """Derive positions, carriers, fingerprint and scripts."""
        if not self.agents:
            raise RegistryError("A registry needs at least one agent.")
        positions = {agent.id: position for position, agent in enumerate(self.agents)}
        if len(positions) < len(self.agents):
            raise RegistryError("Two agents have the same id: give each its own.")
        carriers: dict[str, list[int]] = {}
        rows = hashlib.sha256()
        for position, agent in enumerate(self.agents):
            for tag in agent.tags:
                carriers.setdefault(tag, []).append(position)
            rows.update(json.dumps([agent.id, agent.name, agent.description, agent.tags]).encode())
        for example in self.examples:
            if example.agent is not None and example.agent not in positions:
                raise RegistryError(f"An example's agent '{example.agent}' is in no row: add it.")
            rows.update(json.dumps([example.query, example.agent]).encode())
        by_tag = {tag: np.array(carriers[tag], dtype=np.intp) for tag in sorted(carriers)}
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "carriers", by_tag)
        object.__setattr__(self, "fingerprint", rows.hexdigest())
        texts = [text for agent in self.agents for text in (agent.name, agent.description)]
        texts += [example.query for example in self.examples]
        object.__setattr__(self, "scripts", scripts_in_use(texts))

    def __len__(self) -> int:
        return len(self.agents)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Every tag that some agent carries, sorted."""
        return tuple(self.carriers)

    @property
    def thresholds(self) -> dict[str, float]:
        """The agents' own thresholds by id, of those that have one."""
        return {agent.id: agent.threshold for agent in self.agents if agent.threshold is not None}


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All that the outside world said about a query; getting it is the only costly part.

    Whatever a control may change is computed from it without a call.

    Attributes:
        query: The query as it was embedded.
        embedder: Identity of the embedder; vectors of two embedders never meet.
        tagger: Identity of the tag extractor.
        fingerprint: The registry's.
        tags: What was extracted, best first.
        vector: The query's unit vector, shape (dimensions,).
        similarities: One cosine an agent, shape (agents,), or (returned,) with `positions`.
        lexical: One lexical score an agent, from 0 to below 1, same shape.
        degraded: The stages that were skipped because their provider failed.
        positions: None for all agents in registry order; else the agents that a large index
            returned, with and without the tag filter, ascending, shape (returned,).
        scripts: Those that the embedder knows, such as Latin; None for all.
    """

    query: str
    embedder: str
    tagger: str
    fingerprint: str
    tags: tuple[str, ...]
    vector: FloatArray
    similarities: FloatArray
    lexical: FloatArray
    degraded: tuple[str, ...] = ()
    positions: IntArray | None = None
    scripts: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceSet:
    """The evidence of many queries on one registry, as arrays; one row is one `Evidence`.

    Attributes:
        queries: One a case.
        embedder: Identity of the embedder.
        tagger: Identity of the tag extractor.
        fingerprint: The registry's.
        tags: One tuple a case.
        vectors: Unit rows, shape (cases, dimensions).
        similarities: Shape (cases, agents), or (cases, returned) with `positions`.
        lexical: Same shape as `similarities`.
        degraded: One tuple a case.
        positions: None for all agents, else shape (cases, returned).
        scripts: Those that the embedder knows; None for all.
    """

    queries: tuple[str, ...]
    embedder: str
    tagger: str
    fingerprint: str
    tags: tuple[tuple[str, ...], ...]
    vectors: FloatArray
    similarities: FloatArray
    lexical: FloatArray
    degraded: tuple[tuple[str, ...], ...]
    positions: IntArray | None = None
    scripts: frozenset[str] | None = None

    def __len__(self) -> int:
        return len(self.queries)

    def __iter__(self) -> Iterator[Evidence]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, row: int) -> Evidence:
        """Return one row; its arrays are views."""
        return Evidence(
            query=self.queries[row],
            embedder=self.embedder,
            tagger=self.tagger,
            fingerprint=self.fingerprint,
            tags=self.tags[row],
            vector=self.vectors[row],
            similarities=self.similarities[row],
            lexical=self.lexical[row],
            degraded=self.degraded[row],
            positions=None if self.positions is None else self.positions[row],
            scripts=self.scripts,
        )


@dataclass(frozen=True, slots=True)
class Score:
    """One agent of a ranking, made only for what is shown.

    `kept` tells a candidate from an agent that the tag filter removed.
    """

    agent: Agent
    score: float
    lexical: float
    kept: bool
    matched_tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The agents of one query, best first: the candidates, then those that the tag filter removed.

    Attributes:
        registry: Where `order` points to.
        tags: The extracted tags.
        order: Positions in the registry, shape (agents,); ties keep registry order.
        scores: Their scores, same order and shape.
        lexical: Their lexical scores, same order and shape.
        candidates: How many of the first are candidates; at least one.
        widened: No agent carried an extracted tag, so all stayed.
        unknown_script: The script that the query is mostly in, where neither embedder nor registry
            knows it.
    """

    registry: Registry
    tags: tuple[str, ...]
    order: IntArray
    scores: FloatArray
    lexical: FloatArray
    candidates: int
    widened: bool
    unknown_script: str | None = None

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[Score]:
        return (self[rank] for rank in range(len(self)))

    def __getitem__(self, rank: int) -> Score:
        """Return the agent at a rank, from 0; from -1 backwards."""
        rank = range(len(self))[rank]
        agent = self.registry.agents[self.order[rank]]
        return Score(
            agent=agent,
            score=float(self.scores[rank]),
            lexical=float(self.lexical[rank]),
            kept=rank < self.candidates,
            matched_tags=tuple(tag for tag in self.tags if tag in agent.tags),
        )

    @property
    def margin(self) -> float | None:
        """The best candidate's score minus the second's; None with a single candidate."""
        return float(self.scores[0] - self.scores[1]) if self.candidates > 1 else None


class ThresholdSource(StrEnum):
    """Who set the threshold that judged a ranking."""

    ARGUMENT = "argument"
    CONFIG = "config"
    EMBEDDER = "embedder"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Policy:
    """How evidence is judged; changing it needs no call.

    Attributes:
        threshold: The least score at which a query is handed off, inclusive.
        source: Who set it; never `AGENT`.
        margin: Closer than this to the runner-up is ambiguous.
        use_tags: Whether the tag filter is on.
        per_agent: Whether an agent's own threshold comes first.
        lexical_weight: How much of the lexical score is added to the similarity.
        known_scripts_only: Whether nobody gets a query that is mostly in an unknown script.
    """

    threshold: float
    source: ThresholdSource
    margin: float = 0.0
    use_tags: bool = True
    per_agent: bool = False
    lexical_weight: float = 0.0
    known_scripts_only: bool = True


class Outcome(StrEnum):
    """What a decision came to."""

    SELECTED = "selected"
    BELOW_THRESHOLD = "below_threshold"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Decision:
    """A ranking judged at one threshold.

    Attributes:
        outcome: Whether anybody takes the query, and if not, why.
        best: The best candidate, selected or not.
        threshold: The one that judged it.
        own_threshold: Whether that one was the agent's own.
        margin: Best minus second candidate; None with a single candidate.
        unknown_script: The script that the query is mostly in, where that keeps everybody from it,
            whatever the threshold.
    """

    outcome: Outcome
    best: Score
    threshold: float
    own_threshold: bool
    margin: float | None
    unknown_script: str | None = None

    @property
    def agent(self) -> Agent | None:
        """Who takes the query, or None."""
        return self.best.agent if self.outcome is Outcome.SELECTED else None
