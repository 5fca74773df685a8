"""Routes over the server that speaks OpenAI's wire format, and what is asked of it."""

import asyncio
import contextlib
from collections import Counter
from contextlib import asynccontextmanager

from fake_openai import (
    CHAT,
    EMBEDDINGS,
    FakeOpenAI,
)

from handoff.bootstrap import build_connection, build_router
from handoff.core.model import Agent, Registry
from handoff.files.policy import load_policy

KEY = "sk-test-SECRETKEY123"

SECRET = "SECRETKEY"  # noqa: S105 - it opens nothing

REGISTRY = Registry(
    (
        Agent("baker", "Baker", "Bakes bread and cakes in a wood oven.", ("bread", "oven")),
        Agent("florist", "Florist", "Binds flowers into bouquets.", ("flowers", "wedding day")),
        Agent("mover", "Mover", "Carries furniture into a new flat."),
    )
)

QUERY = "Who sells bread for a wedding day?"

POLICY = load_policy(None, 1.0)
"""So strict that nobody is selected, and no agent is asked."""

WHO = "The server of OPENAI_BASE_URL"


class WatchedServer(FakeOpenAI):
    """Counts the requests under way, and can hold each endpoint back until both were asked."""

    def watch(self):
        """Begin to count anew."""
        self.under_way = Counter()
        self.most_at_once = Counter()
        self.seen = set()
        self.both_first = False
        self.both_seen = asyncio.Event()

    async def __call__(self, scope, receive, send):
        """Serve one request and count it while it lasts."""
        path = scope["path"]
        self.seen.add(path)
        if {CHAT, EMBEDDINGS} <= self.seen:
            self.both_seen.set()
        self.under_way[path] += 1
        self.most_at_once[path] = max(self.most_at_once[path], self.under_way[path])
        try:
            if self.both_first:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.both_seen.wait(), 10)
            await super().__call__(scope, receive, send)
        finally:
            self.under_way[path] -= 1


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self):
        self.now = 0.0
        self.naps = []

    def __call__(self):
        """Return the time."""
        return self.now

    async def sleep(self, seconds):
        """Let the time pass at once."""
        self.naps.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@asynccontextmanager
async def joined(settings, registry=REGISTRY, connection=None, *, on_disk=True):
    """Give a router and its connection, which is closed on the loop that used it."""
    connection = build_connection(settings) if connection is None else connection
    try:
        yield build_router(settings, registry, connection, on_disk=on_disk), connection
    finally:
        await connection.close()


def run_with(settings, work, registry=REGISTRY, connection=None, *, on_disk=True):
    """Run work with a router and its connection, on one loop."""

    async def inside():
        async with joined(settings, registry, connection, on_disk=on_disk) as parts:
            return await work(*parts)

    return asyncio.run(inside())


def embedded(settings, texts, **options):
    """Return the rows of texts."""
    return run_with(settings, lambda router, _: router.embedder.embed(texts), **options)


def extracted(settings, queries, **options):
    """Return the tags of queries."""
    return run_with(settings, lambda router, _: router.tagger.extract(queries), **options)


def routed(settings, query=QUERY, **options):
    """Return the route of a query."""
    return run_with(settings, lambda router, _: router.route(query, POLICY), **options)


def counted(server):
    """Return how many requests each endpoint received."""
    return Counter(request.path for request in server.requests)


def facts_of(route, stage):
    """Return what a stage of a route says of itself."""
    (facts,) = [span.facts for span in route.spans if span.name == stage]
    return facts


def chain(error):
    """Yield an error and all that lie behind it."""
    waiting, seen = [error], []
    while waiting:
        one = waiting.pop()
        if one is not None and all(one is not other for other in seen):
            seen.append(one)
            waiting += [one.__cause__, one.__context__]
            yield one
