"""What happened when."""

import asyncio
from collections.abc import Callable

import pytest

from handoff.trace import STAGES, Facts, Span, Trace, billed, note, wall_ms


def clock(*seconds: float) -> Callable[[], float]:
    """Return a clock that shows these times, one after the other."""
    return iter(seconds).__next__


def span(name: str = "score", start_ms: float = 0, ms: float = 1, **facts: float) -> Span:
    """Return a span with these facts."""
    return Span(name, start_ms, ms, Facts(**facts))


def test_a_span_counts_from_the_start_of_its_trace():
    """Start and length are milliseconds, whatever the clock showed at the beginning."""
    trace = Trace(clock(100.0, 100.25, 100.75))

    with trace.span("score"):
        pass

    assert trace.spans == (Span("score", 250.0, 500.0, Facts()),)


def test_a_stage_that_fails_is_timed_as_well():
    """Its error goes on, and its span stays."""
    trace = Trace(clock(0.0, 1.0, 3.0))

    with pytest.raises(RuntimeError, match="down"), trace.span("embed_query"):
        raise RuntimeError("down")

    assert trace.spans == (Span("embed_query", 1000.0, 2000.0, Facts()),)


def test_a_new_trace_has_no_spans():
    """Nothing has happened yet."""
    assert Trace().spans == ()


def test_spans_come_in_the_order_of_the_stages():
    """Whichever of them ended first."""
    trace = Trace()

    for name in reversed(STAGES):
        with trace.span(name):
            pass

    assert tuple(one.name for one in trace.spans) == (
        "extract_tags",
        "embed_query",
        "embed_agents",
        "score",
        "filter",
        "select",
        "hand_off",
    )


def test_facts_land_on_the_open_span():
    """Every kind of fact, and none that was not noted."""
    trace = Trace()

    with trace.span("embed_query"):
        note(count=3, cached=1, load_ms=20.0)
    with trace.span("score"):
        note(tokens=7, cost_usd=0.5)

    first, second = (one.facts for one in trace.spans)

    assert first == Facts(count=3, cached=1, load_ms=20.0)
    assert second == Facts(tokens=7, cost_usd=0.5)


def test_zero_is_a_fact():
    """Nothing cached is something else than nothing said about it."""
    trace = Trace()

    with trace.span("embed_query"):
        note(cached=0, tokens=0, cost_usd=0.0)

    assert trace.spans[0].facts == Facts(cached=0, tokens=0, cost_usd=0.0)


def test_tokens_and_cost_add_up():
    """Several requests in one stage are billed together; counts are replaced."""
    trace = Trace()

    with trace.span("embed_agents"):
        note(count=1, tokens=10, cost_usd=0.25)
        note(count=2, tokens=5, cost_usd=0.5)

    assert trace.spans[0].facts == Facts(count=2, tokens=15, cost_usd=0.75)


def test_a_note_outside_a_span_does_nothing():
    """Providers may be used without a trace, and no earlier span is touched."""
    trace = Trace()
    with trace.span("score"):
        note(count=1)

    note(count=99)

    assert trace.spans[0].facts == Facts(count=1)


def test_an_inner_span_has_facts_of_its_own():
    """When it closes, the outer one is the open one again."""
    trace = Trace()

    with trace.span("extract_tags"):
        with trace.span("embed_agents"):
            note(count=1)
        note(cached=2)

    outer, inner = (one.facts for one in trace.spans)

    assert outer == Facts(cached=2)
    assert inner == Facts(count=1)


def test_facts_from_concurrent_tasks_land_on_their_own_spans():
    """Two stages that are open at the same time do not write on each other."""
    trace = Trace()

    async def stage(name: str, count: int, mine: asyncio.Event, others: asyncio.Event) -> None:
        with trace.span(name):
            mine.set()
            await others.wait()
            note(count=count)

    async def both() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        async with asyncio.timeout(10):
            await asyncio.gather(
                stage("embed_query", 1, first, second), stage("extract_tags", 2, second, first)
            )

    asyncio.run(both())

    assert {one.name: one.facts.count for one in trace.spans} == {
        "embed_query": 1,
        "extract_tags": 2,
    }


def test_facts_from_tasks_started_inside_a_span_land_on_it():
    """However deep they are noted."""
    trace = Trace()

    async def deep() -> None:
        note(tokens=1)

    async def stage() -> None:
        with trace.span("extract_tags"):
            await asyncio.gather(deep(), asyncio.create_task(deep()), deep())

    asyncio.run(stage())

    assert trace.spans[0].facts == Facts(tokens=3)


def test_two_traces_keep_their_spans_apart():
    """Routes that run at once record into their own."""
    one, other = Trace(), Trace()

    with one.span("score"), other.span("filter"):
        note(count=1)

    assert [(span.name, span.facts.count) for span in one.spans] == [("score", None)]
    assert [(span.name, span.facts.count) for span in other.spans] == [("filter", 1)]


def test_a_trace_goes_on_after_earlier_spans():
    """However long ago these were, new ones start where the last of them ended."""
    earlier = (span("extract_tags", 0, 375), span("score", 375, 125))
    trace = Trace(clock(5000.0, 5000.0, 5000.5), earlier)

    with trace.span("filter"):
        pass

    assert trace.spans == (*earlier, Span("filter", 500.0, 500.0, Facts()))


def test_going_on_leaves_the_earlier_trace_alone():
    """Evidence may be judged many times, each time from the same gathering."""
    first = Trace()
    with first.span("score"):
        pass
    gathered = first.spans

    second = Trace(earlier=gathered)
    with second.span("select"):
        pass

    assert first.spans == gathered
    assert [one.name for one in second.spans] == ["score", "select"]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param((), 0.0, id="no span"),
        pytest.param((span(start_ms=50, ms=20),), 70.0, id="from the start of the trace"),
        pytest.param((span(start_ms=0, ms=90), span(start_ms=10, ms=30)), 90.0, id="overlapping"),
        pytest.param((span(start_ms=0, ms=10), span(start_ms=40, ms=5)), 45.0, id="with a pause"),
    ],
)
def test_wall_time_ends_with_the_last_span(spans, expected):
    """Stages overlap, so it is no sum."""
    assert wall_ms(spans) == expected


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param((), (0, 0.0), id="no span"),
        pytest.param((span(count=3),), (0, 0.0), id="nothing billed"),
        pytest.param(
            (span(tokens=10, cost_usd=0.5), span(tokens=20, cost_usd=0.25)), (30, 0.75), id="sum"
        ),
        pytest.param((span(tokens=10, cost_usd=0.5), span()), (10, 0.5), id="one stage is free"),
        pytest.param((span(tokens=10, cost_usd=0.5), span(tokens=20)), (30, None), id="no price"),
        pytest.param((span(tokens=10, cost_usd=0.0),), (10, 0.0), id="a price of zero"),
        pytest.param((span(tokens=0),), (0, 0.0), id="no tokens need no price"),
        pytest.param(
            (span(tokens=10, cost_usd=0.5), span(uncounted=1)), (None, None), id="not said"
        ),
    ],
)
def test_the_bill_is_tokens_and_their_cost(spans, expected):
    """Where tokens were billed at an unknown price, the cost is None rather than too low."""
    assert billed(spans) == expected
