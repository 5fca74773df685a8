"""The queue: where queries come from and in which order they come."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from handoff.bootstrap import build_router
from handoff.core.errors import CasesError
from handoff.core.model import Agent, Policy, Registry, ThresholdSource
from handoff.files.settings import load_settings
from handoff.verdicts import queue as check_queue
from handoff.verdicts.queue import (
    NOTHING_SEEN,
    Order,
    Outlook,
    look_ahead,
    make_queue,
    order_queue,
    parse_queue,
)

REGISTRY = Registry(
    (
        Agent("a", "A", "first", (), 0.8),
        Agent("b", "B", "second", ()),
    )
)
POLICY = Policy(0.5, ThresholdSource.EMBEDDER)
SEEN = Outlook(
    np.array([1, 0, 1, 0, 0]),
    np.array([0.9, 0.52, 0.7, 0.79, 0.1], np.float32),
    np.array([0.4, 0.3, 0.001, np.inf, 0.0], np.float32),
    np.zeros(5, np.bool_),
)
QUERIES = (
    "clear",
    "near the threshold",
    "near the runner-up",
    "no runner-up",
    "a tie far below",
    "not seen",
)


@pytest.fixture
def router(tmp_path):
    """Join scripted parts over the agents."""
    (tmp_path / "agents.csv").write_text("")
    variables = {
        "HANDOFF_EMBEDDER": "scripted",
        "HANDOFF_TAGGER": "scripted",
        "HANDOFF_CACHE_DIR": str(tmp_path),
    }
    return build_router(load_settings(variables, tmp_path / "agents.csv"), REGISTRY, None)


def ordered(order, policy=POLICY, seen=SEEN):
    """Return the queries in an order."""
    return order_queue(order, QUERIES, seen, REGISTRY, policy)


def test_each_query_comes_once():
    """Blank lines and repetitions go, spaces around go, what is too long is counted."""
    queue = make_queue(["b ", "", "a", "  ", "b", "x" * 4_001, "c\td", "\ud800"])

    assert queue.queries == ("b", "a", "c d")
    assert queue.unusable == 2


def test_fifty_thousand_lines_are_a_queue():
    """So are their repetitions."""
    lines = [f"query number {at % 49_000}" for at in range(50_000)]

    assert len(make_queue(lines).queries) == 49_000


def test_a_queue_has_an_end(monkeypatch):
    """What is too much is told with what to do."""
    monkeypatch.setattr(check_queue, "MOST_QUERIES", 2)

    with pytest.raises(CasesError, match="at most 2 queries: split the file"):
        make_queue("abc")


def test_a_file_may_be_csv_or_lines():
    """Labels of a CSV are not needed, and do no harm."""
    assert parse_queue(b"query\na\nb\n", "q.csv").queries == ("a", "b")
    assert parse_queue(b"query,expected\na,x\n", "Q.CSV").queries == ("a",)
    assert parse_queue("\ufeffa\r\nb\r\n".encode(), "q.txt").queries == ("a", "b")


@pytest.mark.parametrize(
    ("data", "name", "sentence"),
    [
        (b"question\na\n", "q.csv", r"q.csv, line 1, column 1 \(question\)"),
        (b"\xff\xfe\xfd", "q.txt", "q.txt is not UTF-8"),
    ],
)
def test_a_file_of_another_shape_is_one_sentence(data, name, sentence):
    """It names the file, and the place where there is one."""
    with pytest.raises(CasesError, match=sentence):
        parse_queue(data, name)


def test_as_given_is_as_given():
    """Nothing is looked at for it."""
    assert ordered(Order.GIVEN) == list(QUERIES)
    assert ordered(Order.CLOSEST, seen=NOTHING_SEEN) == list(QUERIES)


def test_what_nobody_gets_for_its_letters_is_not_informative():
    """No threshold changes it; without the policy's word for it, it counts as the others do."""
    seen = replace(SEEN, unknown=np.array([False, True, True, False, False]))
    anyway = replace(POLICY, known_scripts_only=False)

    assert ordered(Order.CLOSEST, seen=seen) == [
        "no runner-up",
        "clear",
        "a tie far below",
        "near the threshold",
        "near the runner-up",
        "not seen",
    ]
    assert ordered(Order.AGENT, seen=seen)[-4:-1] == [
        "near the threshold",
        "near the runner-up",
        "a tie far below",
    ]
    for order in (Order.CLOSEST, Order.AGENT):
        assert ordered(order, anyway, seen) == ordered(order)


def test_closest_to_threshold_or_margin_comes_first():
    """What was not looked at comes last."""
    assert ordered(Order.CLOSEST) == [
        "near the runner-up",
        "near the threshold",
        "no runner-up",
        "clear",
        "a tie far below",
        "not seen",
    ]


def test_an_agents_own_threshold_counts_where_it_is_switched_on():
    """Then 0.79 is close to 0.8."""
    policy = Policy(0.5, ThresholdSource.EMBEDDER, per_agent=True)

    assert ordered(Order.CLOSEST, policy)[:3] == [
        "near the runner-up",
        "no runner-up",
        "near the threshold",
    ]


def test_by_agent_follows_the_registry():
    """Nobody's come last, a margin makes more of them."""
    assert ordered(Order.AGENT) == [
        "near the threshold",
        "no runner-up",
        "clear",
        "near the runner-up",
        "a tie far below",
        "not seen",
    ]
    assert ordered(Order.AGENT, Policy(0.5, ThresholdSource.EMBEDDER, margin=0.35)) == [
        "no runner-up",
        "clear",
        "near the threshold",
        "near the runner-up",
        "a tie far below",
        "not seen",
    ]


def test_a_queue_is_looked_at_in_parts(router):
    """Whoever stops listening keeps what was seen, and goes on from there."""
    queries = [f"first {at}" for at in range(250)]

    async def look(seen=NOTHING_SEEN):
        return [len(each) async for each in look_ahead(router, queries, POLICY, seen)]

    async def first():
        async for seen in look_ahead(router, queries, POLICY):
            return seen
        return NOTHING_SEEN

    assert asyncio.run(look()) == [100, 200, 250]
    assert asyncio.run(look(asyncio.run(first()))) == [200, 250]


def test_what_is_seen_is_how_a_route_ends(router):
    """Best, score and lead are those of the decision."""
    query = "the second one"
    route = asyncio.run(router.route(query, POLICY))

    async def look():
        return [seen async for seen in look_ahead(router, [query], POLICY)]

    (seen,) = asyncio.run(look())

    assert REGISTRY.agents[seen.best[0]] is route.decision.best.agent
    assert seen.scores[0] == np.float32(route.decision.best.score)
    assert seen.leads[0] == np.float32(route.decision.margin)
