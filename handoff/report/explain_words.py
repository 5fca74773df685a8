"""An explanation in words and as rows, for people; plain text, whoever shows it escapes it."""

from collections.abc import Sequence
from typing import Any

from handoff.core.explain import EditKind, Explanation, Flip, WordShare
from handoff.core.model import Registry
from handoff.core.texts import formula_safe, listed, shorten
from handoff.report.numbers import rounded, together

_NAMED = 3
_LEAST = 0.005
_LONGEST_WORD = 30


def carried_by(shares: Sequence[WordShare], what: str) -> str:
    """Say which words carry a score, and which speak against it.

    Args:
        shares: Of the query or the description.
        what: Which of the two, for the sentence.
    """
    if not shares:
        return f"The {what} holds no word that could be left out."
    ordered = sorted(shares, key=lambda share: -share.share)
    carrying = [share for share in ordered[:_NAMED] if share.share >= _LEAST]
    against = [share for share in ordered[::-1][:_NAMED] if share.share <= -_LEAST]
    if not carrying and not against:
        return f"No single word of the {what} carries the score."
    said = []
    if carrying:
        said.append(f"Of the {what}, {_weighed(carrying)} {_verb(carrying, 'carry', 'carries')} it")
    if against:
        verb = _verb(against, "speak", "speaks")
        said.append(
            f"{_weighed(against)} {verb} against it"
            if said
            else f"Of the {what}, {_weighed(against)} {verb} against it"
        )
    return f"{'; '.join(said)}."


def flip_in_words(flip: Flip | None, name: str) -> str:
    """Say which edit of a description would turn the query."""
    if flip is None:
        return f"No few words of its own, dropped or repeated, would turn the query for {name}."
    steps = ", ".join(
        f"{'without' if edit.kind is EditKind.DROP else 'saying once more'} "
        f"'{shorten(edit.word, _LONGEST_WORD)}'"
        for edit in flip.edits
    )
    ends = "would get" if flip.wins else "would no longer get"
    before, after = together(flip.before, flip.after)
    return f"{name} {ends} the query {steps} in its description: {after} instead of {before}."


def share_rows(shares: Sequence[WordShare]) -> list[dict[str, Any]]:
    """Return one row a word in the text's order."""
    return [
        {"word": formula_safe(share.word), "carries": round(share.share, 3)} for share in shares
    ]


def explanation_to_text(
    explanation: Explanation, flip: Flip | None, registry: Registry, *, looked: bool
) -> str:
    """Return an explanation as lines for a terminal.

    Args:
        explanation: Of one agent.
        flip: The smallest edit, if one was found.
        registry: The agents.
        looked: Whether a flip was looked for.
    """
    agent = registry.agents[explanation.position]
    lines = [
        f"{agent.name} scores {rounded(explanation.score, 3)}.",
        carried_by(explanation.query, "query"),
        *_bars(explanation.query),
        "",
        carried_by(explanation.description, "description"),
        *_bars(explanation.description),
    ]
    if looked:
        lines += ["", flip_in_words(flip, agent.name)]
    return "\n".join(lines)


def _bars(shares: Sequence[WordShare]) -> list[str]:
    return [f"  {share.share:+.3f}  {shorten(share.word, _LONGEST_WORD)}" for share in shares]


def _weighed(shares: Sequence[WordShare]) -> str:
    words = [f"'{shorten(share.word, _LONGEST_WORD)}' ({share.share:+.2f})" for share in shares]
    return listed(words)


def _verb(shares: Sequence[WordShare], many: str, one: str) -> str:
    return one if len(shares) == 1 else many
