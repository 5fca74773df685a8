"""Tags without a language model: which tags of a vocabulary a query calls for, from similarities.

Evidence for a pair (an agent, a tag it carries) is part of the query's similarity to the agent's
text and part of that to the tag's name: a tag is judged in the context of the agents that carry
it. The agents whose evidence comes near the best may be meant, and tags are given only where two
cover all of these and each is likely by itself: rather none than any. The first is one of the most
similar agent's, so that the filter never removes it.

The constants sit inside plateaus, measured in docs/embedded-model.md.
"""

import functools
import re
from dataclasses import dataclass, field

import numpy as np

from handoff.core.model import FloatArray, IntArray, Registry

MOST_TAGS = 5
"""What any extractor gives at most; this one gives fewer."""
ENOUGH_TAGS = 2
"""Who would need more to say what it means has not said it."""
CONTEXT = 0.65
"""The agent's part of the evidence; the rest is the tag's name's."""
DOUBT = 3.0
"""A query that says as much as three typical tokens counts half, a telling one nearly in full."""
FLOOR = 0.05
"""Least evidence for a tag, times the root of the log of the chances to find some."""
LEAD = 0.18
"""An agent whose evidence is so much less than the best is not meant."""
SPREAD = 0.07
"""A pair with so much less evidence than the best is e times less likely to be meant."""
NAMED = 0.52
"""A tag whose words stand in the query is at least so similar to it; enough to lead by itself."""

_WORD = re.compile(r"[^\W_]+(?:[/+#&.]+[^\W_]+)*[+#]*")
_ENDINGS = (
    (re.compile(r"(?<=.{2})ies$"), "y"),
    (re.compile(r"(?<=ss|.x|.z|ch|sh)es$"), ""),
    (re.compile(r"(?<=.{2}[^s])s$"), ""),
    (re.compile(r"(?<=.{3})(ing|ed)$"), ""),
    (re.compile(r"(?<=.{4})e$"), ""),
)


@dataclass(frozen=True, slots=True, eq=False)
class TagPairs:
    """Every agent of a registry with every tag it carries, as arrays sorted by agent.

    Attributes:
        vocabulary: The tags, sorted; `tags` points here.
        agents: Each pair's agent, as its position in the registry, shape (pairs,).
        tags: Each pair's tag, shape (pairs,).
        starts: Where the pairs of each agent that carries any tag begin, shape (tagged agents,).
        carriers: Each tag's agents, one tag after the other, as places in `starts`, shape (pairs,).
        carriers_from: Where each tag's begin in `carriers`, and the end, shape (vocabulary + 1,).
        reach: All pairs of each tag's agents, one tag after the other.
        reach_from: Where each tag's begin in `reach`, and the end, shape (vocabulary + 1,).
        phrases: Each tag's stems with the tag's number, by first stem.
        chances: The root of the log of one plus the pairs: the best of many is higher by luck.
    """

    vocabulary: tuple[str, ...]
    agents: IntArray
    tags: IntArray
    starts: IntArray
    carriers: IntArray
    carriers_from: IntArray
    reach: IntArray
    reach_from: IntArray
    phrases: dict[str, list[tuple[tuple[str, ...], int]]] = field(repr=False)
    chances: float


def pair_tags(registry: Registry) -> TagPairs:
    """Lay out a registry's tags, once, for `choose_tags`."""
    vocabulary = registry.vocabulary
    number = {tag: at for at, tag in enumerate(vocabulary)}
    pairs = np.array(
        [
            (position, number[tag])
            for position, agent in enumerate(registry.agents)
            for tag in agent.tags
        ],
        dtype=np.intp,
    ).reshape(-1, 2)
    agents, tags = np.ascontiguousarray(pairs.T)
    _, starts, groups, counts = np.unique(
        agents, return_index=True, return_inverse=True, return_counts=True
    )
    phrases: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    for at, tag in enumerate(vocabulary):
        words = stems(tag)
        if words:
            phrases.setdefault(words[0], []).append((words, at))
    chances = float(np.sqrt(np.log1p(len(pairs))))
    carriers = groups[np.argsort(tags, kind="stable")]
    carriers_from = np.searchsorted(np.sort(tags), np.arange(len(vocabulary) + 1))
    ends = np.cumsum(counts[carriers])
    # The pairs of one agent follow each other: count on from the first.
    steps = np.repeat(starts[carriers] - ends + counts[carriers], counts[carriers])
    return TagPairs(
        vocabulary=vocabulary,
        agents=agents,
        tags=tags,
        starts=starts,
        carriers=carriers,
        carriers_from=carriers_from,
        reach=np.arange(len(steps)) + steps,
        reach_from=np.concatenate([[0], ends])[carriers_from],
        phrases=phrases,
        chances=chances,
    )


