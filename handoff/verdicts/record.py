"""One entry of the verdict log: what a person said of a route, and its strict reading."""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from handoff.core.errors import QueryError, TableError
from handoff.core.model import Outcome, Policy, ThresholdSource
from handoff.core.texts import parse_query, shorten

Choice = TypeVar("Choice", bound=StrEnum)

_HALF = re.compile("[\ud800-\udfff]")

LONGEST_NOTE = 2_000
LONGEST_NAME = 80
LONGEST_EMBEDDER = 2_000
UNDO = "undo"
FIELDS = (
    "id",
    "what",
    "undoes",
    "query",
    "outcome",
    "agent",
    "expected",
    "threshold",
    "scores",
    "policy",
    "fingerprint",
    "embedder",
    "who",
    "when",
    "note",
)
"""What a record may hold; one of an undo has id, what, undoes, who and when."""


class VerdictsError(TableError):
    """A verdict log, or a file of verdicts, that cannot be used."""


class RecordError(Exception):
    """A record that is no entry.

    Attributes:
        field: Where it is wrong.
        expected: What is wrong and what to do about it, without a full stop.
    """

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: {expected}")
        self.field = field
        self.expected = expected


class VerdictKind(StrEnum):
    """What a person said of a route."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person said of one route, with all that led to the route.

    Attributes:
        id: The entry's own, unique everywhere.
        query: What was routed.
        outcome: What the decision came to.
        agent: The id of who got it; None for nobody.
        scores: The best few agents' ids with their scores, best first.
        threshold: The one that judged.
        policy: How the evidence was judged.
        fingerprint: The registry's.
        embedder: Its identity.
        who: The reviewer.
        when: In UTC.
        what: What they said.
        expected: With `WRONG`, the id of who should have had it; None for nobody.
        note: What they added; often empty.
    """

    id: str
    query: str
    outcome: Outcome
    agent: str | None
    scores: tuple[tuple[str, float], ...]
    threshold: float
    policy: Policy
    fingerprint: str
    embedder: str
    who: str
    when: datetime
    what: VerdictKind
    expected: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Undo:
    """A verdict taken back.

    Attributes:
        id: The entry's own.
        undoes: The verdict's id.
        who: Who took it back.
        when: In UTC.
    """

    id: str
    undoes: str
    who: str
    when: datetime


Entry = Verdict | Undo
Record = Mapping[str, object]


def parse_note(text: str) -> str:
    """Return a note or a name on one line, without characters that cannot be kept."""
    spoken = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(spoken.split())[:LONGEST_NOTE]


def entry_to_record(entry: Entry) -> dict[str, object]:
    """Return an entry as values that JSON has; `parse_record` reads them back."""
    if isinstance(entry, Undo):
        return {
            "id": entry.id,
            "what": UNDO,
            "undoes": entry.undoes,
            "who": entry.who,
            "when": entry.when.isoformat(),
        }
    return {
        "id": entry.id,
        "what": entry.what.value,
        "query": entry.query,
        "outcome": entry.outcome.value,
        "agent": entry.agent,
        "expected": entry.expected,
        "threshold": entry.threshold,
        "scores": [list(pair) for pair in entry.scores],
        "policy": asdict(entry.policy) | {"source": entry.policy.source.value},
        "fingerprint": entry.fingerprint,
        "embedder": entry.embedder,
        "who": entry.who,
        "when": entry.when.isoformat(),
        "note": entry.note,
    }


