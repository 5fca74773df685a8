"""From agents.csv to a registry."""

from collections.abc import Iterable
from pathlib import Path

from handoff.core.errors import RegistryError, TableError
from handoff.core.model import Agent, Registry
from handoff.core.texts import csv_text, parse_number, shorten, steering_character
from handoff.files.csv_table import Row, Shape, load_bytes, parse_rows
from handoff.files.sole_writer import sole_writer
from handoff.files.whole_file import keep_copy, write_whole

SHAPE = Shape(required=("id", "name", "description", "tags"), optional=("threshold",))
Cells = tuple[str, str, str, str, str]
"""A row as it is typed: id, name, description, tags, threshold."""

MOST_AGENTS = 100_000
LARGEST_VOCABULARY = 5_000
MOST_TAGS_OF_AN_AGENT = 20
LONGEST_ID = 80
LONGEST_NAME = 200
LONGEST_DESCRIPTION = 2_000
LONGEST_TAG = 40


def load_registry(path: Path) -> Registry:
    """Read a registry from a file.

    Raises:
        RegistryError: The file cannot be read, or something in it is wrong; names the place.
    """
    return parse_registry(load_bytes(path, RegistryError), shorten(path.name))


def parse_registry(data: bytes, source: str) -> Registry:
    """Read a registry from a file's bytes.

    Args:
        data: CSV with the columns id, name, description, tags (separated by `;`) and, if wanted,
            threshold.
        source: The file's name for complaints.

    Raises:
        RegistryError: At the first thing that is wrong.
    """
    agents = _collect(parse_rows(data, source, RegistryError, SHAPE))
    if not agents:
        raise RegistryError(f"{source} has a header but no agent: add a row for each agent.")
    return Registry(agents)


def parse_table(table: Iterable[Cells]) -> Registry:
    """Read a registry from the rows of a table that a person edits, by the rules of a file.

    Rows of blank cells are passed over.

    Raises:
        RegistryError: At the first thing that is wrong; names the row, from 1, and its id.
    """
    # One row is one line, so that lines tell rows; a blank one is kept for the same reason.
    rows = [[" ".join(cell.splitlines()) for cell in row] for row in table]
    text = csv_text([SHAPE.required + SHAPE.optional, *rows])
    data = text.encode("utf-8", "surrogatepass")
    agents = _collect(
        _TableRow("The table", row.line - 1, row.cells, row.columns)
        for row in parse_rows(data, "The table", RegistryError, SHAPE)
    )
    if not agents:
        raise RegistryError("A registry needs at least one agent: add a row.")
    return Registry(agents)


def table_of(registry: Registry) -> tuple[Cells, ...]:
    """Return a registry as the rows of a table; `parse_table` reads them back."""
    return tuple(
        (
            agent.id,
            agent.name,
            agent.description,
            "; ".join(agent.tags),
            "" if agent.threshold is None else repr(agent.threshold),
        )
        for agent in registry.agents
    )


class _TableRow(Row):
    """A row of an edited table; it is called by its id."""

    __slots__ = ()

    def complaint(self, error: type[TableError], name: str, expected: str) -> TableError:
        """Return the error that names row, id and column."""
        called = self["id"].strip()
        named = f" ('{shorten(called)}')" if called else ""
        return error(f"Line {self.line} of the table{named}, {name}: {expected}.")


def _collect(rows: Iterable[Row]) -> tuple[Agent, ...]:
    """Return the agents of rows; raises RegistryError at the first thing that is wrong."""
    agents: list[Agent] = []
    lines: dict[str, int] = {}
    vocabulary: set[str] = set()
    for row in rows:
        agent = _agent(row)
        if agent.id in lines:
            raise row.complaint(
                RegistryError,
                "id",
                f"'{shorten(agent.id)}' is already the id of line {lines[agent.id]}, "
                "give each agent its own",
            )
        lines[agent.id] = row.line
        vocabulary.update(agent.tags)
        if len(vocabulary) > LARGEST_VOCABULARY:
            raise row.complaint(
                RegistryError,
                "tags",
                f"a registry may have {LARGEST_VOCABULARY:,} different tags, use fewer",
            )
        agents.append(agent)
        if len(agents) > MOST_AGENTS:
            raise row.complaint(
                RegistryError, "id", f"a registry may have {MOST_AGENTS:,} agents, remove some"
            )
    return tuple(agents)


