"""A queue of queries to check by hand: where they come from, and in which order they come."""

import math
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from handoff.core.decision import decide_by
from handoff.core.errors import CasesError, QueryError
from handoff.core.model import BoolArray, FloatArray, IntArray, Policy, Registry
from handoff.core.ranking import rank_by
from handoff.core.texts import LONGEST_QUERY, parse_query
from handoff.files.csv_table import Shape, parse_rows
from handoff.router import QUERIES_AT_ONCE, Router
from handoff.trace import Trace
from handoff.verdicts.conclusions import latest
from handoff.verdicts.record import Verdict, VerdictKind

SHAPE = Shape(required=("query",), optional=("expected", "chip"), old=("example",))
MOST_QUERIES = 100_000


@dataclass(frozen=True, slots=True)
class Queue:
    """Queries to check, each once, in the order in which they were given.

    Attributes:
        queries: As `parse_query` returned them.
        unusable: How many lines hold no query that can be routed.
    """

    queries: tuple[str, ...]
    unusable: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """What of a queue is not settled for one reviewer.

    Attributes:
        new: Queries on which they said nothing, in the queue's order.
        put_off: What they skipped or were unsure about, the one longest ago first; it comes last.
        skipped: How many of those they skipped.
        settled: How many queries of the queue they called right or wrong.
    """

    new: tuple[str, ...]
    put_off: tuple[str, ...]
    skipped: int
    settled: int

    @property
    def unsure(self) -> int:
        """How many they were unsure about."""
        return len(self.put_off) - self.skipped


