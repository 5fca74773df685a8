"""From cases.csv to labelled queries."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from handoff.core.errors import CasesError, QueryError
from handoff.core.model import Registry
from handoff.core.texts import csv_text, parse_query, shorten
from handoff.files.csv_table import Shape, load_bytes, parse_rows

SHAPE = Shape(required=("query", "expected"), optional=("chip",), old=("example",))


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
    if not cases and not failed:
        raise CasesError(f"{source} has a header but no case: add a row for each query.")
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
        CasesError: The file's shape is wrong.
    """
    for _ in parse_rows(data, source, CasesError, SHAPE):
        pass
    try:
        held = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CasesError(f"{source} holds bytes that are not UTF-8: save it as UTF-8.") from None
    header = [name.strip().lower() for name in next(csv.reader(io.StringIO(held)))]
    rows = []
    for case in cases:
        cells = {"query": case.query, "expected": case.expected or "", "chip": case.chip}
        cells["example"] = case.chip
        rows.append([cells.get(name, "") for name in header])
    return held + ("" if held.endswith("\n") else "\n") + csv_text(rows)
