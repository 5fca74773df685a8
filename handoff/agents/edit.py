"""What an edit of the agents does to a labelled set, before it is saved.

An edit touches few agents. Of the evidence that was gathered once, everything stays but the columns
of agents whose text is new, the lexical scores (a word's rarity depends on all texts), and the
tags, which their extractor's own chooser chooses again. The result is what gathering from scratch
on the edited registry would give.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handoff.core.agent_rows import compare, texts_of
from handoff.core.learning import NO_OWNER, Learned, Lessons, learn, score_queries
from handoff.core.lexical import build_lexicon
from handoff.core.lexical_many import QueryWords, lay_out_words, lexical_scores_of
from handoff.core.model import Agent, FloatArray, IntArray, Registry
from handoff.core.tagging import stems
from handoff.core.texts import agent_text, agent_texts
from handoff.core.word_overlap import normal_form
from handoff.evaluation.analysis import Analysis
from handoff.evaluation.compare import Comparison
from handoff.evaluation.flips import Flips
from handoff.evaluation.judged import NOBODY, Labelled, label
from handoff.protocols import TagChooser

NO_LESSON = -1
"""The case is no example."""


@dataclass(frozen=True, slots=True, eq=False)
class EditGround:
    """What edits are measured on, laid out once.

    Attributes:
        labelled: The set on the registry as it is saved.
        expected: Each case's expected agent, None where nobody should take it.
        words: Each query's stems, laid out for lexical scores.
        tagging: Chooses the tags again.
        learned: What the registry's examples taught; None without examples.
        lesson_of: Each case's place among the examples, or `NO_LESSON`, shape (cases,).
    """

    labelled: Labelled
    expected: tuple[str | None, ...]
    words: QueryWords
    tagging: TagChooser
    learned: Learned | None
    lesson_of: IntArray


def lay_ground(
    labelled: Labelled,
    expected: Sequence[str | None],
    tagging: TagChooser,
    learned: Learned | None,
) -> EditGround:
    """Take a labelled set apart, once, for `edit_agents`.

    Args:
        labelled: All agents' similarities, examples scored as if they were none.
        expected: As they were labelled.
        tagging: The tag extractor's, of this evidence.
        learned: What the registry's examples taught.
    """
    queries = labelled.evidence.queries
    lesson_of = np.full(len(queries), NO_LESSON, dtype=np.intp)
    if learned is not None:
        rows = {normal_form(text): row for row, text in enumerate(learned.lessons.texts)}
        lesson_of[:] = [rows.get(normal_form(query), NO_LESSON) for query in queries]
    return EditGround(
        labelled=labelled,
        expected=tuple(expected),
        words=lay_out_words([stems(query) for query in queries]),
        tagging=tagging,
        learned=learned,
        lesson_of=lesson_of,
    )


def new_texts(ground: EditGround, registry: Registry) -> list[str]:
    """Return the texts that have to be embedded for an edit: agents', and names of new tags.

    The edit must be one whose tags can be chosen again.
    """
    known = {agent_texts(agent) for agent in ground.labelled.registry.agents}
    every = (agent_texts(agent) for agent in registry.agents)
    texts = [text for own in every if own not in known for text in own]
    return list(dict.fromkeys([*texts, *(ground.tagging.new_tags(registry) or ())]))


def edit_agents(ground: EditGround, registry: Registry, rows: Mapping[str, FloatArray]) -> Labelled:
    """Return the set as it would be on an edited registry.

    Args:
        ground: The set on the registry as it is saved.
        registry: The edited one; its examples are some of the saved one's, in the same order.
        rows: The unit row of each of `new_texts`, shape (dimensions,).
    """
    before = ground.labelled.evidence
    if ground.learned is None:
        scores = _similarities(ground, registry, rows)
    else:
        scores = _learned_scores(ground, ground.learned, registry, rows)
    lexicon = build_lexicon([agent_text(agent) for agent in registry.agents])
    evidence = replace(
        before,
        fingerprint=registry.fingerprint,
        tags=ground.tagging.choose(registry, scores, rows),
        similarities=scores,
        lexical=lexical_scores_of(ground.words, lexicon),
    )
    return label(evidence, registry, ground.expected)


def _similarities(
    ground: EditGround, registry: Registry, rows: Mapping[str, FloatArray]
) -> FloatArray:
    """Return every query's similarity with every agent; columns of known texts are copied."""
    before, evidence = ground.labelled.registry, ground.labelled.evidence
    column_of = {agent_texts(agent): at for at, agent in enumerate(before.agents)}
    columns = [column_of.get(agent_texts(agent)) for agent in registry.agents]
    scores = evidence.similarities.take([column or 0 for column in columns], axis=1)
    new = [at for at, column in enumerate(columns) if column is None]
    if new:
        agents = texts_of([registry.agents[at] for at in new]).rows_from(rows)
        scores[:, new] = compare(evidence.vectors, agents)
    return scores


