"""The tags of queries that were gathered once, chosen again when the registry is edited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from handoff.core.model import FloatArray, Registry
from handoff.core.tagging import pair_tags, stems
from handoff.core.tagging_many import choose_tags_of_many, named_tags


@dataclass(frozen=True, slots=True, eq=False)
class TagsBySimilarity:
    """Chosen by words and similarity, from what was embedded; see `TagChooser`.

    Attributes:
        queries: Their texts.
        vectors: Their unit rows, shape (queries, dimensions).
        content: How much each query says, in typical tokens, shape (queries,).
        names: The tags that `similarities` knows.
        similarities: The queries' cosines with the tags' names, shape (queries, names).
    """

    queries: tuple[str, ...]
    vectors: FloatArray
    content: FloatArray
    names: Sequence[str]
    similarities: FloatArray
    _stems_of: tuple[tuple[str, ...], ...] = field(init=False)
    _columns: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Find the queries' stems, once for all edits."""
        object.__setattr__(self, "_stems_of", tuple(stems(query) for query in self.queries))
        object.__setattr__(self, "_columns", {tag: at for at, tag in enumerate(self.names)})

    def new_tags(self, registry: Registry) -> list[str]:
        """Return the tags that have no column yet."""
        return [tag for tag in registry.vocabulary if tag not in self._columns]

    def choose(
        self, registry: Registry, similarities: FloatArray, rows: Mapping[str, FloatArray]
    ) -> tuple[tuple[str, ...], ...]:
        """Choose every query's tags by the rule of `core.tagging`; see `TagChooser`."""
        vocabulary = registry.vocabulary
        names = self.similarities.take([self._columns.get(tag, 0) for tag in vocabulary], axis=1)
        new = [at for at, tag in enumerate(vocabulary) if tag not in self._columns]
        if new:
            names[:, new] = self.vectors @ np.stack([rows[vocabulary[at]] for at in new]).T
        pairs = pair_tags(registry)
        named = named_tags(pairs, self._stems_of)
        return tuple(choose_tags_of_many(pairs, named, similarities, names, self.content))


@dataclass(frozen=True, slots=True)
class TagsByVocabulary:
    """Chosen by somebody who sees the vocabulary and nothing else of a registry.

    Attributes:
        tags: Each query's.
        vocabulary: That they were chosen from.
    """

    tags: tuple[tuple[str, ...], ...]
    vocabulary: Sequence[str]

    def new_tags(self, registry: Registry) -> list[str] | None:
        """Return none to embed; None where the vocabulary is another one."""
        return [] if tuple(registry.vocabulary) == tuple(self.vocabulary) else None

    def choose(
        self,
        registry: Registry,  # noqa: ARG002 - its vocabulary is the same
        similarities: FloatArray,  # noqa: ARG002
        rows: Mapping[str, FloatArray],  # noqa: ARG002
    ) -> tuple[tuple[str, ...], ...]:
        """Return the tags that were chosen before."""
        return self.tags
