"""Serve as a process of its own: `python -m tests.fake_openai`, from the repository's root."""

import argparse
import signal
import sys
import threading

from .server import FakeOpenAI


def main() -> None:
    """Serve until interrupted, and print the address first."""
    parser = argparse.ArgumentParser(description="OpenAI's wire format on loopback")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--chat-ms", type=float, default=500)
    parser.add_argument("--embeddings-ms", type=float, default=200)
    options = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with FakeOpenAI(
        port=options.port,
        chat_delay_seconds=options.chat_ms / 1000,
        embeddings_delay_seconds=options.embeddings_ms / 1000,
    ) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        stopped.wait()


if __name__ == "__main__":
    main()
