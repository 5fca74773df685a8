"""A table as a CSV file: what is read."""

import os

import pytest
from tables import MB, SHAPE, read

from handoff.core.errors import TableError
from handoff.files.csv_table import load_bytes, parse_rows


def test_a_row_complains_about_its_own_cell():
    """A row names its file, the line on which it begins and the column's place in the file."""
    (row,) = read(b'note,text,id\n,"one\nand a half",1\n')

    complaint = row.complaint(TableError, "text", "no text is wanted here")

    assert str(complaint) == "table.csv, line 2, column 2 (text): no text is wanted here."


def test_a_cell_of_20000_characters_is_read():
    """The longest cell that is allowed arrives whole."""
    (row,) = read(b"id,text\n1," + b"x" * 20_000 + b"\n")

    assert row["text"] == "x" * 20_000


def test_characters_are_counted_not_bytes():
    """A cell of 20,000 characters of four bytes each is not too long."""
    (row,) = read(f"id,text\n1,{'😀' * 20_000}\n".encode())

    assert len(row["text"]) == 20_000


def test_a_byte_order_mark_is_no_part_of_the_header():
    """UTF-8 with a byte order mark reads like UTF-8 without."""
    (row,) = read("\ufeffid,text\n1,café\n".encode())

    assert row["id"] == "1"
    assert row["text"] == "café"


@pytest.mark.parametrize(
    "ending",
    [pytest.param("\n", id="LF"), pytest.param("\r\n", id="CRLF"), pytest.param("\r", id="CR")],
)
def test_line_endings_of_every_system_count_alike(ending):
    """Rows stand on the same lines and hold the same cells, however lines end."""
    rows = read(ending.join(["id,text", "1,one", "", "2,two", ""]).encode())

    assert [(row.line, row["id"], row["text"]) for row in rows] == [
        (2, "1", "one"),
        (4, "2", "two"),
    ]


def test_the_last_line_needs_no_line_ending():
    """A file that ends in the middle of its last line is read to the end."""
    rows = read(b"id,text\n1,one\n2,two")

    assert [row["text"] for row in rows] == ["one", "two"]


def test_a_row_stands_where_it_begins():
    """A cell of three lines moves the next row down, not its own."""
    rows = read(b'id,text\n1,"one\nand a\nhalf"\n2,two\n')

    assert [row.line for row in rows] == [2, 5]
    assert rows[0]["text"] == "one\nand a\nhalf"


@pytest.mark.parametrize(
    "blank",
    [
        pytest.param(b"\n", id="nothing"),
        pytest.param(b"  \t\n", id="spaces"),
        pytest.param(b",\n", id="a comma"),
        pytest.param(b" , ,,,\n", id="more commas than columns"),
    ],
)
def test_blank_lines_are_left_out_but_counted(blank):
    """A line without content is no row, yet the rows below keep their line numbers."""
    rows = read(b"id,text\n" + blank + b"1,one\n" + blank)

    assert [(row.line, row["id"]) for row in rows] == [(3, "1")]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"id,text,\n1,one,\n", id="one in header and row"),
        pytest.param(b"id,text,, ,\n1,one,\n", id="more in the header"),
        pytest.param(b"id,text,\n1,one,,\t, ,\n", id="more in the row"),
        pytest.param(b"id,text,,\n1,one\n", id="in the header only"),
        pytest.param(b"id,text\n1,one,,\n", id="in the row only"),
        pytest.param(b'id,text,""\n1,one,""\n', id="quoted"),
        pytest.param("id,text,\u00a0\n1,one,\u00a0\n".encode(), id="with no-break spaces"),
    ],
)
def test_blank_columns_at_the_end_are_left_out(data):
    """Empty columns that a spreadsheet leaves behind, in the header or in rows, are no mistake."""
    (row,) = read(data)

    assert row.cells == {"id": "1", "text": "one", "note": ""}
    assert row.columns == {"id": 1, "text": 2, "note": 0}


def test_a_blank_cell_under_a_named_column_is_still_a_cell():
    """Only what stands beyond the header is left out, so that a row may end with blank cells."""
    (row,) = read(b"id,note,text,\n1,,,\n")

    assert row.cells == {"id": "1", "text": "", "note": ""}
    assert row.columns == {"id": 1, "text": 3, "note": 2}


