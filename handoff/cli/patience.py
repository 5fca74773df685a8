"""What a person who waits at a terminal is told, if it takes long."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from handoff.cli.options import complain

PATIENCE_SECONDS = 3.0
"""Shorter waits need no word."""


@contextmanager
def told_if_slow(say: Callable[[], str]) -> Generator[None]:
    """Say something on standard error where what is done within takes longer than a moment.

    Args:
        say: Returns the sentence, empty for none; called then, and not before.
    """

    def tell() -> None:
        told = say()
        if told:
            complain(told)

    timer = threading.Timer(PATIENCE_SECONDS, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
