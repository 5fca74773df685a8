"""What a visitor of the page has not saved: as values, and as the text of a file."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from handoff.core.errors import DraftsError, HandoffError
from handoff.core.model import Example, Registry
from handoff.files.cases import Case
from handoff.files.registry import SHAPE, Cells, parse_table, table_of

VERSION = 1

_COLUMNS = len(SHAPE.required + SHAPE.optional)
_Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class LentFile:
    """A file that a visitor uploaded: nobody else sees it.

    Attributes:
        name: As the visitor's own machine calls it.
        data: What it holds.
        digest: What tells it from every file that holds something else, after a restart too.
        file_id: Under which the server holds it.
    """

    name: str
    data: bytes
    digest: str
    file_id: str


@dataclass(frozen=True, slots=True)
class EditedAgents:
    """Agents that were edited and not saved.

    Attributes:
        source: Which registry is edited.
        started_from: What it held when the edits began.
        settled: Its rows as they were typed then.
        rows: The rows as they were typed since.
    """

    source: str
    started_from: Registry
    settled: tuple[Cells, ...]
    rows: tuple[Cells, ...]


@dataclass(frozen=True, slots=True)
class ChosenExamples:
    """Examples that were chosen and not saved.

    Attributes:
        began_from: What the file held when the choice began.
        chosen: What routing learns from instead.
    """

    began_from: tuple[Example, ...]
    chosen: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Drafts:
    """All that a visitor has not saved.

    Attributes:
        agents: One for each registry that was edited.
        examples: None where nothing was chosen.
        labels: Queries that were labelled, for the agents on disk.
        own_labels: The same for agents that were uploaded.
        files: What was uploaded, by what it holds: agents, cases, queue.
    """

    agents: tuple[EditedAgents, ...] = ()
    examples: ChosenExamples | None = None
    labels: tuple[Case, ...] = ()
    own_labels: tuple[Case, ...] = ()
    files: Mapping[str, LentFile] = field(default_factory=dict)


def lend(name: str, data: bytes, file_id: str | None = None) -> LentFile:
    """Return a file that a visitor uploaded; the server holds it under its digest unless told."""
    digest = hashlib.sha256(data).hexdigest()
    return LentFile(name, data, digest, file_id or digest)


def format_drafts(drafts: Drafts) -> str:
    """Return drafts as JSON; `parse_drafts` reads them back."""
    examples = drafts.examples
    document = {
        "version": VERSION,
        "agents": [
            [one.source, table_of(one.started_from), one.settled, one.rows] for one in drafts.agents
        ],
        "examples": examples and [_pairs(examples.began_from), _pairs(examples.chosen)],
        "labels": _labels(drafts.labels),
        "own_labels": _labels(drafts.own_labels),
        "files": {
            kind: [file.name, base64.b64encode(file.data).decode()]
            for kind, file in drafts.files.items()
        },
    }
    # What somebody pasted may hold half a character, which only an escape can carry.
    return json.dumps(document, ensure_ascii=True)


def parse_drafts(text: str) -> Drafts:
    """Read drafts from JSON.

    Raises:
        DraftsError: They were not written by this version of `format_drafts`.
    """
    try:
        document = _of_this_version(json.loads(text))
        return Drafts(
            agents=tuple(_agents(*one) for one in document["agents"]),
            examples=None
            if document["examples"] is None
            else ChosenExamples(*map(_examples, document["examples"])),
            labels=_cases(document["labels"]),
            own_labels=_cases(document["own_labels"]),
            files={
                kind: lend(_text(name), base64.b64decode(data, validate=True))
                for kind, (name, data) in document["files"].items()
            },
        )
    except (
        HandoffError,
        AttributeError,
        KeyError,
        RecursionError,
        TypeError,
        ValueError,
        binascii.Error,
    ):
        raise DraftsError(
            "What you had not saved could not be read back after the page was opened anew: "
            "please enter it again."
        ) from None


def _of_this_version(document: _Json) -> _Json:
    if document["version"] != VERSION:
        raise ValueError(document["version"])
    return document


def _pairs(examples: tuple[Example, ...]) -> list[tuple[str, str | None]]:
    return [(one.query, one.agent) for one in examples]


def _labels(cases: tuple[Case, ...]) -> list[tuple[str, str | None, str, int]]:
    return [(one.query, one.expected, one.chip, one.line) for one in cases]


def _agents(source: _Json, started_from: _Json, settled: _Json, rows: _Json) -> EditedAgents:
    return EditedAgents(
        _text(source), parse_table(_rows(started_from)), _rows(settled), _rows(rows)
    )


def _rows(rows: _Json) -> tuple[Cells, ...]:
    read = tuple(tuple(_text(cell) for cell in row) for row in rows)
    if any(len(row) != _COLUMNS for row in read):
        raise ValueError(rows)
    return cast("tuple[Cells, ...]", read)


def _examples(pairs: _Json) -> tuple[Example, ...]:
    return tuple(Example(_text(query), _text_or_none(agent)) for query, agent in pairs)


def _cases(labels: _Json) -> tuple[Case, ...]:
    return tuple(
        Case(_text(query), _text_or_none(expected), _text(chip), int(line))
        for query, expected, chip, line in labels
    )


def _text_or_none(said: _Json) -> str | None:
    return None if said is None else _text(said)


def _text(said: _Json) -> str:
    if not isinstance(said, str):
        raise TypeError(said)
    return said