def choose_tags(
    pairs: TagPairs,
    query: str,
    agent_similarities: FloatArray,
    tag_similarities: FloatArray,
    content: float,
) -> tuple[str, ...]:
    """Choose one or two tags for a query, best first; none where nothing fits or too much does.

    Args:
        pairs: The registry's.
        query: For tags that it names.
        agent_similarities: Its cosine with every agent's text, shape (agents,).
        tag_similarities: Its cosine with every tag's name, shape (vocabulary,).
        content: How much the query says, in typical tokens.

    Returns:
        Tags of the vocabulary. None also where the most similar agent carries no tag, since any
        tag would remove it.
    """
    likeliest = int(np.argmax(agent_similarities))
    first, last = np.searchsorted(pairs.agents, (likeliest, likeliest + 1))
    own = pairs.tags[first:last]
    if not len(own):
        return ()
    names = tag_similarities.copy()
    for tag in _named(pairs, query):
        names[tag] = max(names[tag], NAMED)
    evidence = weigh_pairs(agent_similarities.take(pairs.agents), names.take(pairs.tags))
    belief = believe(evidence)
    gains = np.bincount(pairs.tags, belief, len(pairs.vocabulary))
    chosen: list[int] = []
    while belief.any():
        if len(chosen) == ENOUGH_TAGS:
            return ()
        tag = int(gains.argmax() if chosen else own[gains[own].argmax()])
        best = float(evidence[pairs.tags == tag].max())
        if best * content / (content + DOUBT) < FLOOR * pairs.chances:
            return ()
        chosen.append(tag)
        gone = pairs.reach[pairs.reach_from[tag] : pairs.reach_from[tag + 1]]
        gains -= np.bincount(pairs.tags[gone], belief[gone], len(gains))
        belief[gone] = 0
    return tuple(pairs.vocabulary[tag] for tag in chosen)


def weigh_pairs(agents: FloatArray, names: FloatArray) -> FloatArray:
    """Return the evidence for pairs of an agent and a tag.

    Args:
        agents: A query's cosine with each pair's agent, shape (..., pairs).
        names: With each pair's tag, same shape.
    """
    return CONTEXT * agents + (1 - CONTEXT) * names


def believe(evidence: FloatArray) -> FloatArray:
    """Return how likely each pair is meant beside the best one; 0 where the best leads too far.

    Args:
        evidence: A query's, shape (..., pairs), at least one pair.
    """
    behind = evidence - evidence.max(axis=-1, keepdims=True)
    return np.where(behind >= np.float32(-LEAD), np.exp(behind / np.float32(SPREAD)), np.float32(0))


def likeliest_tags(
    pairs: TagPairs, agent_similarities: FloatArray, tag_similarities: FloatArray, most: int
) -> tuple[str, ...]:
    """Return the tags with the best evidence, best first, for a model that can weigh only so many.

    Args:
        pairs: The registry's, at least one pair.
        agent_similarities: The query's cosine with every agent's text, shape (agents,).
        tag_similarities: Its cosine with every tag's name, shape (vocabulary,).
        most: How many tags to return.
    """
    evidence = weigh_pairs(agent_similarities[pairs.agents], tag_similarities[pairs.tags])
    best = np.full(len(pairs.vocabulary), -np.inf, dtype=np.float32)
    np.maximum.at(best, pairs.tags, evidence)
    order = np.argsort(-best, kind="stable")[:most]
    return tuple(pairs.vocabulary[tag] for tag in order)


def stems(text: str) -> tuple[str, ...]:
    """Return a text's words, lower-case, without the commonest endings."""
    return tuple(_stem(word) for word in _WORD.findall(text.lower()))


def _named(pairs: TagPairs, query: str) -> list[int]:
    """Return the tags whose words stand in the query, in sequence."""
    words = stems(query)
    return [
        tag
        for at, word in enumerate(words)
        for phrase, tag in pairs.phrases.get(word, ())
        if words[at : at + len(phrase)] == phrase
    ]


@functools.lru_cache(maxsize=10_000)
def _stem(word: str) -> str:
    for ending, instead in _ENDINGS:
        word = ending.sub(instead, word)
    return word
