"""Tags without a language model: which tags of a vocabulary a query calls for, from similarities.

Evidence for a pair (an agent, a tag it carries) is the mean of the query's similarity to the
agent's text and to the tag's name: a tag is judged in the context of the agents that carry it. The
tags are then chosen to cover the agents that may be meant, not to repeat what one agent carries;
the first is always one of the most similar agent's, so that the filter never removes it.

The constants sit inside plateaus, measured in docs/embedded-model.md; `FLOOR` is the sharp one.
"""

import functools
import re
from dataclasses import dataclass, field

import numpy as np

from handoff.core.model import FloatArray, IntArray, Registry

MOST_TAGS = 5
DOUBT = 3.0
"""A query that says as much as three typical tokens counts half, a telling one nearly in full."""
FLOOR = 0.035
"""Least evidence for any tag at all, times the root of the log of the chances to find some."""
SPREAD = 0.07
"""A pair with so much less evidence than the best is e times less likely to be meant."""
COVER = 0.90
"""Enough tags when the agents that carry them hold this share of the likelihood."""
NAMED = 0.5
"""A tag whose words stand in the query is at least so similar to it."""

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
    """Choose at most five tags for a query, best first; none where nothing fits.

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
    evidence = (agent_similarities.take(pairs.agents) + names.take(pairs.tags)) / 2
    best = float(evidence.max())
    if best * content / (content + DOUBT) < FLOOR * pairs.chances:
        return ()

    # An agent is as likely to be meant as its best pair says.
    belief = np.exp((evidence - best) / SPREAD)
    single = len(pairs.starts) == len(belief)
    open_agents = belief.copy() if single else np.maximum.reduceat(belief, pairs.starts)
    gains = np.bincount(pairs.tags, belief, len(pairs.vocabulary))
    still_open = float(open_agents.sum())
    enough = (1 - COVER) * still_open
    chosen: list[int] = []
    while len(chosen) < MOST_TAGS and still_open > enough:
        tag = int(gains.argmax() if chosen else own[gains[own].argmax()])
        chosen.append(tag)
        open_agents[pairs.carriers[pairs.carriers_from[tag] : pairs.carriers_from[tag + 1]]] = 0
        gone = pairs.reach[pairs.reach_from[tag] : pairs.reach_from[tag + 1]]
        gains -= np.bincount(pairs.tags[gone], belief[gone], len(gains))
        belief[gone] = 0
        still_open = float(open_agents.sum())
    return tuple(pairs.vocabulary[tag] for tag in chosen)


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
    evidence = (agent_similarities[pairs.agents] + tag_similarities[pairs.tags]) / 2
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
