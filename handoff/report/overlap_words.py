"""Overlap in words and as rows, for people; plain text, whoever shows it escapes it."""

from collections.abc import Sequence
from typing import Any

from handoff.agents.advice import Advice, AdviceKind
from handoff.agents.overlap import Contest, Overlap
from handoff.core.model import Registry
from handoff.core.texts import formula_safe, listed, shorten
from handoff.report.numbers import counted, percent, rounded

_NAMED = 3
_LONGEST_QUERY = 80

Row = dict[str, Any]


def name_of(registry: Registry, position: int) -> str:
    """Return an agent's name, with its id beside it where another one has the same."""
    agent = registry.agents[position]
    name = shorten(agent.name)
    same = sum(shorten(other.name) == name for other in registry.agents) > 1
    return f"{name} ({shorten(agent.id, 20)})" if same else name


def advice_in_words(advice: Advice, registry: Registry) -> str:
    """Say what is wrong and what to do about it, in one sentence."""
    names = [name_of(registry, at) for at in advice.agents[:_NAMED]]
    more = len(advice.agents) - len(names)
    who = listed([*names, f"{more:,} more"] if more else names)
    count = int(advice.figure)
    one = len(advice.agents) == 1
    similarity = rounded(advice.figure, 2)
    return {
        AdviceKind.NEAR_DUPLICATE: (
            f"{who} say the same (similarity {similarity}): merge them, or say in each what the "
            "other does not do."
        ),
        AdviceKind.STARVED: (
            f"No query reaches {who}, though {counted(count, 'case')} should: put the words of "
            "those queries into its description."
        ),
        AdviceKind.OVERLAP: (
            f"{who} are closer than most (similarity {similarity}): say in each what sets it apart."
        ),
        AdviceKind.ALIKE_NAMES: f"The names of {who} look alike: rename all but one of them.",
        AdviceKind.ONE_WORD: (
            f"{who} {'has' if one else 'have'} a description of one word or none: say in "
            "a sentence what it handles."
        ),
        AdviceKind.COMMON_TAG: (
            f"The tag {shorten(advice.tag)} is carried by {percent(advice.figure)} of all agents "
            "and tells few of them apart: remove it from most."
        ),
        AdviceKind.UNTAGGED: (
            f"{who} {'carries' if one else 'carry'} no tag, where others do: the tag filter "
            f"removes {'it' if one else 'them'} whenever a tag of another agent is found."
        ),
        AdviceKind.UNREACHED: (
            f"No case is meant for {who}, and none reaches {'it' if one else 'them'}: "
            "label some queries to find out."
        ),
    }[advice.kind]


def overlap_summary(overlap: Overlap, registry: Registry) -> str:
    """Say in one sentence how close the closest two are."""
    if not len(overlap):
        return "There is a single agent: nothing overlaps."
    first, second = int(overlap.first[0]), int(overlap.second[0])
    return (
        f"{len(registry):,} agents; the closest two are {name_of(registry, first)} and "
        f"{name_of(registry, second)}, similarity {rounded(float(overlap.similarities[0]), 2)} "
        f"where two agents typically have {rounded(overlap.typical, 2)}."
    )


def contest_in_words(contest: Contest, overlap: Overlap, registry: Registry) -> str:
    """Say how many queries two agents contest."""
    return (
        f"{name_of(registry, contest.first)} and {name_of(registry, contest.second)} contest "
        f"{len(contest.rows):,} of {counted(overlap.queries, 'query')}: the best two, at most "
        f"{rounded(overlap.margin, 2)} apart."
    )


def closest_rows(overlap: Overlap, registry: Registry) -> list[Row]:
    """Return one row a pair, the closest first."""
    contests = {(each.first, each.second): len(each.rows) for each in overlap.contests}
    return [
        {
            "agent": formula_safe(name_of(registry, first)),
            "and": formula_safe(name_of(registry, second)),
            "similarity": round(similarity, 3),
            "stands out": similarity >= overlap.stands_out_from,
            **({"contested": contests.get((first, second), 0)} if overlap.queries else {}),
        }
        for first, second, similarity in zip(
            overlap.first.tolist(),
            overlap.second.tolist(),
            overlap.similarities.tolist(),
            strict=True,
        )
    ]


def contest_rows(overlap: Overlap, registry: Registry, most: int) -> list[Row]:
    """Return one row a pair that contests queries, most queries first."""
    return [
        {
            "agent": formula_safe(name_of(registry, contest.first)),
            "and": formula_safe(name_of(registry, contest.second)),
            "contested": len(contest.rows),
            "first ahead in": int(contest.first_leads.sum()),
        }
        for contest in overlap.contests[:most]
    ]


def between_rows(contest: Contest, queries: Sequence[str], registry: Registry) -> list[Row]:
    """Return one row a query that two agents contest, the closest first."""
    return [
        {
            "query": formula_safe(queries[row]),
            "best": formula_safe(name_of(registry, contest.first if ahead else contest.second)),
            "lead": round(lead, 3),
        }
        for row, lead, ahead in zip(
            contest.rows.tolist(), contest.leads.tolist(), contest.first_leads.tolist(), strict=True
        )
    ]


def overlap_to_text(
    overlap: Overlap, advice: Sequence[Advice], registry: Registry, queries: Sequence[str]
) -> str:
    """Return overlap as lines for a terminal."""
    lines = [overlap_summary(overlap, registry), "", "Look at first"]
    lines += [f"  {advice_in_words(each, registry)}" for each in advice] or [
        "  Nothing stands out."
    ]
    if len(overlap):
        lines += ["", "Closest agents"]
        lines += [
            f"  {row['similarity']:6.3f}  {row['agent']} \u2013 {row['and']}"
            for row in closest_rows(overlap, registry)[:10]
        ]
    if overlap.contests:
        lines += ["", "Contested queries"]
        for contest in overlap.contests[:5]:
            lines.append(f"  {contest_in_words(contest, overlap, registry)}")
            lines += [
                f"      {shorten(queries[row], _LONGEST_QUERY)}"
                for row in contest.rows[:_NAMED].tolist()
            ]
    return "\n".join(lines)
