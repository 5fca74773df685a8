"""From cases.csv to labelled queries."""

from dataclasses import dataclass
from pathlib import Path

from handoff.core.errors import CasesError, QueryError
from handoff.core.model import Registry
from handoff.core.texts import parse_query, shorten
from handoff.csv_table import Shape, load_bytes, parse_rows

SHAPE = Shape(required=("query", "expected"), optional=("example",))


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled query.

    Attributes:
        query: As `parse_query` returned it.
        expected: The id of the agent that should take it; None where nobody should.
        example: A short label for a page's chip; empty for most.
        line: Where it stands in its file.
    """

    query: str
    expected: str | None
    example: str
    line: int


@dataclass(frozen=True, slots=True)
class FailedCase:
    """A row that cannot be a case, kept beside those that can."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Cases:
    """A set of labelled queries; what failed is kept with its line."""

    cases: tuple[Case, ...]
    failed: tuple[FailedCase, ...]

    @property
    def examples(self) -> dict[str, str]:
        """The queries that carry a label, by label, in file order; the first of a label counts."""
        labelled: dict[str, str] = {}
        for case in self.cases:
            if case.example:
                labelled.setdefault(case.example, case.query)
        return labelled


def load_cases(path: Path, registry: Registry) -> Cases:
    """Read labelled queries from a file.

    Raises:
        CasesError: The file cannot be read, or its shape is wrong; names the place.
    """
    return parse_cases(load_bytes(path, CasesError), shorten(path.name), registry)


def parse_cases(data: bytes, source: str, registry: Registry) -> Cases:
    """Read labelled queries from a file's bytes.

    A query that is empty or too long, or an expected agent that the registry does not have, is one
    failed case; the rest stays.

    Args:
        data: CSV with the columns query, expected (an agent's id, empty for nobody) and, if
            wanted, example.
        source: The file's name for complaints.
        registry: Whose agents may be expected.

    Raises:
        CasesError: The file's shape is wrong.
    """
    cases: list[Case] = []
    failed: list[FailedCase] = []
    for row in parse_rows(data, source, CasesError, SHAPE):
        expected = row["expected"].strip() or None
        if expected is not None and expected not in registry.positions:
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
        cases.append(Case(query, expected, " ".join(row["example"].split()), row.line))
    if not cases and not failed:
        raise CasesError(f"{source} has a header but no case: add a row for each query.")
    return Cases(tuple(cases), tuple(failed))