def test_columns_may_stand_in_any_order():
    """Cells are found by their column's name, and the place in the file is known."""
    (row,) = read(b"text,note,id\none,hm,1\n")

    assert (row["id"], row["text"], row["note"]) == ("1", "one", "hm")
    assert row.columns == {"id": 3, "text": 1, "note": 2}


def test_header_names_may_have_capitals_and_spaces():
    """A header typed with care for looks is understood."""
    (row,) = read(b"ID, Text \n1,one\n")

    assert (row["id"], row["text"]) == ("1", "one")


def test_an_optional_column_may_be_left_out():
    """A column that the file does not have is empty and has no place."""
    (row,) = read(b"id,text\n1,one\n")

    assert row["note"] == ""
    assert row.columns["note"] == 0


def test_an_optional_cell_may_be_left_out():
    """A row may end before an optional column."""
    rows = read(b"id,text,note\n1,one\n2,two,hm\n")

    assert [row["note"] for row in rows] == ["", "hm"]


def test_quoted_cells_hold_commas_and_doubled_quotes():
    """Quotes around a cell keep its comma, and a doubled quote is one."""
    (row,) = read(b'id,text\n1,"one, ""two"""\n')

    assert row["text"] == 'one, "two"'


def test_rows_come_before_a_complaint_further_down():
    """A table is read as it goes, so a broken row does not hide those above it."""
    rows = parse_rows(b"id,text\n1,one\n2\n", "table.csv", TableError, SHAPE)

    assert next(rows)["text"] == "one"


def test_a_file_is_loaded_byte_for_byte(tmp_path):
    """What is on disk is what is parsed."""
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xef\xbb\xbfid,text\r\n")

    assert load_bytes(path, TableError) == b"\xef\xbb\xbfid,text\r\n"


def test_a_missing_file_is_named(tmp_path):
    """A file that is not there is named with its whole path."""
    path = tmp_path / "table.csv"

    with pytest.raises(TableError) as complaint:
        load_bytes(path, TableError)

    assert str(complaint.value) == f"{path} does not exist: name a CSV file."


def test_a_folder_is_no_table(tmp_path):
    """A folder in place of a file is called one."""
    with pytest.raises(TableError) as complaint:
        load_bytes(tmp_path, TableError)

    assert str(complaint.value) == f"{tmp_path} is a folder: name a CSV file."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    """A named pipe, which could block for ever, is refused."""
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)

    with pytest.raises(TableError) as complaint:
        load_bytes(path, TableError)

    assert str(complaint.value) == f"{path} is no regular file: name a CSV file."


def test_a_path_through_a_file_cannot_be_read(tmp_path):
    """What the system says about a path stands in the sentence."""
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "table.csv"

    with pytest.raises(TableError) as complaint:
        load_bytes(path, TableError)

    assert str(complaint.value) == f"{path} cannot be read (Not a directory): name a CSV file."


def test_a_path_with_a_line_break_is_complained_about_in_one_line(tmp_path):
    """A line break in a file's name does not break the sentence."""
    with pytest.raises(TableError) as complaint:
        load_bytes(tmp_path / "two\nlines.csv", TableError)

    assert "\n" not in str(complaint.value)


def test_a_file_of_64_megabytes_is_loaded(tmp_path):
    """The largest file that is allowed is read whole."""
    path = tmp_path / "table.csv"
    path.touch()
    os.truncate(path, 64 * MB)

    assert len(load_bytes(path, TableError)) == 64 * MB


def test_a_file_of_65_megabytes_is_not_loaded(tmp_path):
    """A file too large is refused by its size."""
    path = tmp_path / "table.csv"
    path.touch()
    os.truncate(path, 65 * MB)

    with pytest.raises(TableError) as complaint:
        load_bytes(path, TableError)

    assert str(complaint.value).startswith(f"{path} is larger than 64 MB")


def test_a_file_one_byte_too_large_is_not_said_to_have_what_it_may_have():
    """The limit is exact, and the sentence calls the file larger than what is allowed."""
    with pytest.raises(TableError) as complaint:
        read(b"x" * (64 * MB + 1))

    assert str(complaint.value).startswith("table.csv is larger than 64 MB")