class Order(StrEnum):
    """In which order a queue is checked."""

    GIVEN = "As given"
    CLOSEST = "Most informative first"
    AGENT = "By agent"


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What is known of a queue's first queries; threshold and margin may move without a call.

    Attributes:
        best: Each query's best candidate, a position, shape (looked at,).
        scores: Its score, same shape.
        leads: How far it leads the next, same shape; infinite without one.
        unknown: Whether it is mostly in an unknown script, same shape.
    """

    best: IntArray
    scores: FloatArray
    leads: FloatArray
    unknown: BoolArray

    def __len__(self) -> int:
        return len(self.best)


NOTHING_SEEN = Outlook(
    np.empty(0, np.intp), np.empty(0, np.float32), np.empty(0, np.float32), np.empty(0, np.bool_)
)


def make_queue(lines: Iterable[str]) -> Queue:
    """Return the queries among some lines, each once; empty lines are no queries.

    Raises:
        CasesError: There are too many.
    """
    queries: dict[str, None] = {}
    unusable = 0
    for line in lines:
        text = line.strip()
        if not text:
            continue
        try:
            # A printable text holds nothing that `parse_query` would change; it is slow.
            usable = text.isprintable() and len(text) <= LONGEST_QUERY
            queries[text if usable else parse_query(text)] = None
        except QueryError:
            unusable += 1
        if len(queries) > MOST_QUERIES:
            raise CasesError(f"A queue holds at most {MOST_QUERIES:,} queries: split the file.")
    return Queue(tuple(queries), unusable)


def parse_queue(data: bytes, source: str) -> Queue:
    """Read queries from a file's bytes: CSV with a column query, or a text with one a line.

    Args:
        data: The file.
        source: Its name; one that ends in .csv is CSV.

    Raises:
        CasesError: The file's shape is wrong.
    """
    if source.lower().endswith(".csv"):
        return make_queue(row["query"] for row in parse_rows(data, source, CasesError, SHAPE))
    try:
        return make_queue(data.decode("utf-8-sig").splitlines())
    except UnicodeDecodeError:
        raise CasesError(f"{source} is not UTF-8: save it as UTF-8.") from None


def what_is_left(queries: Collection[str], own: Sequence[Verdict]) -> Left:
    """Part a queue into what one reviewer settled, put off and has not seen.

    Args:
        queries: Each once, in the order in which they are checked.
        own: The reviewer's verdicts, oldest first.
    """
    settled, last = latest(own), {verdict.query: verdict for verdict in own}
    open_ones = [query for query in queries if query not in settled]
    put_off = sorted(
        (last[query] for query in open_ones if query in last), key=lambda verdict: verdict.when
    )
    return Left(
        new=tuple(query for query in open_ones if query not in last),
        put_off=tuple(verdict.query for verdict in put_off),
        skipped=sum(verdict.what is VerdictKind.SKIP for verdict in put_off),
        settled=len(queries) - len(open_ones),
    )


async def look_ahead(
    router: Router, queries: Sequence[str], policy: Policy, seen: Outlook = NOTHING_SEEN
) -> AsyncGenerator[Outlook]:
    """Gather a hundred queries at a time; yield what is known as it grows.

    Args:
        router: Whose providers are asked.
        queries: The whole queue.
        policy: Says whether tags and words count.
        seen: What is known of its first queries.

    Raises:
        ProviderError: They could not be gathered.
    """
    for first in range(len(seen), len(queries), QUERIES_AT_ONCE):
        part = queries[first : first + QUERIES_AT_ONCE]
        rows = []
        gathered = await router.gather_each(part, Trace())
        known = iter(gathered.evidence)
        for at in range(len(part)):
            if at in gathered.failures:
                # As far from any outcome as can be, so that it comes last.
                rows.append((0, -math.inf, math.inf, True))
                continue
            evidence = next(known)
            ranking = rank_by(evidence, router.registry, policy)
            decision = decide_by(ranking, policy)
            lead = math.inf if decision.margin is None else decision.margin
            unknown = ranking.unknown_script is not None
            rows.append((int(ranking.order[0]), decision.best.score, lead, unknown))
        best, scores, leads, unreadable = zip(*rows, strict=True)
        seen = Outlook(
            np.concatenate([seen.best, np.array(best, np.intp)]),
            np.concatenate([seen.scores, np.array(scores, np.float32)]),
            np.concatenate([seen.leads, np.array(leads, np.float32)]),
            np.concatenate([seen.unknown, np.array(unreadable, np.bool_)]),
        )
        yield seen


def order_queue(
    order: Order, queries: Sequence[str], seen: Outlook, registry: Registry, policy: Policy
) -> list[str]:
    """Return the queries in the order in which they should be checked.

    What was not looked at comes last, as given. Most informative is what is closest to where its
    outcome would change: at the threshold, or, of what reaches it, at the margin to the runner-up.
    What nobody gets for its script changes with neither.

    Args:
        order: Which one.
        queries: The whole queue.
        seen: What is known of its first queries.
        registry: Their agents.
        policy: How they are judged now.
    """
    if order is Order.GIVEN or not len(seen):
        return list(queries)
    thresholds = _thresholds(seen, registry, policy)
    refused = seen.unknown & policy.known_scripts_only
    if order is Order.CLOSEST:
        above = seen.scores - thresholds
        # Below the threshold nobody gets the query, whoever is second.
        to_margin = np.where(above >= 0, np.abs(seen.leads - policy.margin), np.inf)
        keys = np.where(refused, np.inf, np.minimum(np.abs(above), to_margin))
    else:
        taken = (seen.scores >= thresholds) & (seen.leads >= np.float32(policy.margin))
        keys = np.where(taken & ~refused, seen.best, len(registry)).astype(np.float32)
    places = np.argsort(keys, kind="stable").tolist()
    return [queries[place] for place in places] + list(queries[len(seen) :])


def _thresholds(seen: Outlook, registry: Registry, policy: Policy) -> FloatArray:
    """Return the threshold that judges each query, shape (looked at,)."""
    common = np.full(len(registry), policy.threshold, np.float32)
    if policy.per_agent:
        for agent, threshold in registry.thresholds.items():
            common[registry.positions[agent]] = threshold
    return common[seen.best]
