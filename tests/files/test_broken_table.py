"""A table that cannot be read: one sentence names line, column and mend."""

import pytest
from tables import MB, SHAPE, read

from handoff.core.errors import CasesError, TableError
from handoff.files.csv_table import parse_rows

COMPLAINTS = [
    pytest.param(
        b"",
        "table.csv is empty: its first line must be id,text.",
        id="empty",
    ),
    pytest.param(
        b"\xef\xbb\xbf",
        "table.csv is empty: its first line must be id,text.",
        id="only a byte order mark",
    ),
    pytest.param(
        b",,\n,,\n",
        "table.csv is empty: its first line must be id,text.",
        id="only commas",
    ),
    pytest.param(
        b"\n \n\r\n",
        "table.csv is empty: its first line must be id,text.",
        id="only blank lines",
    ),
    pytest.param(
        b"PK\x03\x04\x14\x00\x06\x00",
        "table.csv is a ZIP archive or a spreadsheet: save it as CSV (UTF-8).",
        id="a ZIP",
    ),
    pytest.param(
        "\ufeffid,text\n1,one\n".encode("utf-16-le"),
        "table.csv is UTF-16 text: save it as CSV (UTF-8).",
        id="UTF-16, low byte first",
    ),
    pytest.param(
        "\ufeffid,text\n1,one\n".encode("utf-16-be"),
        "table.csv is UTF-16 text: save it as CSV (UTF-8).",
        id="UTF-16, high byte first",
    ),
    pytest.param(
        b"id,text\n1,one\n2,caf\xe9\n",
        "table.csv, line 3, column 2: the cell is not UTF-8, save the file as CSV (UTF-8).",
        id="Latin-1 in a cell",
    ),
    pytest.param(
        b"id,t\xe9xt\n1,one\n",
        "table.csv, line 1, column 2: the cell is not UTF-8, save the file as CSV (UTF-8).",
        id="Latin-1 in the header",
    ),
    pytest.param(
        b"id,text\n1,\xed\xa0\x80\n",
        "table.csv, line 2, column 2: the cell is not UTF-8, save the file as CSV (UTF-8).",
        id="a surrogate in UTF-8 clothes",
    ),
    pytest.param(
        b"id,text\n1,o\0e\n",
        "table.csv, line 2, column 2: the cell holds a NUL byte, save the file as CSV (UTF-8).",
        id="a NUL byte in a cell",
    ),
    pytest.param(
        b"id,text,\0\n1,one,\n",
        "table.csv, line 1, column 3: the cell holds a NUL byte, save the file as CSV (UTF-8).",
        id="a NUL byte in the header",
    ),
    pytest.param(
        "id,text\n1,one\n".encode("utf-16-le"),
        "table.csv, line 1, column 1: the cell holds a NUL byte, save the file as CSV (UTF-8).",
        id="UTF-16 without a byte order mark",
    ),
    pytest.param(
        b"id,text\n1," + b"x" * 20_001 + b"\n",
        "table.csv, line 2, column 2: the cell has over 20,000 characters, shorten it.",
        id="a cell of 20,001 characters",
    ),
    pytest.param(
        b'id,text\n1,"' + b'""' * 20_001 + b'"\n',
        "table.csv, line 2, column 2: the cell has over 20,000 characters, shorten it.",
        id="a cell of 20,001 quotes",
    ),
    pytest.param(
        b'id,text\n1,one\n2,"two\n3,three\n',
        "table.csv, line 3, column 2: the quote that opens the cell is never closed, close it.",
        id="an unclosed quote",
    ),
    pytest.param(
        b'id,"text\n1,one\n',
        "table.csv, line 1, column 2: the quote that opens the cell is never closed, close it.",
        id="an unclosed quote in the header",
    ),
    pytest.param(
        b'id,text\n"a ""b"" c, d","two"x\n',
        "table.csv, line 2, column 2: text follows the closing quote, "
        "double each quote inside a quoted cell.",
        id="text after a closing quote",
    ),
    pytest.param(
        b'id,text\n1,"one" \n',
        "table.csv, line 2, column 2: text follows the closing quote, "
        "double each quote inside a quoted cell.",
        id="a space after a closing quote",
    ),
    pytest.param(
        b'id,text\n1,"one\nand a ""half"""\n\n2,"say "hi" twice"\n',
        "table.csv, line 5, column 2: text follows the closing quote, "
        "double each quote inside a quoted cell.",
        id="a quote that is not doubled, below a cell of two lines",
    ),
    pytest.param(
        b"id,text\n1,one, two\n",
        "table.csv, line 2, column 3: the row has 3 cells where the header has 2, "
        "quote a cell that holds a comma.",
        id="a row too long",
    ),
    pytest.param(
        b"id,text,note\n1,one,\n2\n",
        "table.csv, line 3, column 2 (text): the row ends before this column, add the cell.",
        id="a row too short",
    ),
    pytest.param(
        b"note,text,id\n,one\n",
        "table.csv, line 2, column 3 (id): the row ends before this column, add the cell.",
        id="a row too short under columns in another order",
    ),
    pytest.param(
        b"id,note\n1,one\n",
        "table.csv, line 1, column 3 (text): the header lacks this column, it must name id, text.",
        id="a column missing",
    ),
    pytest.param(
        b"1,one\n2,two\n",
        "table.csv, line 1, column 1 (1): the header may name id, text, note, "
        "rename or remove this column.",
        id="the header missing",
    ),
    pytest.param(
        b"\nid,text,owner\n1,one,me\n",
        "table.csv, line 2, column 3 (owner): the header may name id, text, note, "
        "rename or remove this column.",
        id="an unknown column below a blank line",
    ),
    pytest.param(
        b"id,,text\n1,,one\n",
        "table.csv, line 1, column 2: the header may name id, text, note, "
        "rename or remove this column.",
        id="a column without a name in the middle",
    ),
    pytest.param(
        b" ,id,text\n,1,one\n",
        "table.csv, line 1, column 1: the header may name id, text, note, "
        "rename or remove this column.",
        id="a column without a name in front",
    ),
    pytest.param(
        b"id,text,,\n1,one,,two\n",
        "table.csv, line 2, column 3: the row has 4 cells where the header has 2, "
        "quote a cell that holds a comma.",
        id="a cell under a column without a name",
    ),
    pytest.param(
        b"id,text," + b"z" * 60 + b"\n",
        f"table.csv, line 1, column 3 ({'z' * 39}…): the header may name id, text, note, "
        "rename or remove this column.",
        id="a column with a long name",
    ),
    pytest.param(
        b"id,te\x1bxt\n",
        "table.csv, line 1, column 2 (te\\x1bxt): the header may name id, text, note, "
        "rename or remove this column.",
        id="a column with an escape character in its name",
    ),
    pytest.param(
        b"id,text,ID\n",
        "table.csv, line 1, column 3 (id): the header names it twice, remove one.",
        id="a column named twice",
    ),
    pytest.param(
        b"id;text\n1;one\n",
        "table.csv, line 1, column 1: separate columns by commas.",
        id="separated by semicolons",
    ),
    pytest.param(
        b"id\ttext\n1\tone\n",
        "table.csv, line 1, column 1: separate columns by commas.",
        id="separated by tabs",
    ),
    pytest.param(
        b"x" * (65 * MB),
        "table.csv is larger than 64 MB: split it or leave rows out.",
        id="65 MB",
    ),
]


