"""Rows of a batch that cannot be used, beside those that can."""

import asyncio

import pytest
from routes import GROUND, POLICY, lanes, written

from handoff.batch.routing import (
    COLUMNS,
    FAILED,
    MOST_ROWS,
    route_texts,
    rows_at_once,
    trimmed,
)
from handoff.batch.rows import InputFile
from handoff.batch.run import run_batch
from handoff.core.errors import BatchError


@pytest.fixture
def read(tmp_path):
    """Return a function from a file's text to its rows as the batch reads them."""

    def rows(content):
        path = tmp_path / "rows.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        file = InputFile(path, COLUMNS)
        try:
            return list(file)
        finally:
            file.close()

    return rows


def test_bad_rows_stand_beside_good_ones(tmp_path, target):
    """Each keeps its place and its cells, and says why."""
    source = tmp_path / "in.csv"
    source.write_bytes(b'id,query\n1,good\n2,bad,"one\n3,caf\xe9\n4,also good\n5,a,b,c\n')

    *_, last = run_batch(source, target, GROUND, lanes(100), resume=False)
    rows = written(target)

    assert [row["outcome"] for row in rows] == [
        "selected",
        FAILED,
        FAILED,
        "selected",
        FAILED,
    ]
    assert [row["line"] for row in rows] == ["2", "3", "4", "5", "6"]
    assert "close each quote" in rows[1]["error"]
    assert "not UTF-8" in rows[2]["error"]
    assert "4 cells" in rows[4]["error"]
    assert (last.selected, last.failed) == (2, 3)


def test_no_cell_of_the_output_is_a_formula(tmp_path, target):
    """A spreadsheet takes what came from outside for text."""
    source = tmp_path / "in.csv"
    source.write_text('id,query\n=1+1,"@SUM(A1)"\n+2,-3\n')

    list(run_batch(source, target, GROUND, lanes(), resume=False))

    assert [(row["id"], row["query"]) for row in written(target)] == [
        ("'=1+1", "'@SUM(A1)"),
        ("'+2", "-3"),
    ]


def test_a_quote_that_is_never_closed_costs_one_row(read):
    """The rows after it are read as if it were not there."""
    rows = read('query\ngood\n"never closed\n' + "fine\n" * 40_000)

    assert [bool(row.reason) for row in rows[:3]] == [False, True, False]
    assert len(rows) == 40_002
    assert sum(bool(row.reason) for row in rows) == 1


def test_a_cell_of_several_lines_is_one_row(read):
    """The next row's line counts its line breaks."""
    rows = read('query\n"two\nlines"\nnext\n')

    assert [(row.line, row.query) for row in rows] == [(2, "two\nlines"), (4, "next")]


def test_blank_lines_and_a_byte_order_mark_are_no_rows(read):
    """What spreadsheets and editors leave behind is passed over."""
    rows = read("\ufeffquery,\r\n\r\nhello,\r\n,\r\n")

    assert [(row.line, row.query, row.reason) for row in rows] == [(3, "hello", "")]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is empty"),
        ("text\nhello\n", "lacks this column"),
        ("query,query\nhello,\n", "names it twice"),
        ("query,agent\nhello,\n", "the output adds a column of this name"),
        (b"PK\x03\x04", "is no UTF-8 text"),
        (b"\xff\xfeq", "is no UTF-8 text"),
        ('"query\n', "no valid CSV"),
    ],
)
def test_a_header_that_cannot_be_used_is_one_sentence(read, content, complaint):
    """Nothing is routed before it is mended."""
    with pytest.raises(BatchError, match=complaint):
        read(content)


@pytest.mark.parametrize(("name", "complaint"), [("none.csv", "does not exist"), ("", "regular")])
def test_an_input_that_is_no_file_is_one_sentence(tmp_path, name, complaint):
    """It says to name a CSV file."""
    with pytest.raises(BatchError, match=complaint):
        InputFile(tmp_path / name, COLUMNS)


@pytest.mark.parametrize(
    ("agents", "rows"), [(1, MOST_ROWS), (4_096, 256), (100_000, 10), (10**7, 1)]
)
def test_chunks_are_bounded_in_memory(agents, rows):
    """Many agents make short chunks."""
    assert rows_at_once(agents) == rows


def test_texts_that_are_no_queries_fail_alone(router):
    """They keep their place among the others."""
    texts = ["rain wind", " ", "refunds", "x" * 5_000]

    rows = asyncio.run(route_texts(trimmed(router, POLICY), POLICY, texts))

    assert [dict(zip(COLUMNS, row, strict=True))["outcome"] for row in rows] == [
        "selected",
        "failed",
        "selected",
        "failed",
    ]
    assert rows[1][-1].startswith("The query is empty")
    assert rows[3][-1].startswith("The query has 5,000 characters")


def test_a_chunk_of_nothing_but_bad_texts_asks_nobody(router):
    """There is nothing to gather."""
    assert len(asyncio.run(route_texts(router, POLICY, ["", ""]))) == 2


def test_a_carried_cell_stays_one_cell_and_no_formula(tmp_path, target):
    """A lone carriage return makes no row, and neither header nor cell begins a formula."""
    source = tmp_path / "in.csv"
    source.write_bytes(b'query,=note\ngood,"a\rb"\nalso good,"x;=1"\n')
    list(run_batch(source, target, GROUND, lanes(), resume=False))

    assert [row["'=note"] for row in written(target)] == ["a\rb", "x;'=1"]
