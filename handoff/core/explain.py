"""Which words carry an agent's score for a query, and the smallest edit that turns the decision.

A word's share is what the score loses without it:

    share(word) = score(whole text) - score(text without the word)

It is negative where the word speaks against the agent. Shares do not add up to the score: words
lean on one another. An agent's description is looked at in the same way as the query, its name
staying in front.

Held fixed are the tags that were extracted, the other agents' scores, and what examples taught:
`held_scores` puts a changed description in the place of the agent's and leaves level, lift and
weights as they were learned with the one in use.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from handoff.core.agent_rows import AgentRows, compare, texts_of
from handoff.core.decision import reaches
from handoff.core.learning import Learned, likeness
from handoff.core.lexical import HALF, K1, B, Lexicon
from handoff.core.model import Agent, Evidence, FloatArray, Policy, Registry
from handoff.core.ranking import rank_by
from handoff.core.spans import Part, parts_of, without
from handoff.core.tagging import stems

MOST_PARTS = 400
MOST_BYTES = 95_000
"""Of all variants of one text; those of query, description and phrases fit one request of any
provider."""


@dataclass(frozen=True, slots=True)
class WordShare:
    """What a word, or a run of words in a long text, adds to an agent's score.

    Attributes:
        word: As it stands in the text.
        start: Where it begins there, in characters.
        end: Where it ends, exclusive.
        share: What the score loses without it; negative where it gains.
    """

    word: str
    start: int
    end: int
    share: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an agent scores as it does for a query.

    Attributes:
        position: The agent's.
        score: Its score for the query.
        query: The query's words in order.
        description: The words of its description in order.
    """

    position: int
    score: float
    query: tuple[WordShare, ...]
    description: tuple[WordShare, ...]


class EditKind(StrEnum):
    """What is done to a word of a description."""

    DROP = "drop"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Edit:
    """One step from a description to another, out of its own words.

    Attributes:
        kind: Whether the word is left out, or said once more at the end.
        word: The word, or the run of words in a long text.
    """

    kind: EditKind
    word: str


@dataclass(frozen=True, slots=True)
class Flip:
    """An edited description with which a query ends otherwise.

    Attributes:
        position: The agent's.
        wins: Whether it gets the query with it; else it no longer does.
        edits: In the order in which they were made.
        description: The edited one.
        before: The agent's score with the description in use.
        after: And with the edited one.
    """

    position: int
    wins: bool
    edits: tuple[Edit, ...]
    description: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Bar:
    """What an agent's score has to come to for it to get a query.

    Attributes:
        candidate: Whether the tag filter keeps it, and the query's script lets anybody have it;
            nothing helps where not.
        rival: The best other candidate's score; None without one.
        ahead: Whether it comes first at the rival's own score, by registry order.
        threshold: The one that judges it.
        margin: Closer than this to the rival is ambiguous.
    """

    candidate: bool
    rival: float | None
    ahead: bool
    threshold: float
    margin: float

    def cleared_by(self, score: float) -> bool:
        """Tell whether the agent gets the query with this score, as `decide` would."""
        if not self.candidate or not reaches(score, self.threshold):
            return False
        if self.rival is None:
            return True
        lead = np.float32(score) - np.float32(self.rival)
        return bool(lead > 0 or (lead == 0 and self.ahead)) and reaches(float(lead), self.margin)


