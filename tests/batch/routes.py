"""Routes of a batch."""

import csv
from concurrent.futures import Future

from handoff.batch.checkpoint import BatchGround
from handoff.batch.run import Lanes
from handoff.core.model import Policy, ThresholdSource

GROUND = BatchGround("input", "registry", "policy", "embedder", "tagger")

POLICY = Policy(0.23, ThresholdSource.EMBEDDER)


class Lost(BaseException):
    """The process ends here."""


def route(text):
    """Return cells that tell which text they belong to."""
    return (f"agent of {text}", "selected", "0.5", "0.23", "0.1", "", "", "")


def lanes(rows=2, in_flight=1, lost_after=None):
    """Return lanes that answer at once, and that lose the process after some chunks."""
    started = []

    def submit(texts):
        started.append(list(texts))
        future = Future()
        if lost_after is not None and len(started) > lost_after:
            future.set_exception(Lost())
        else:
            future.set_result([route(text) for text in texts])
        return future

    return Lanes(submit, rows, in_flight)


def written(target):
    """Return the rows of an output as dictionaries."""
    with target.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