def parse_record(record: Record) -> Entry:
    """Return the entry that a record holds.

    Raises:
        RecordError: At the first value that is wrong.
    """
    for name in record:
        if name not in FIELDS:
            raise RecordError(shorten(str(name)), f"an entry has only {', '.join(FIELDS)}")
    number, who, when = _text(record, "id"), _text(record, "who"), _moment(record)
    if record.get("what") == UNDO:
        return Undo(number, _text(record, "undoes"), who, when)
    what = _choice(record, "what", VerdictKind)
    outcome = _choice(record, "outcome", Outcome)
    agent, expected = _optional_text(record, "agent"), _optional_text(record, "expected")
    if (agent is not None) != (outcome is Outcome.SELECTED):
        raise RecordError("agent", "exactly an outcome of selected names who got the query")
    if expected is not None and what is not VerdictKind.WRONG:
        raise RecordError("expected", "only a verdict of wrong says who should have had it")
    try:
        query = parse_query(_text(record, "query", None))
    except QueryError as error:
        raise RecordError("query", f"{error.problem}, {error.mend}") from None
    return Verdict(
        id=number,
        query=query,
        outcome=outcome,
        agent=agent,
        scores=_scores(record),
        threshold=_number(record.get("threshold"), "threshold"),
        policy=_policy(record),
        fingerprint=_text(record, "fingerprint"),
        embedder=_text(record, "embedder", LONGEST_EMBEDDER),
        who=who,
        when=when,
        what=what,
        expected=expected,
        note=parse_note(_optional_text(record, "note", None) or ""),
    )


def _text(record: Record, field: str, longest: int | None = LONGEST_NAME) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value.strip():
        raise RecordError(field, "it must be a text, fill it in")
    if _HALF.search(value):
        raise RecordError(field, "it holds half a character, export it again or remove that")
    if longest is not None and (len(value) > longest or not value.isprintable()):
        raise RecordError(field, f"at most {longest} printable characters are allowed, shorten it")
    return value


def _optional_text(record: Record, field: str, longest: int | None = LONGEST_NAME) -> str | None:
    return None if record.get(field) in (None, "") else _text(record, field, longest)


def _choice(record: Record, field: str, kind: type[Choice]) -> Choice:
    try:
        return kind(str(record.get(field)))
    except ValueError:
        listed = ", ".join(each.value for each in kind)
        raise RecordError(field, f"it must be one of {listed}") from None


def _moment(record: Record) -> datetime:
    try:
        moment = datetime.fromisoformat(str(record.get("when")))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RecordError("when", "it must be a time like 2026-01-31T12:00:00+00:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise RecordError("when", "it is before the year 1 or after 9999, correct it") from None


def _number(value: object, field: str) -> float:
    try:
        if not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value):
            return float(value)
    except OverflowError:
        # A whole number of hundreds of digits, which JSON allows.
        pass
    raise RecordError(field, "it must be a number, and a finite one")


def _scores(record: Record) -> tuple[tuple[str, float], ...]:
    found = record.get("scores")
    if not isinstance(found, list) or not found:
        raise RecordError("scores", "it must be a list of agents with their scores")
    pairs = []
    for pair in found:
        if not isinstance(pair, list) or len(pair) != len(("agent", "score")):
            raise RecordError("scores", "each must be an agent's id and a number")
        agent = _text({"scores": pair[0]}, "scores")
        pairs.append((agent, _number(pair[1], "scores")))
    return tuple(pairs)


def _policy(record: Record) -> Policy:
    found = record.get("policy")
    if not isinstance(found, Mapping):
        raise RecordError("policy", "it must be an object")
    known = {field.name: field.type for field in fields(Policy)}
    if unknown := set(found) - set(known):
        raise RecordError("policy", f"it has no '{shorten(str(min(unknown)))}'")
    # Before that switch there was no such rule: every query was judged by its scores.
    values = {"known_scripts_only": False, **found}
    source = _choice({"policy": values.pop("source", None)}, "policy", ThresholdSource)
    for name, value in values.items():
        if known[name] is bool:
            if not isinstance(value, bool):
                raise RecordError("policy", f"{name} must be true or false")
        else:
            values[name] = _number(value, "policy")
    if "threshold" not in values:
        raise RecordError("policy", "it must hold a threshold")
    return Policy(source=source, **values)
