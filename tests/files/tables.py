"""A table read from its text."""

from handoff.core.errors import TableError
from handoff.files.csv_table import Shape, parse_rows

SHAPE = Shape(required=("id", "text"), optional=("note",))

MB = 2**20


def read(data):
    """Return the rows of a table."""
    return list(parse_rows(data, "table.csv", TableError, SHAPE))
