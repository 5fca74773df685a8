"""What happened when: the only source of timings, tokens, cost and cache hits."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

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
        uncounted: Replies that did not say how many tokens they took.
        load_ms: How much of the time went into loading a model, the first time.
        retries: Requests that were sent again.
        trouble: Why the stage was skipped, one sentence.
    """

    count: int | None = None
    cached: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    uncounted: int | None = None
    load_ms: float | None = None
    retries: int | None = None
    trouble: str | None = None

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


class Noted(TypedDict, total=False):
    """The facts that `note` takes; see `Facts`."""

    count: int
    cached: int
    tokens: int
    cost_usd: float | None
    uncounted: int
    load_ms: float
    retries: int
    trouble: str


_ADDED_UP = frozenset({"tokens", "cost_usd", "uncounted", "load_ms", "retries"})


def note(**noted: Unpack[Noted]) -> None:
    """Put facts on the span that is open here, adding up what counts; outside one, do nothing."""
    facts = _open_facts.get()
    if facts is None:
        return
    for name, value in noted.items():
        before = getattr(facts, name)
        if name in _ADDED_UP and before is not None and value is not None:
            value = before + value  # noqa: PLW2901 - the sum takes the part's place
        if value is not None:
            setattr(facts, name, value)


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

    def take_over(self, spans: Sequence[Span], trouble: str) -> None:
        """Go on with another trace's spans in place of our own; the query's say why."""
        passed = wall_ms(self._spans)
        for span in spans:
            if span.name == "embed_query":
                span.facts.trouble = trouble
        self._spans = [replace(span, start_ms=span.start_ms + passed) for span in spans]

    @property
    def spans(self) -> tuple[Span, ...]:
        """What was recorded so far, in the order of `STAGES`."""
        return tuple(sorted(self._spans, key=lambda span: STAGES.index(span.name)))


def wall_ms(spans: Sequence[Span]) -> float:
    """Return the milliseconds from the start of a trace to the end of its last span."""
    return max((span.start_ms + span.ms for span in spans), default=0.0)


def billed(spans: Sequence[Span]) -> tuple[int | None, float | None]:
    """Return the tokens that were billed, and their cost in USD; None where that is not known."""
    if any(span.facts.uncounted for span in spans):
        return None, None
    tokens = sum(span.facts.tokens or 0 for span in spans)
    known = all(span.facts.cost_usd is not None for span in spans if span.facts.tokens)
    cost_usd = sum(span.facts.cost_usd or 0.0 for span in spans) if known else None
    return tokens, cost_usd