def parts_to_vary(text: str) -> tuple[Part, ...]:
    """Return what is left out of a text in turn: its words, or runs of them where it is long."""
    size = len(text.encode(errors="surrogatepass"))
    return parts_of(text, max(1, min(MOST_PARTS, MOST_BYTES // max(size, 1))))


def variants_of(text: str) -> tuple[str, ...]:
    """Return a text without each of its words in turn, the same order; "" where none is left."""
    return tuple(without(text, part) for part in parts_to_vary(text))


def described(agent: Agent, descriptions: Sequence[str]) -> list[Agent]:
    """Return an agent with other descriptions in turn."""
    return [replace(agent, description=description) for description in descriptions]


def texts_to_explain(query: str, agent: Agent) -> tuple[str, ...]:
    """Return all that has to be embedded to explain one agent's score, each text once."""
    asked = [variant for variant in variants_of(query) if variant]
    asked += texts_of(described(agent, variants_of(agent.description))).texts
    return tuple(dict.fromkeys(asked))


def share_out(text: str, score: float, without_each: Sequence[float]) -> tuple[WordShare, ...]:
    """Return the words of a text with their shares.

    Args:
        text: The query or the description.
        score: With the whole text.
        without_each: Without each of its parts, as `variants_of` orders them.
    """
    return tuple(
        WordShare(part.text, part.start, part.end, score - left)
        for part, left in zip(parts_to_vary(text), without_each, strict=True)
    )


def held_scores(
    described: AgentRows, evidence: Evidence, learned: Learned | None, position: int
) -> FloatArray:
    """Score one agent for a query with other descriptions; the rest stays as it was learned.

    Args:
        described: The unit rows of the agent with each description in turn.
        evidence: Of the query.
        learned: What examples taught; None without examples.
        position: The agent's.

    Returns:
        Shape (descriptions,), from -1 to 1; the plain similarities without examples.
    """
    scores: FloatArray = compare(evidence.vector[None, :], described)[0]
    if learned is not None and len(learned.lessons):
        level = np.float32(learned.level)
        near = likeness(evidence.vector[None, :], [evidence.query], learned)[0]
        taught = near @ learned.weights[:, position]
        scores = level + learned.lift[position] * (scores - level) + taught
    return np.clip(scores, np.float32(-1), np.float32(1)).astype(np.float32, copy=False)


def held_lexical(
    query: str, texts: Sequence[str], lexicon: Lexicon, mean_length: float
) -> list[float]:
    """Return the lexical score of a query with other texts of one agent.

    How rare a word is stays as it was counted, and so does the mean length.

    Args:
        query: As it was scored.
        texts: Made of words that the lexicon holds.
        lexicon: Of the registry.
        mean_length: Of the registry's texts, in stems.
    """
    asked = [word for word in dict.fromkeys(stems(query)) if word in lexicon.postings]
    rarity = {
        word: float(np.log1p((lexicon.agents - held + 0.5) / (held + 0.5)))
        for word, held in ((word, len(lexicon.postings[word][0])) for word in asked)
    }
    scores = []
    for text in texts:
        counts = Counter(stems(text))
        norm = K1 * (1 - B + B * counts.total() / (mean_length or 1))
        bm25 = sum(
            rarity[word] * counts[word] * (K1 + 1) / (counts[word] + norm)
            for word in asked
            if counts[word]
        )
        scores.append(bm25 / (bm25 + HALF))
    return scores


def bar_of(evidence: Evidence, registry: Registry, policy: Policy, position: int) -> Bar:
    """Say what an agent's score has to come to, the other agents' staying as they are."""
    ranking = rank_by(evidence, registry, policy)
    kept = ranking.order[: ranking.candidates].tolist()
    others = [rank for rank, at in enumerate(kept) if at != position]
    own = registry.agents[position].threshold if policy.per_agent else None
    unreadable = policy.known_scripts_only and ranking.unknown_script is not None
    return Bar(
        candidate=len(others) < len(kept) and not unreadable,
        rival=float(ranking.scores[others[0]]) if others else None,
        ahead=bool(others) and position < kept[others[0]],
        threshold=policy.threshold if own is None else own,
        margin=policy.margin,
    )


def edits_of(description: str) -> tuple[tuple[Edit, str], ...]:
    """Return every single edit of a description out of its own words, with what it comes to.

    Each of its parts may be left out, as long as a word remains, or be said once more at its end.
    """
    parts = parts_to_vary(description)
    edits = [(Edit(EditKind.DROP, part.text), without(description, part)) for part in parts]
    edits += [
        (Edit(EditKind.REPEAT, word), f"{description.rstrip()} {word}")
        for word in dict.fromkeys(part.text for part in parts)
    ]
    return tuple((edit, text) for edit, text in edits if text)
