"""What stands for OpenAI in `python benchmarks/remote.py`: servers that count, and a clock."""

import asyncio
import multiprocessing
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from tests.fake_openai import FakeOpenAI, Fault, Json, Receive, Send

CHAT_SECONDS, EMBEDDINGS_SECONDS = 0.5, 0.2
SETTLED_SECONDS = 0.05


def serve(pipe: "Connection[Any, Any]") -> None:
    """Serve until told to stop; a list begins a scenario with its faults, "count" asks."""
    with FakeOpenAI(
        chat_delay_seconds=CHAT_SECONDS, embeddings_delay_seconds=EMBEDDINGS_SECONDS
    ) as server:
        pipe.send(server.base_url)
        while (said := pipe.recv()) != "stop":
            if said == "count":
                pipe.send(len(server.requests))
                continue
            server.mend()
            server.clear()
            for fault, details in said:
                server.fail("/v1/", fault, times=None, **details)
            pipe.send("ready")


class Upstream:
    """The fake OpenAI in a process of its own."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        self.base_url: str = self._pipe.recv()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipe.send("stop")
        self._process.join()

    def begin(self, fault: Fault | None = None) -> None:
        """Count from zero, with every request meeting this fault."""
        details = {"status": 503} if fault == "server_error" else {}
        self._pipe.send([] if fault is None else [(fault, details)])
        self._pipe.recv()

    def count(self) -> int:
        """Return how many requests came since."""
        self._pipe.send("count")
        return int(self._pipe.recv())


class StampingServer(FakeOpenAI):
    """A server on a thread that notes when requests came, by the fake clock."""

    def __init__(self, clock: "FakeClock") -> None:
        super().__init__()
        self._clock = clock
        self.stamps: list[float] = []
        clock.stamps = self.stamps

    async def __call__(self, scope: Json, receive: Receive, send: Send) -> None:
        """Note the time, then serve."""
        self.stamps.append(self._clock())
        await super().__call__(scope, receive, send)


class FakeClock:
    """A clock that stands still until somebody sleeps."""

    def __init__(self) -> None:
        self.stamps: list[float] = []
        self._now = 0.0

    def __call__(self) -> float:
        """Return the seconds slept so far."""
        return self._now

    async def sleep(self, length: float) -> None:
        """Let requests under way arrive, then jump."""
        arrived = -1
        while arrived != len(self.stamps):
            arrived = len(self.stamps)
            await asyncio.sleep(SETTLED_SECONDS)
        self._now += length
