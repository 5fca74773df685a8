"""What to look at first in a registry: findings as positions and figures, worst first."""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from handoff.agents.overlap import Overlap
from handoff.core.model import Registry
from handoff.core.spans import words_of
from handoff.evaluation.analysis import Analysis

NEAR_DUPLICATE = 0.8
"""Two texts this similar say the same to any embedder."""
NEARLY_ALL = 0.8
"""A tag that so many agents carry tells few apart."""
FEWEST_FOR_TAGS = 3
MOST_OF_A_KIND = 20
_DIGITS = re.compile(r"\d+")
_SHORTEST_NAME = 5
_BEGINNING = 40
# The commonest Cyrillic letters that look like Latin ones.
_LOOK_ALIKE = str.maketrans("\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456", "aeopcyxi")


class AdviceKind(IntEnum):
    """What is wrong, worst first."""

    NEAR_DUPLICATE = 0
    """Two agents' texts say the same; the figure is their similarity."""
    STARVED = 1
    """Queries are meant for the agent and none reaches it; the figure is how many."""
    OVERLAP = 2
    """Two agents' texts are far closer than most; the figure is their similarity."""
    ALIKE_NAMES = 3
    """Agents' names look alike; the figure is how many."""
    ONE_WORD = 4
    """Descriptions of one word or none; the figure is how many."""
    COMMON_TAG = 5
    """A tag that nearly every agent carries; the figure is the share that does."""
    UNTAGGED = 6
    """Agents without tags where others have them; the figure is how many."""
    UNREACHED = 7
    """No query is meant for these, and none reaches them; the figure is how many."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One finding.

    Attributes:
        kind: What is wrong.
        agents: Positions in the registry: of a common tag, of those that carry it.
        figure: What the kind says.
        tag: Of a common tag; else empty.
    """

    kind: AdviceKind
    agents: tuple[int, ...]
    figure: float
    tag: str = ""


def look_at_first(
    registry: Registry, overlap: Overlap, analysis: Analysis | None
) -> tuple[Advice, ...]:
    """Find what to look at first, worst first; at most twenty findings of a kind.

    Args:
        registry: The agents.
        overlap: Of them.
        analysis: Of a labelled set on them; None without one.
    """
    found = [*_close(overlap), *_alike_names(registry), *_texts_and_tags(registry)]
    if analysis is not None:
        found += _reach(analysis)
    kinds: dict[AdviceKind, list[Advice]] = defaultdict(list)
    for advice in found:
        kinds[advice.kind].append(advice)
    ordered = (
        sorted(kinds[kind], key=lambda advice: (-advice.figure, advice.agents))
        for kind in AdviceKind
    )
    return tuple(advice for group in ordered for advice in group[:MOST_OF_A_KIND])


def _close(overlap: Overlap) -> list[Advice]:
    found = []
    for first, second, similarity in zip(
        overlap.first.tolist(), overlap.second.tolist(), overlap.similarities.tolist(), strict=True
    ):
        if similarity >= NEAR_DUPLICATE:
            found.append(Advice(AdviceKind.NEAR_DUPLICATE, (first, second), similarity))
        elif similarity >= overlap.stands_out_from:
            found.append(Advice(AdviceKind.OVERLAP, (first, second), similarity))
    return found


def _texts_and_tags(registry: Registry) -> list[Advice]:
    agents, found = registry.agents, []
    bare = tuple(at for at, agent in enumerate(agents) if _one_word(agent.description))
    if bare:
        found.append(Advice(AdviceKind.ONE_WORD, bare, len(bare)))
    untagged = tuple(at for at, agent in enumerate(agents) if not agent.tags)
    if untagged and len(untagged) < len(agents):
        found.append(Advice(AdviceKind.UNTAGGED, untagged, len(untagged)))
    if len(agents) >= FEWEST_FOR_TAGS:
        found += [
            Advice(AdviceKind.COMMON_TAG, tuple(held.tolist()), len(held) / len(agents), tag)
            for tag, held in registry.carriers.items()
            if len(held) >= NEARLY_ALL * len(agents)
        ]
    return found


def _one_word(description: str) -> bool:
    # Most descriptions are long; their first characters tell.
    return len(words_of(description[:_BEGINNING])) <= 1 and len(words_of(description)) <= 1


def _alike_names(registry: Registry) -> list[Advice]:
    """Group names that are the same but for case, accents and signs, or for one letter."""
    forms: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, agent in enumerate(registry.agents):
        forms[_form(agent.name)].append(at)
    groups = {tuple(held) for held in forms.values() if len(held) > 1}
    # Two forms that become the same without one letter differ in one; few ever meet.
    seen: dict[str, tuple[str, ...]] = {}
    near: dict[str, list[int]] = {}
    for form, held in forms.items():
        letters, digits = form[0], "\0".join(("", *form[1:]))
        if len(letters) < _SHORTEST_NAME:
            continue
        shorter = {f"{letters[:at]}{letters[at + 1 :]}{digits}" for at in range(len(letters))}
        for key in (f"{letters}{digits}", *shorter):
            other = seen.setdefault(key, form)
            if other is not form:
                near.setdefault(key, list(forms[other])).extend(held)
    groups |= {tuple(sorted(alike)) for alike in near.values()}
    return [Advice(AdviceKind.ALIKE_NAMES, group, len(group)) for group in groups]


def _form(name: str) -> tuple[str, ...]:
    """Return a name's letters as they look, and its numbers: those do tell names apart."""
    plain = unicodedata.normalize("NFKD", name).casefold().translate(_LOOK_ALIKE)
    letters = "".join(each for each in plain if each.isalpha())
    return (letters or plain, *_DIGITS.findall(plain))


def _reach(analysis: Analysis) -> list[Advice]:
    figures = analysis.by_agent
    idle = figures.got == 0
    found = [
        Advice(AdviceKind.STARVED, (at,), int(figures.expected[at]))
        for at in np.flatnonzero(idle & (figures.expected > 0)).tolist()
    ]
    unasked = tuple(np.flatnonzero(idle & (figures.expected == 0)).tolist())
    return [*found, Advice(AdviceKind.UNREACHED, unasked, len(unasked))] if unasked else found
