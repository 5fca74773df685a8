"""What the router needs from the outside: one method each, taking many."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from handoff.core.agent_rows import AgentRows
from handoff.core.learning import Learned
from handoff.core.model import Agent, EvidenceSet, FloatArray, IntArray, Registry

OnText = Callable[[str], None]


class Embedder(Protocol):
    """Texts to unit vectors."""

    @property
    def identity(self) -> str:
        """Name, version and whatever else makes its vectors comparable with themselves only."""
        ...

    @property
    def label(self) -> str:
        """How a person calls who embeds, in the middle of a sentence."""
        ...

    @property
    def paid(self) -> bool:
        """Whether asking it costs money."""
        ...

    @property
    def dimensions(self) -> int | None:
        """How long each vector is; None where only the first will tell."""
        ...

    @property
    def default_threshold(self) -> float:
        """The threshold where nobody chose another; scores of two embedders are not comparable."""
        ...

    @property
    def typical_similarities(self) -> tuple[float, float]:
        """From where to where its cosines of a query with agents usually lie: a page's axis."""
        ...

    @property
    def scripts(self) -> frozenset[str] | None:
        """The scripts that it knows, called as in `core.scripts`; None for all.

        Nobody gets a query in others, unless the registry is written in them.
        """
        ...

    def cost_usd(self, texts: Sequence[str]) -> float | None:
        """Return the most that embedding texts can cost; None where that is not known."""
        ...

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, in order, shape (texts, dimensions), float32.

        Raises:
            ProviderError: The texts could not be embedded; it holds those that were, where only
                some could not.
        """
        ...


class TagChooser(Protocol):
    """Tags of queries that were gathered once, chosen again on edited registries; asks nobody."""

    def new_tags(self, registry: Registry) -> list[str] | None:
        """Return the tags whose names have to be embedded before `choose`.

        None where an edit changes what only the extractor can find: the queries are asked again.
        """
        ...

    def choose(
        self, registry: Registry, similarities: FloatArray, rows: Mapping[str, FloatArray]
    ) -> tuple[tuple[str, ...], ...]:
        """Return every query's tags on an edited registry, as the extractor would find them.

        Args:
            registry: One that `new_tags` answered for.
            similarities: The queries' with its agents, shape (queries, agents).
            rows: The unit row of each of `new_tags`, shape (dimensions,).
        """
        ...


class TagExtractor(Protocol):
    """Queries to tags of one registry's vocabulary."""

    @property
    def identity(self) -> str:
        """Name, version and whatever else its answers depend on."""
        ...

    @property
    def label(self) -> str:
        """Who or what chooses the tags, as a person would say it after "tags by"."""
        ...

    @property
    def paid(self) -> bool:
        """Whether asking it costs money."""
        ...

    async def extract(self, queries: Sequence[str]) -> list[tuple[str, ...] | None]:
        """Return at most five tags a query, in order, best first; none where nothing fits.

        None in place of a query's tags says that they could not be extracted, unlike the others'.

        Raises:
            ProviderError: No tags could be extracted.
        """
        ...

    async def choose_again(self, evidence: EvidenceSet) -> TagChooser | None:
        """Make ready to choose the same queries' tags when the registry is edited.

        Args:
            evidence: That it extracted the tags of.

        Returns:
            None where nothing but extracting tags again tells them.

        Raises:
            ProviderError: What choosing rests on could not be had.
        """
        ...


class AgentRunner(Protocol):
    """The agents themselves."""

    async def run(
        self, handoffs: Sequence[tuple[Agent, str]], on_text: OnText | None = None
    ) -> list[str]:
        """Deliver each query to its agent and return the answers, in order.

        Args:
            handoffs: Agents with their queries.
            on_text: Called with each piece of an answer as it comes, where pieces come at all.

        Raises:
            ProviderError: An agent could not be reached.
        """
        ...


class VectorIndex(Protocol):
    """Similarity over one registry's vectors."""

    @property
    def learned(self) -> Learned | None:
        """What the registry's examples taught; None without examples, or before `prepare`."""
        ...

    async def prepare(self, agents: AgentRows | None = None) -> None:
        """Embed the registry, the first time; afterwards do nothing.

        Args:
            agents: Their unit rows where somebody embedded them already.

        Raises:
            ProviderError: The agents could not be embedded.
        """
        ...

    async def search(
        self, vectors: FloatArray, queries: Sequence[str]
    ) -> tuple[FloatArray, IntArray | None]:
        """Return the similarities of queries with agents, after `prepare`.

        Args:
            vectors: Unit rows, shape (queries, dimensions).
            queries: Their texts, since examples are compared by words as well.

        Returns:
            Similarities, shape (queries, agents), and None; or, from an index that returns only
            some of the agents, shape (queries, returned), and their positions, same shape.
        """
        ...