def format_registry(registry: Registry) -> str:
    """Return a registry as CSV; `parse_registry` reads it back."""
    own = bool(registry.thresholds)
    rows = [SHAPE.required + SHAPE.optional * own]
    for agent in registry.agents:
        threshold = "" if agent.threshold is None else repr(agent.threshold)
        cells = (agent.id, agent.name, agent.description, ";".join(agent.tags))
        rows.append(cells + (threshold,) * own)
    return csv_text(rows)


def save_registry(path: Path, registry: Registry) -> None:
    """Write a registry, whole or not at all; what the file held is kept beside it, as .bak.

    Raises:
        RegistryError: The file or its copy cannot be written.
    """
    with sole_writer(path, RegistryError):
        _write(path, registry)


def replace_registry(path: Path, registry: Registry, expected: Registry | None) -> bool:
    """Save a registry, unless the file holds other agents than those that were expected.

    Args:
        path: The file.
        registry: What it is to hold.
        expected: What it is expected to hold; None where it was a file that cannot be read.

    Returns:
        Whether it was saved.

    Raises:
        RegistryError: The file cannot be read, and was expected to; or it cannot be written.
    """
    with sole_writer(path, RegistryError):
        try:
            held = load_registry(path).agents
        except RegistryError:
            if expected is not None:
                raise
            held = None
        if held != (None if expected is None else expected.agents):
            return False
        _write(path, registry)
    return True


def _write(path: Path, registry: Registry) -> None:
    keep_copy(path, RegistryError)
    write_whole(path, format_registry(registry), RegistryError)


def _agent(row: Row) -> Agent:
    name = _text(row, "name", LONGEST_NAME)
    description = _text(row, "description", LONGEST_DESCRIPTION)
    return Agent(_id(row), name, description, _tags(row), _threshold(row))


def _id(row: Row) -> str:
    identifier = row["id"].strip()
    if not identifier:
        raise row.complaint(RegistryError, "id", "the cell is empty, give the agent an id")
    if len(identifier) > LONGEST_ID:
        raise _too_long(row, "id", identifier, LONGEST_ID)
    if not identifier.isprintable():
        raise row.complaint(
            RegistryError,
            "id",
            f"'{shorten(identifier)}' holds a character that cannot be printed, remove it",
        )
    return identifier


def _text(row: Row, column: str, longest: int) -> str:
    text = " ".join(row[column].split())
    _refuse_steering(row, column, text)
    if not text:
        raise row.complaint(RegistryError, column, "the cell is empty, fill it in")
    if len(text) > longest:
        raise _too_long(row, column, text, longest)
    return text


def _tags(row: Row) -> tuple[str, ...]:
    spoken = (" ".join(tag.split()).lower() for tag in row["tags"].split(";"))
    tags = tuple(dict.fromkeys(tag for tag in spoken if tag))
    for tag in tags:
        _refuse_steering(row, "tags", tag)
        if len(tag) > LONGEST_TAG:
            raise row.complaint(
                RegistryError,
                "tags",
                f"the tag '{shorten(tag)}' has {len(tag):,} characters, at most {LONGEST_TAG} are "
                "allowed, separate tags by ;",
            )
    if len(tags) > MOST_TAGS_OF_AN_AGENT:
        raise row.complaint(
            RegistryError,
            "tags",
            f"{len(tags):,} tags, an agent may carry {MOST_TAGS_OF_AN_AGENT}, remove some",
        )
    return tags


def _threshold(row: Row) -> float | None:
    cell = row["threshold"].strip()
    if not cell:
        return None
    threshold = parse_number(cell)
    if not -1 <= threshold <= 1:
        raise row.complaint(
            RegistryError,
            "threshold",
            f"'{shorten(cell)}' is no number from -1 to 1, correct it or leave it empty",
        )
    return threshold


def _refuse_steering(row: Row, column: str, text: str) -> None:
    steering = steering_character(text)
    if steering is not None:
        raise row.complaint(
            RegistryError, column, f"the cell holds the control character {steering}, remove it"
        )


def _too_long(row: Row, column: str, text: str, longest: int) -> TableError:
    return row.complaint(
        RegistryError,
        column,
        f"{len(text):,} characters, at most {longest:,} are allowed, shorten it",
    )