def _learned_scores(
    ground: EditGround, learned: Learned, registry: Registry, rows: Mapping[str, FloatArray]
) -> FloatArray:
    """Learn again from the examples whose agent is still there."""
    before, evidence = ground.labelled.registry, ground.labelled.evidence
    known = (*learned.agents.wholes, *learned.agents.phrases)
    row_of = dict(zip(texts_of(before.agents).texts, known, strict=True)) | dict(rows)
    agents = texts_of(registry.agents).rows_from(row_of)
    kept = [
        at
        for at, owner in enumerate(learned.lessons.owners.tolist())
        if owner == NO_OWNER or before.agents[owner].id in registry.positions
    ]
    if not kept:
        return compare(evidence.vectors, agents)
    owners = [
        NO_OWNER if owner == NO_OWNER else registry.positions[before.agents[owner].id]
        for owner in learned.lessons.owners[kept].tolist()
    ]
    lessons = Lessons(
        tuple(learned.lessons.texts[at] for at in kept),
        learned.lessons.vectors[kept],
        np.array(owners, dtype=np.intp),
    )
    again = learn(agents, lessons)
    scores = score_queries(evidence.vectors, evidence.queries, again)
    place = {at: row for row, at in enumerate(kept)}
    for case, lesson in enumerate(ground.lesson_of.tolist()):
        if lesson in place:
            scores[case] = again.held_out[place[lesson]]
    return scores


@dataclass(frozen=True, slots=True)
class Shift:
    """What an agent gets of the same cases before and after an edit.

    Attributes:
        agent: As it is after the edit; as it was, if it is gone.
        edited: Whether its row was changed, added or removed.
        got: How many queries it gets, before and after.
        right: How many it gets rightly, before and after.
    """

    agent: Agent
    edited: bool
    got: tuple[int, int]
    right: tuple[int, int]


def find_shifts(compared: Comparison) -> tuple[Shift, ...]:
    """Return the agents that get other queries than before, those that lose or gain most first.

    Args:
        compared: The same cases on the saved and on the edited registry.
    """
    old = {agent.id: agent for agent in compared.before.labelled.registry.agents}
    new = {agent.id: agent for agent in compared.after.labelled.registry.agents}
    touched = _who_got(compared.before, compared.flips) | _who_got(compared.after, compared.flips)
    shifts = [
        _shift(compared, agent, edited=old.get(each) != new.get(each))
        for each, agent in (old | new).items()
        if each in touched
    ]
    return tuple(sorted(shifts, key=lambda shift: -abs(shift.got[1] - shift.got[0])))


def _who_got(analysis: Analysis, flips: Flips) -> set[str]:
    """Return the ids of the agents that get the cases that flip."""
    rows = np.concatenate([flips.better, flips.worse, flips.neither])
    agents = analysis.labelled.registry.agents
    return {agents[at].id for at in analysis.got[rows].tolist() if at != NOBODY}


def _shift(compared: Comparison, agent: Agent, *, edited: bool) -> Shift:
    was, now = _figures(compared.before, agent.id), _figures(compared.after, agent.id)
    return Shift(agent, edited, (was[0], now[0]), (was[1], now[1]))


def _figures(analysis: Analysis, agent_id: str) -> tuple[int, int]:
    at = analysis.labelled.registry.positions.get(agent_id)
    if at is None:
        return 0, 0
    return int(analysis.by_agent.got[at]), int(analysis.by_agent.right[at])