@pytest.mark.parametrize(("data", "sentence"), COMPLAINTS)
def test_a_broken_table_is_answered_by_one_sentence(data, sentence):
    """Each complaint is one line that ends with one full stop and says exactly what is wrong."""
    with pytest.raises(TableError) as complaint:
        read(data)

    said = str(complaint.value)

    assert said == sentence
    assert said.isprintable()
    assert said.rstrip(".") + "." == said


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"", b"\n", id="bare"),
        pytest.param(b'"', b'"\n', id="quoted"),
    ],
)
def test_thirty_megabytes_in_one_cell_are_a_cell_too_long(before, after):
    """A cell far beyond the CSV reader's own limit gets the same sentence as one a bit too long."""
    data = b"id,text\n1," + before + b"x" * (30 * MB) + after

    with pytest.raises(TableError) as complaint:
        read(data)

    assert str(complaint.value) == (
        "table.csv, line 2, column 2: the cell has over 20,000 characters, shorten it."
    )


@pytest.mark.parametrize(
    "length",
    [
        pytest.param(0, id="nothing"),
        pytest.param(20_001, id="20,001 characters"),
        pytest.param(30 * MB, id="30 MB"),
    ],
)
def test_a_quote_that_is_never_closed_is_told_whatever_its_length(length):
    """What an unclosed quote swallows may be the rest of a file, yet the quote is the mistake."""
    with pytest.raises(TableError) as complaint:
        read(b'id,text\n1,"' + b"x" * length)

    assert str(complaint.value) == (
        "table.csv, line 2, column 2: the quote that opens the cell is never closed, close it."
    )


def test_a_cell_of_15000_quotes_is_not_blamed_for_the_next_one():
    """A doubled quote counts as one character, also where another cell of the row is broken."""
    row = b'"' + b'""' * 15_000 + b'",'

    (intact,) = read(b"id,text\n" + row + b"one\n")
    with pytest.raises(TableError) as complaint:
        read(b"id,text\n" + row + b'"one" two\n')

    assert len(intact["id"]) == 15_000
    assert str(complaint.value) == (
        "table.csv, line 2, column 2: text follows the closing quote, "
        "double each quote inside a quoted cell."
    )


def test_a_complaint_has_the_type_that_was_asked_for():
    """A table of cases complains with the error of cases."""
    with pytest.raises(CasesError):
        list(parse_rows(b"", "cases.csv", CasesError, SHAPE))
