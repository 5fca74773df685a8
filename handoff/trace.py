"""What happened when: the only source of timings, tokens, cost and cache hits."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

STAGES = (
    "extract_tags",
    "embed_query",
    "embed_agents",
    "score",
    "filter",
    "select",
    "hand_off",
)
"""The names of spans, in their order. Stages overlap, so a total is not their sum."""


@dataclass(slots=True)
class Facts:
    """What a stage says of itself; None where it does not apply.

    Attributes:
        count: How many texts, queries or agents it worked on.
        cached: How many of them came from a cache.
        tokens: Tokens that a provider billed.
        cost_usd: What they cost.
        load_ms: How much of the time went into loading a model, the first time.
    """

    count: int | None = None
    cached: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    load_ms: float | None = None

    @property
    def from_cache(self) -> bool:
        """Whether a cache answered for everything that the stage worked on."""
        return bool(self.count) and self.cached == self.count


@dataclass(frozen=True, slots=True)
class Span:
    """One timed stage; `start_ms` counts from the start of its trace."""

    name: str
    start_ms: float
    ms: float
    facts: Facts


_open_facts: ContextVar[Facts | None] = ContextVar("open_facts", default=None)


def note(
    *,
    count: int | None = None,
    cached: int | None = None,
    tokens: int | None = None,
    cost_usd: float | None = None,
    load_ms: float | None = None,
) -> None:
    """Put facts on the span that is open here; outside one, do nothing."""
    facts = _open_facts.get()
    if facts is None:
        return
    if count is not None:
        facts.count = count
    if cached is not None:
        facts.cached = cached
    if tokens is not None:
        facts.tokens = (facts.tokens or 0) + tokens
    if cost_usd is not None:
        facts.cost_usd = (facts.cost_usd or 0.0) + cost_usd
    if load_ms is not None:
        facts.load_ms = (facts.load_ms or 0.0) + load_ms


class Trace:
    """The spans of one route, recorded by the shell and never seen by the core."""

    __slots__ = ("_clock", "_spans", "_start")

    def __init__(
        self, clock: Callable[[], float] = time.perf_counter, earlier: Sequence[Span] = ()
    ) -> None:
        """Start counting now, or go on after earlier spans.

        Args:
            clock: Seconds that never go back.
            earlier: Spans of a gathering whose evidence is judged now; new ones start after them.
        """
        self._clock = clock
        self._spans = list(earlier)
        self._start = clock() - wall_ms(earlier) / 1000

    @contextmanager
    def span(self, name: str) -> Generator[None]:
        """Time one stage; facts that are noted inside, however deep, land on it."""
        facts = Facts()
        token = _open_facts.set(facts)
        started = self._clock()
        try:
            yield
        finally:
            ended = self._clock()
            _open_facts.reset(token)
            start_ms = (started - self._start) * 1000
            self._spans.append(Span(name, start_ms, (ended - started) * 1000, facts))

    @property
    def spans(self) -> tuple[Span, ...]:
        """What was recorded so far, in the order of `STAGES`."""
        return tuple(sorted(self._spans, key=lambda span: STAGES.index(span.name)))


def wall_ms(spans: Sequence[Span]) -> float:
    """Return the milliseconds from the start of a trace to the end of its last span."""
    return max((span.start_ms + span.ms for span in spans), default=0.0)


def billed(spans: Sequence[Span]) -> tuple[int, float | None]:
    """Return the tokens that were billed, and their cost in USD; None where a price is unknown."""
    tokens = sum(span.facts.tokens or 0 for span in spans)
    known = all(span.facts.cost_usd is not None for span in spans if span.facts.tokens)
    cost_usd = sum(span.facts.cost_usd or 0.0 for span in spans) if known else None
    return tokens, cost_usd
