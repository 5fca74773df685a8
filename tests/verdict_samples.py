"""Verdicts for tests."""

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta

from handoff.core.model import Outcome, Policy, ThresholdSource
from handoff.verdicts.record import Undo, Verdict, VerdictKind

START = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
BASE = Verdict(
    id="",
    query="bread from the oven please",
    outcome=Outcome.SELECTED,
    agent="baker",
    scores=(("baker", 0.1 + 0.2), ("florist", -0.05)),
    threshold=0.23,
    policy=Policy(0.23, ThresholdSource.EMBEDDER, margin=0.01),
    fingerprint="f" * 64,
    embedder="scripted-embedder-1",
    who="Ada",
    when=START,
    what=VerdictKind.RIGHT,
)


def given(minutes=0, **changed):
    """Return a verdict of its own, so many minutes after the first."""
    made = {"id": uuid.uuid4().hex, "when": START + timedelta(minutes=minutes)}
    return dataclasses.replace(BASE, **(made | changed))


def refused(**changed):
    """Return a verdict on a route that went to nobody."""
    return given(**({"outcome": Outcome.BELOW_THRESHOLD, "agent": None} | changed))


def taken_back(verdict, minutes=60):
    """Return the entry that takes a verdict back."""
    return Undo(uuid.uuid4().hex, verdict.id, verdict.who, START + timedelta(minutes=minutes))
