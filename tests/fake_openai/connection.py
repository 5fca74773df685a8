"""Sockets, requests and answers on loopback, whole or broken off."""

import asyncio
import functools
import socket
import threading
import zlib
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .wire import HOST, Json, Receive, Reply, Send

DRIP_SECONDS = 0.05
FLOOD = b" " * 2**16


@functools.cache
def bursting() -> bytes:
    """Return 64 MB of zeros as 64 kB of gzip."""
    packer = zlib.compressobj(wbits=31)
    packed = [packer.compress(bytes(2**20)) for _ in range(64)]
    return b"".join([*packed, packer.flush()])


class Connection(H11Protocol):
    """Uvicorn's connection, which the application can reach in order to cut it."""

    def __init__(self, config: uvicorn.Config, *, app_state: Json, **rest: Any) -> None:
        super().__init__(config, app_state={**app_state, "connection": self}, **rest)


def listening(port: int) -> socket.socket:
    """Return a socket that listens on loopback.

    It names its protocol, or else asyncio leaves Nagle's algorithm on, and every answer in two
    parts waits 40 ms for the client's acknowledgement.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


class LoopbackServer(uvicorn.Server):
    """Uvicorn that stops at once when told, and does not poll for it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End the main loop, from whichever thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        """Wait until told to stop."""
        self._loop = asyncio.get_running_loop()
        self.ready.set()
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, cut the connections and wait for their tasks."""
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        await asyncio.sleep(0)
        while self.server_state.connections:
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks)
        for server in self.servers:
            await server.wait_closed()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request's way in and its answer's way out."""

    scope: Json
    receive: Receive
    send: Send

    async def body(self) -> bytes | None:
        """Return the request's body, or None where the client went away."""
        parts: list[bytes] = []
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(parts)

    async def gone(self) -> None:
        """Wait until the client goes away."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def stays(self, seconds: float) -> bool:
        """Wait this long, and tell whether the client is still there."""
        if seconds <= 0:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self.gone()
        except TimeoutError:
            return True
        return False

    async def go_on(self, piece: bytes, pause_seconds: float) -> None:
        """Send the same piece again and again, until the client goes away."""
        gone = asyncio.create_task(self.gone())
        while not gone.done():
            await self.part(piece, more=True)
            await asyncio.wait([gone], timeout=pause_seconds)

    async def cut(self) -> None:
        """Close the connection, whatever was sent of the answer."""
        self.scope["state"]["connection"].transport.close()
        await self.gone()

    async def head(self, status: int, headers: dict[str, str]) -> None:
        """Send the status and the headers."""
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})

    async def part(self, body: bytes, *, more: bool) -> None:
        """Send a part of the body."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})


async def deliver(
    exchange: Exchange, reply: Reply, headers: dict[str, str], fault: str | None
) -> None:
    """Send a reply over the wire, whole or with a fault of the transfer."""
    parts = reply.parts
    if reply.status == 200 and fault == "broken_json":
        parts = (reply.body[: len(reply.body) // 2],)
    elif reply.status == 200 and fault == "html":
        parts = (b"<!doctype html><title>Sign in</title><p>Welcome to this network.</p>",)
        headers = {**headers, "content-type": "text/html; charset=utf-8"}
    elif reply.status == 200 and fault == "half_body":
        length = len(reply.body)
        await exchange.head(reply.status, {**headers, "content-length": str(length)})
        await exchange.part(reply.body[: length // 2], more=True)
        await exchange.cut()
        return
    elif reply.status == 200 and fault in {"drip", "endless"}:
        await exchange.head(reply.status, headers)
        await exchange.go_on(*((b" ", DRIP_SECONDS) if fault == "drip" else (FLOOD, 0.0)))
        return
    elif reply.status == 200 and fault == "compressed":
        parts = (bursting(),)
        headers = {**headers, "content-encoding": "gzip"}
    if len(parts) == 1:
        headers = {**headers, "content-length": str(len(parts[0]))}
    await exchange.head(reply.status, headers)
    for part in parts[:-1]:
        await exchange.part(part, more=True)
    await exchange.part(parts[-1], more=False)
