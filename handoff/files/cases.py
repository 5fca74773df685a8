"""From cases.csv to labelled queries."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from handoff.core.errors import CasesError, QueryError
from handoff.core.model import Registry
from handoff.core.texts import csv_text, parse_query, shorten
from handoff.files.csv_table import Shape, find_columns, load_bytes, parse_rows
from handoff.files.whole_file import write_whole

SHAPE = Shape(required=("query", "expected"), optional=("chip",), old=("example",))
_LINE_END = re.compile("\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled query.

    Attributes:
        query: As `parse_query` returned it.
        expected: The id of the agent that should take it; None where nobody should.
        chip: A short label that makes the query a chip on the page; empty for most.
        line: Where it stands in its file.
    """

    query: str
    expected: str | None
    chip: str
    line: int


@dataclass(frozen=True, slots=True)
class FailedCase:
    """A row that cannot be a case, kept beside those that can."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Cases:
    """A set of labelled queries.

    Attributes:
        cases: Those that can be used.
        failed: Those that cannot, with their lines.
        old_column: Whether the file calls the column chip by its old name, example.
    """

    cases: tuple[Case, ...]
    failed: tuple[FailedCase, ...]
    old_column: bool = False

    @property
    def contradictions(self) -> list[tuple[Case, Case]]:
        """Cases that label the query of an earlier one otherwise, after that one."""
        first: dict[str, Case] = {}
        pairs = []
        for case in self.cases:
            earlier = first.setdefault(case.query, case)
            if earlier.expected != case.expected:
                pairs.append((earlier, case))
        return pairs

    @property
    def repeated(self) -> int:
        """How many cases repeat an earlier one, label and all."""
        return len(self.cases) - len({(case.query, case.expected) for case in self.cases})

    @property
    def chips(self) -> dict[str, str]:
        """The queries that carry a label, by label, in file order; the first of a label counts."""
        labelled: dict[str, str] = {}
        for case in self.cases:
            if case.chip:
                labelled.setdefault(case.chip, case.query)
        return labelled


def load_cases(path: Path, registry: Registry, *others: Registry) -> Cases:
    """Read labelled queries from a file; see `parse_cases`.

    Raises:
        CasesError: The file cannot be read, or its shape is wrong; names the place.
    """
    return parse_cases(load_bytes(path, CasesError), shorten(path.name), registry, *others)


def parse_cases(data: bytes, source: str, registry: Registry, *others: Registry) -> Cases:
    """Read labelled queries from a file's bytes.

    A query that is empty or too long, or an expected agent that the registry does not have, is one
    failed case; the rest stays.

    Args:
        data: CSV with the columns query, expected (an agent's id, empty for nobody) and, if
            wanted, chip, which used to be called example.
        source: The file's name for complaints.
        registry: Whose agents may be expected.
        others: More registries whose agents may be.

    Raises:
        CasesError: The file's shape is wrong.
    """
    found = parse_known_cases(data, source, registry, *others)
    if not found.cases and not found.failed:
        raise CasesError(f"{source} has a header but no case: add a row for each query.")
    return found


def parse_known_cases(data: bytes, source: str, registry: Registry, *others: Registry) -> Cases:
    """Read a file that cases are to be added to: a header alone will do; see `parse_cases`.

    Raises:
        CasesError: The file's shape is wrong.
    """
    cases: list[Case] = []
    failed: list[FailedCase] = []
    old_column = False
    for row in parse_rows(data, source, CasesError, SHAPE):
        old_column = bool(row.columns["example"])
        expected = row["expected"].strip() or None
        if expected is not None and not any(
            expected in each.positions for each in (registry, *others)
        ):
            complaint = row.complaint(
                CasesError, "expected", f"no agent has the id '{shorten(expected)}'"
            )
            failed.append(FailedCase(row.line, str(complaint)))
            continue
        try:
            query = parse_query(row["query"])
        except QueryError as failure:
            complaint = row.complaint(CasesError, "query", f"{failure.problem}, {failure.mend}")
            failed.append(FailedCase(row.line, str(complaint)))
            continue
        chip = " ".join((row["chip"] or row["example"]).split())
        cases.append(Case(query, expected, chip, row.line))
    return Cases(tuple(cases), tuple(failed), old_column)


def format_cases(cases: Iterable[Case]) -> str:
    """Return labelled queries as CSV; `parse_cases` reads them back."""
    rows = ((case.query, case.expected or "", case.chip) for case in cases)
    return csv_text([(*SHAPE.required, "chip"), *rows])


def append_cases(data: bytes, source: str, cases: Iterable[Case]) -> str:
    """Return a file of cases with more of them at its end; what it holds stays as it is.

    Args:
        data: The file's bytes, as `parse_cases` takes them.
        source: Its name for complaints.
        cases: The new ones.

    Raises:
        CasesError: The file's shape is wrong, or the new text would not be read back as the old
            cases and the new ones.
    """
    old = [row.cells for row in parse_rows(data, source, CasesError, SHAPE)]
    columns = find_columns(data, source, CasesError, SHAPE)
    new = [_cells(case, columns) for case in cases]
    places = {place: name for name, place in columns.items() if place}
    order = [places.get(place, "") for place in range(1, max(places) + 1)]
    # With its byte order mark, if it has one.
    held = data.decode()
    found = _LINE_END.search(held)
    end = found.group() if found else "\n"
    lines = csv_text([cells[name] for name in order] for cells in new).replace("\n", end)
    grown = held + ("" if held.endswith(("\n", "\r")) else end) + lines
    read = [row.cells for row in parse_rows(grown.encode(), source, CasesError, SHAPE)]
    if read != [*old, *new]:
        raise CasesError(
            f"{source} would not hold the labels as they were given: nothing was written, save the "
            "file as CSV (UTF-8) with plain line ends and add them again."
        )
    return grown


def add_cases(path: Path, cases: Iterable[Case]) -> None:
    """Add cases to the end of a file, made where there is none; whoever does is its `sole_writer`.

    Raises:
        CasesError: The file cannot be read or written; it is as it was.
    """
    held = load_bytes(path, CasesError) if path.exists() else format_cases(()).encode()
    write_whole(path, append_cases(held, shorten(path.name), cases), CasesError)


def _cells(case: Case, columns: Mapping[str, int]) -> Mapping[str, str]:
    """Return a case as the cells of a file's columns; those that it lacks are empty."""
    cells = {"query": case.query, "expected": case.expected or "", "chip": case.chip}
    cells["example"] = case.chip
    return {name: cells[name] if place else "" for name, place in columns.items()}
