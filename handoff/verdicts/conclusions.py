"""What follows from verdicts: labels, what is left, and what went wrong since."""

import itertools
import statistics
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handoff.core.errors import ProviderError
from handoff.core.model import Decision, Policy, Registry
from handoff.files.cases import Case, Cases
from handoff.router import Route, Router
from handoff.verdicts.record import Entry, Undo, Verdict, VerdictKind

KEPT_SCORES = 5
LONGEST_PAUSE = timedelta(minutes=5)
"""Whoever takes longer for one query was away."""

_SETTLING = frozenset({VerdictKind.RIGHT, VerdictKind.WRONG})


@dataclass(frozen=True, slots=True)
class Signature:
    """What a person adds to a route to make it a verdict.

    Attributes:
        id: The entry's own, unique everywhere.
        who: The reviewer.
        when: In UTC.
    """

    id: str
    who: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Dispute:
    """A query whose labels contradict each other.

    Attributes:
        query: The query.
        first: Who should take it, as it stands in the cases, or as another reviewer said.
        second: Who should take it, as a reviewer said.
        line: Where it stands in the cases; None where two reviewers disagree.
        who: The reviewers, one or two.
    """

    query: str
    first: str | None
    second: str | None
    line: int | None
    who: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Additions:
    """What verdicts would add to a set of labelled queries.

    Attributes:
        cases: The new ones.
        disputes: Left out, since somebody says otherwise.
        unknown: Left out, since the agent that should take it is not in the registry.
        known: How many stand in the set with the same label.
    """

    cases: tuple[Case, ...]
    disputes: tuple[Dispute, ...]
    unknown: tuple[Verdict, ...]
    known: int


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A route that a person called right, and that ends elsewhere now."""

    verdict: Verdict
    decision: Decision


def verdict_on(
    route: Route,
    what: VerdictKind,
    signature: Signature,
    expected: str | None = None,
    note: str = "",
) -> Verdict:
    """Return what a person said of the route that they saw.

    Args:
        route: The one that was shown.
        what: What they said.
        signature: Who, and when.
        expected: With `WRONG`, the id of who should have had it; None for nobody.
        note: What they added.
    """
    decision, ranking = route.decision, route.ranking
    best = (ranking[rank] for rank in range(min(KEPT_SCORES, len(ranking))))
    return Verdict(
        id=signature.id,
        query=route.evidence.query,
        outcome=decision.outcome,
        agent=None if decision.agent is None else decision.agent.id,
        scores=tuple((score.agent.id, score.score) for score in best),
        threshold=decision.threshold,
        policy=route.policy,
        fingerprint=route.evidence.fingerprint,
        embedder=route.evidence.embedder,
        who=signature.who,
        when=signature.when,
        what=what,
        expected=expected if what is VerdictKind.WRONG else None,
        note=note,
    )


def standing(entries: Iterable[Entry]) -> list[Verdict]:
    """Return the verdicts that nobody took back, oldest first."""
    entries = list(entries)
    undone = {entry.undoes for entry in entries if isinstance(entry, Undo)}
    kept = [entry for entry in entries if isinstance(entry, Verdict) and entry.id not in undone]
    return sorted(kept, key=lambda verdict: verdict.when)


def latest(verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    """Return each query's last verdict of right or wrong; unsure and skip settle nothing.

    Args:
        verdicts: Oldest first.
    """
    return {verdict.query: verdict for verdict in verdicts if verdict.what in _SETTLING}


def label_of(verdict: Verdict) -> str | None:
    """Return the id of who should take the query after a verdict of right or wrong."""
    return verdict.agent if verdict.what is VerdictKind.RIGHT else verdict.expected


def plan_additions(verdicts: Sequence[Verdict], cases: Cases, registry: Registry) -> Additions:
    """Return what the verdicts would add to a set.

    Each reviewer's last word counts; where two of them differ, or one and the set, the query is
    left out and told.

    Args:
        verdicts: Standing ones, oldest first.
        cases: The set, as it is.
        registry: Whose agents may be expected.
    """
    held = {case.query: case for case in reversed(cases.cases)}
    words: dict[str, dict[str, Verdict]] = {}
    for verdict in verdicts:
        if verdict.what in _SETTLING:
            words.setdefault(verdict.query, {})[verdict.who] = verdict
    new: list[Case] = []
    disputes: list[Dispute] = []
    unknown: list[Verdict] = []
    known = 0
    for query, by_reviewer in words.items():
        first, *others = by_reviewer.values()
        label = label_of(first)
        other = next((each for each in others if label_of(each) != label), None)
        case = held.get(query)
        if other is not None:
            who = (first.who, other.who)
            disputes.append(Dispute(query, label, label_of(other), None, who))
        elif case is not None and case.expected != label:
            disputes.append(Dispute(query, case.expected, label, case.line, (first.who,)))
        elif case is not None:
            known += 1
        elif label is not None and label not in registry.positions:
            unknown.append(first)
        else:
            new.append(Case(query, label, "", 0))
    return Additions(tuple(new), tuple(disputes), tuple(unknown), known)


def called_right(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts of right that are their query's last word.

    Args:
        verdicts: Standing ones, oldest first.
    """
    return [one for one in latest(verdicts).values() if one.what is VerdictKind.RIGHT]


def regression(verdict: Verdict, decision: Decision) -> Regression | None:
    """Return a regression where a query that went right goes elsewhere now."""
    now = None if decision.agent is None else decision.agent.id
    return None if now == verdict.agent else Regression(verdict, decision)


async def find_regressions(
    router: Router, verdicts: Sequence[Verdict], policy: Policy
) -> AsyncGenerator[tuple[int, list[Regression]]]:
    """Route again what was called right; yield how many were tried and what was found, growing.

    Args:
        router: Of today's registry.
        verdicts: As `called_right` returned them.
        policy: Today's.

    Raises:
        ProviderError: A query could not be gathered.
    """
    found: list[Regression] = []
    tried = 0
    async for route in router.route_many((verdict.query for verdict in verdicts), policy):
        if isinstance(route, ProviderError):
            raise route
        gone = regression(verdicts[tried], route.decision)
        if gone is not None:
            found.append(gone)
        tried += 1
        yield tried, found


def tally(verdicts: Iterable[Verdict]) -> dict[VerdictKind, int]:
    """Count verdicts by what they say."""
    counts = Counter(verdict.what for verdict in verdicts)
    return {what: counts[what] for what in VerdictKind}


def pace_seconds(moments: Sequence[datetime]) -> float | None:
    """Return the median time for a query, pauses left out; None where it is not known yet.

    Args:
        moments: When verdicts were given, in order.
    """
    gaps = [
        (later - earlier).total_seconds()
        for earlier, later in itertools.pairwise(moments)
        if timedelta(0) <= later - earlier <= LONGEST_PAUSE
    ]
    return statistics.median(gaps) if gaps else None
