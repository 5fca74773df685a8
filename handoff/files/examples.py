"""From examples.csv to what routing learns from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from handoff.core.errors import ExamplesError, QueryError
from handoff.core.model import Example, Registry
from handoff.core.texts import csv_text, parse_query, shorten
from handoff.core.word_overlap import normal_form
from handoff.files.csv_table import Shape, load_bytes, parse_rows
from handoff.files.sole_writer import sole_writer
from handoff.files.whole_file import keep_copy, write_whole

SHAPE = Shape(required=("query", "agent"))
MOST_EXAMPLES = 5_000
"""Learning takes time with their cube."""


@dataclass(frozen=True, slots=True)
class Examples:
    """What a file of examples holds.

    Attributes:
        examples: In file order, no two of them near-duplicates.
        failed: Why rows were left out, one sentence each: an unknown agent, a query that cannot be
            used, a near-duplicate with another agent.
        repeated: How many rows were left out because they say the same as an earlier one.
    """

    examples: tuple[Example, ...] = ()
    failed: tuple[str, ...] = ()
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    """A query with the agent that should take it, or None, and the line it stands on."""

    line: int
    query: str
    agent: str | None


def load_examples(path: Path, registry: Registry) -> Examples:
    """Read examples from a file; see `parse_examples`.

    Raises:
        ExamplesError: The file cannot be read, or its shape is wrong; names the place.
    """
    return parse_examples(load_bytes(path, ExamplesError), shorten(path.name), registry)


def parse_examples(data: bytes, source: str, registry: Registry) -> Examples:
    """Read examples from a file's bytes; a row that cannot be one is left out and told.

    Args:
        data: CSV with the columns query and agent (an agent's id, empty for nobody).
        source: The file's name for complaints.
        registry: Whose agents may own examples.

    Raises:
        ExamplesError: The file's shape is wrong, or it has more than `MOST_EXAMPLES`.
    """
    rows: list[LabelledQuery] = []
    failed: list[str] = []
    for row in parse_rows(data, source, ExamplesError, SHAPE):
        agent = row["agent"].strip() or None
        if agent is not None and agent not in registry.positions:
            expected = f"no agent has the id '{shorten(agent)}'"
            failed.append(str(row.complaint(ExamplesError, "agent", expected)))
            continue
        try:
            rows.append(LabelledQuery(row.line, parse_query(row["query"]), agent))
        except QueryError as failure:
            expected = f"{failure.problem}, {failure.mend}"
            failed.append(str(row.complaint(ExamplesError, "query", expected)))
    found = collect_examples(rows, source)
    if len(found.examples) > MOST_EXAMPLES:
        raise ExamplesError(
            f"{source} has more than {MOST_EXAMPLES:,} different examples: leave some out."
        )
    return replace(found, failed=(*failed, *found.failed))


def collect_examples(labelled: Iterable[LabelledQuery], source: str) -> Examples:
    """Keep the first of near-duplicates; one that contradicts an earlier one is told.

    Args:
        labelled: Queries with who should take them.
        source: The file's name for complaints.
    """
    first: dict[str, LabelledQuery] = {}
    failed: list[str] = []
    repeated = 0
    for one in labelled:
        known = first.setdefault(normal_form(one.query), one)
        if known.agent != one.agent:
            failed.append(
                f"{source}, line {one.line} gives the query of line {known.line}, or nearly that "
                "one, to another agent: keep one of them."
            )
        elif known is not one:
            repeated += 1
    examples = tuple(Example(one.query, one.agent) for one in first.values())
    return Examples(examples, tuple(failed), repeated)


def format_examples(examples: Iterable[Example]) -> str:
    """Return examples as CSV; `parse_examples` reads them back."""
    rows = ((example.query, example.agent or "") for example in examples)
    return csv_text([SHAPE.required, *rows])


def save_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write examples, whole or not at all; what the file held is kept beside it, as .bak.

    Raises:
        ExamplesError: The file or its copy cannot be written.
    """
    with sole_writer(path, ExamplesError):
        _write(path, examples)


def replace_examples(path: Path, examples: Sequence[Example], expected: Registry) -> bool:
    """Save examples, unless the file holds others than the registry that they began from.

    Args:
        path: The file; where there is none, it holds none.
        examples: What it is to hold.
        expected: Agents with the examples that the file is expected to hold.

    Returns:
        Whether they were saved.

    Raises:
        ExamplesError: The file cannot be read or written.
    """
    with sole_writer(path, ExamplesError):
        held = load_examples(path, expected).examples if path.exists() else ()
        if held != expected.examples:
            return False
        _write(path, examples)
    return True


def _write(path: Path, examples: Sequence[Example]) -> None:
    keep_copy(path, ExamplesError)
    write_whole(path, format_examples(examples), ExamplesError)
