"""A registry that cannot be used: one sentence says where, and what to do."""

import pytest
from registry_rows import HEADER, WITH_THRESHOLD

from handoff.core.errors import RegistryError
from handoff.files.registry import load_registry, parse_registry

COMPLAINTS = [
    pytest.param(
        b"",
        "agents.csv is empty: its first line must be id,name,description,tags.",
        id="empty",
    ),
    pytest.param(
        b"\xef\xbb\xbf",
        "agents.csv is empty: its first line must be id,name,description,tags.",
        id="only a byte order mark",
    ),
    pytest.param(
        b",,,\n,,,\n",
        "agents.csv is empty: its first line must be id,name,description,tags.",
        id="only commas",
    ),
    pytest.param(
        HEADER,
        "agents.csv has a header but no agent: add a row for each agent.",
        id="header only",
    ),
    pytest.param(
        HEADER + b"\n,,,\n",
        "agents.csv has a header but no agent: add a row for each agent.",
        id="header and blank rows",
    ),
    pytest.param(
        HEADER + b"a,Caf\xe9,Serves coffee.,coffee\n",
        "agents.csv, line 2, column 2: the cell is not UTF-8, save the file as CSV (UTF-8).",
        id="not UTF-8",
    ),
    pytest.param(
        "\ufeffid,name,description,tags\n".encode("utf-16-le"),
        "agents.csv is UTF-16 text: save it as CSV (UTF-8).",
        id="UTF-16",
    ),
    pytest.param(
        b"PK\x03\x04\x14\x00\x08\x00",
        "agents.csv is a ZIP archive or a spreadsheet: save it as CSV (UTF-8).",
        id="a ZIP",
    ),
    pytest.param(
        HEADER + b"a,A\0,Does a.,x\n",
        "agents.csv, line 2, column 2: the cell holds a NUL byte, save the file as CSV (UTF-8).",
        id="a NUL byte",
    ),
    pytest.param(
        HEADER + b"a,A," + b"x" * 20_001 + b",x\n",
        "agents.csv, line 2, column 3: the cell has over 20,000 characters, shorten it.",
        id="a cell of 20,001 characters",
    ),
    pytest.param(
        b"id,name,tags\na,A,x\n",
        "agents.csv, line 1, column 4 (description): the header lacks this column, "
        "it must name id, name, description, tags.",
        id="a column missing",
    ),
    pytest.param(
        b"a,A,Does a.,x\n",
        "agents.csv, line 1, column 1 (a): the header may name id, name, description, tags, "
        "threshold, rename or remove this column.",
        id="the header missing",
    ),
    pytest.param(
        b"id,name,description,tags,owner\na,A,Does a.,x,me\n",
        "agents.csv, line 1, column 5 (owner): the header may name id, name, description, tags, "
        "threshold, rename or remove this column.",
        id="an unknown column",
    ),
    pytest.param(
        b"id,name,description,tags,name\na,A,Does a.,x,A\n",
        "agents.csv, line 1, column 5 (name): the header names it twice, remove one.",
        id="a column named twice",
    ),
    pytest.param(
        b"id;name;description;tags\na;A;Does a.;x\n",
        "agents.csv, line 1, column 1: separate columns by commas.",
        id="separated by semicolons",
    ),
    pytest.param(
        HEADER + b"a,A,Does a, b and c.,x\n",
        "agents.csv, line 2, column 5: the row has 5 cells where the header has 4, "
        "quote a cell that holds a comma.",
        id="a row too long",
    ),
    pytest.param(
        HEADER + b"a,A,Does a.,x\nb,B,Does b.\n",
        "agents.csv, line 3, column 4 (tags): the row ends before this column, add the cell.",
        id="a row too short",
    ),
    pytest.param(
        HEADER + b'a,A,"Does a.,x\nb,B,Does b.,x\n',
        "agents.csv, line 2, column 3: the quote that opens the cell is never closed, close it.",
        id="an unclosed quote",
    ),
    pytest.param(
        HEADER + b'a,A,"Does" a.,x\n',
        "agents.csv, line 2, column 3: text follows the closing quote, "
        "double each quote inside a quoted cell.",
        id="text after a closing quote",
    ),
    pytest.param(
        HEADER + b"a,A,Does a.,x\nb,B,Does b.,x\n\na,C,Does c.,x\n",
        "agents.csv, line 5, column 1 (id): 'a' is already the id of line 2, "
        "give each agent its own.",
        id="a duplicate id",
    ),
    pytest.param(
        HEADER + b"a,A,Does a.,x\n a ,B,Does b.,x\n",
        "agents.csv, line 3, column 1 (id): 'a' is already the id of line 2, "
        "give each agent its own.",
        id="a duplicate id between spaces",
    ),
    pytest.param(
        HEADER + b" ,A,Does a.,x\n",
        "agents.csv, line 2, column 1 (id): the cell is empty, give the agent an id.",
        id="an empty id",
    ),
    pytest.param(
        HEADER + b"i" * 81 + b",A,Does a.,x\n",
        "agents.csv, line 2, column 1 (id): 81 characters, at most 80 are allowed, shorten it.",
        id="an id of 81 characters",
    ),
    pytest.param(
        HEADER + b"a\tb,A,Does a.,x\n",
        "agents.csv, line 2, column 1 (id): 'a\\tb' holds a character that cannot be printed, "
        "remove it.",
        id="a tab in an id",
    ),
    pytest.param(
        HEADER + "a\u202eb,A,Does a.,x\n".encode(),
        "agents.csv, line 2, column 1 (id): 'a\\u202eb' holds a character that cannot be printed, "
        "remove it.",
        id="a direction override in an id",
    ),
    pytest.param(
        HEADER + "help\u00a0desk,A,Does a.,x\n".encode(),
        "agents.csv, line 2, column 1 (id): 'help\\xa0desk' holds a character that cannot be "
        "printed, remove it.",
        id="a no-break space in an id",
    ),
    pytest.param(
        HEADER + b"a\\b,A,Does a.,x\na\\b,B,Does b.,x\n",
        "agents.csv, line 3, column 1 (id): 'a\\b' is already the id of line 2, "
        "give each agent its own.",
        id="a duplicate id with a backslash",
    ),
    pytest.param(
        HEADER + b"a,,Does a.,x\n",
        "agents.csv, line 2, column 2 (name): the cell is empty, fill it in.",
        id="an empty name",
    ),
    pytest.param(
        HEADER + b"a," + b"n" * 201 + b",Does a.,x\n",
        "agents.csv, line 2, column 2 (name): 201 characters, at most 200 are allowed, shorten it.",
        id="a name of 201 characters",
    ),
    pytest.param(
        HEADER + b"a,Alarm\x07,Does a.,x\n",
        "agents.csv, line 2, column 2 (name): the cell holds the control character U+0007, "
        "remove it.",
        id="a bell in a name",
    ),
    pytest.param(
        HEADER + b"a,\x1b[31mRed,Does a.,x\n",
        "agents.csv, line 2, column 2 (name): the cell holds the control character U+001B, "
        "remove it.",
        id="a terminal's colour in a name",
    ),
    pytest.param(
        HEADER + "a,Good\u202eliveD,Does a.,x\n".encode(),
        "agents.csv, line 2, column 2 (name): the cell holds the control character U+202E, "
        "remove it.",
        id="a direction override in a name",
    ),
    pytest.param(
        HEADER + "a,A,Does\u2067 a.,x\n".encode(),
        "agents.csv, line 2, column 3 (description): the cell holds the control character U+2067, "
        "remove it.",
        id="a direction isolate in a description",
    ),
    pytest.param(
        HEADER + b"a,A, ,x\n",
        "agents.csv, line 2, column 3 (description): the cell is empty, fill it in.",
        id="an empty description",
    ),
    pytest.param(
        HEADER + b"a,A," + b"d" * 2_001 + b",x\n",
        "agents.csv, line 2, column 3 (description): 2,001 characters, at most 2,000 are allowed, "
        "shorten it.",
        id="a description of 2,001 characters",
    ),
    pytest.param(
        HEADER + b"a,A,Does a.," + b"t" * 41 + b"\n",
        f"agents.csv, line 2, column 4 (tags): the tag '{'t' * 39}…' has 41 characters, "
        "at most 40 are allowed, separate tags by ;.",
        id="a tag of 41 characters",
    ),
    pytest.param(
        HEADER + b"a,A,Does a.,x;" + b"t" * 200 + b"\n",
        f"agents.csv, line 2, column 4 (tags): the tag '{'t' * 39}…' has 200 characters, "
        "at most 40 are allowed, separate tags by ;.",
        id="a tag of 200 characters",
    ),
    pytest.param(
        HEADER + "a,A,Does a.,x;y\u202ez\n".encode(),
        "agents.csv, line 2, column 4 (tags): the cell holds the control character U+202E, "
        "remove it.",
        id="a direction override in a tag",
    ),
    pytest.param(
        HEADER + b"a,A,Does a.,x;\x1b[31mred\n",
        "agents.csv, line 2, column 4 (tags): the cell holds the control character U+001B, "
        "remove it.",
        id="a terminal's colour in a tag",
    ),
    pytest.param(
        HEADER + b"a,A,Does a.," + b";".join(b"t%d" % number for number in range(21)) + b"\n",
        "agents.csv, line 2, column 4 (tags): 21 tags, an agent may carry 20, remove some.",
        id="21 tags",
    ),
    pytest.param(
        WITH_THRESHOLD + b"a,A,Does a.,x,high\n",
        "agents.csv, line 2, column 5 (threshold): 'high' is no number from -1 to 1, "
        "correct it or leave it empty.",
        id="a threshold in words",
    ),
    pytest.param(
        WITH_THRESHOLD + b'a,A,Does a.,x,"0,5"\n',
        "agents.csv, line 2, column 5 (threshold): '0,5' is no number from -1 to 1, "
        "correct it or leave it empty.",
        id="a threshold with a decimal comma",
    ),
    pytest.param(
        WITH_THRESHOLD + b"a,A,Does a.,x,NaN\n",
        "agents.csv, line 2, column 5 (threshold): 'NaN' is no number from -1 to 1, "
        "correct it or leave it empty.",
        id="a threshold of NaN",
    ),
    pytest.param(
        WITH_THRESHOLD + b"a,A,Does a.,x,-inf\n",
        "agents.csv, line 2, column 5 (threshold): '-inf' is no number from -1 to 1, "
        "correct it or leave it empty.",
        id="a threshold without end",
    ),
    pytest.param(
        WITH_THRESHOLD + b"a,A,Does a.,x,1.01\n",
        "agents.csv, line 2, column 5 (threshold): '1.01' is no number from -1 to 1, "
        "correct it or leave it empty.",
        id="a threshold over one",
    ),
    pytest.param(
        WITH_THRESHOLD + b"a,A,Does a.,x,0_1\n",
        "agents.csv, line 2, column 5 (threshold): '0_1' is no number from -1 to 1, "
        "correct it or leave it empty.",
        id="a threshold as in a program",
    ),
    pytest.param(
        WITH_THRESHOLD + "a,A,Does a.,x,\u0661\n".encode(),
        "agents.csv, line 2, column 5 (threshold): '\u0661' is no number from -1 to 1, "
        "correct it or leave it empty.",
        id="a threshold in Arabic digits",
    ),
    pytest.param(
        WITH_THRESHOLD + b"a,A,Does a.,x,high\nb,B,Does b.,x\x07,\n",
        "agents.csv, line 2, column 5 (threshold): 'high' is no number from -1 to 1, "
        "correct it or leave it empty.",
        id="the first of two mistakes",
    ),
    pytest.param(
        b"threshold,tags,description,name,id\n-1.5,x,Does a.,A,a\n",
        "agents.csv, line 2, column 1 (threshold): '-1.5' is no number from -1 to 1, "
        "correct it or leave it empty.",
        id="a threshold under minus one, in the first column",
    ),
    pytest.param(
        HEADER + b'a,A,"Does a\nand b\nand c.",x\r\n\r\nb,"B\nor\nC",,x\r\n',
        "agents.csv, line 6, column 3 (description): the cell is empty, fill it in.",
        id="a mistake in a row of three lines",
    ),
]


@pytest.mark.parametrize(("data", "sentence"), COMPLAINTS)
def test_a_broken_registry_is_answered_by_one_sentence(data, sentence):
    """Each complaint is one line that ends with one full stop and says exactly what is wrong."""
    with pytest.raises(RegistryError) as complaint:
        parse_registry(data, "agents.csv")

    said = str(complaint.value)

    assert said == sentence
    assert said.isprintable()
    assert said.rstrip(".") + "." == said


def test_thirty_megabytes_in_one_cell_are_a_cell_too_long():
    """A huge cell gets a sentence with its place."""
    data = HEADER + b"a,A," + b"x" * (30 * 2**20) + b",x\n"

    with pytest.raises(RegistryError) as complaint:
        parse_registry(data, "agents.csv")

    assert str(complaint.value) == (
        "agents.csv, line 2, column 3: the cell has over 20,000 characters, shorten it."
    )


def test_a_missing_registry_is_named(tmp_path):
    """A registry that is not there is named with its whole path."""
    path = tmp_path / "agents.csv"

    with pytest.raises(RegistryError) as complaint:
        load_registry(path)

    assert str(complaint.value).startswith(str(path))


def test_a_folder_is_no_registry(tmp_path):
    """A folder in place of a registry is called one."""
    with pytest.raises(RegistryError) as complaint:
        load_registry(tmp_path)

    assert str(complaint.value).startswith(f"{tmp_path} is a folder: ")


def test_a_line_break_in_a_registrys_name_does_not_break_the_sentence(tmp_path):
    """A complaint about a cell is one line, whatever the file is called."""
    path = tmp_path / "two\nlines.csv"
    path.write_bytes(HEADER + b"a,,Does a.,x\n")

    with pytest.raises(RegistryError) as complaint:
        load_registry(path)

    said = str(complaint.value)

    assert said.endswith(", line 2, column 2 (name): the cell is empty, fill it in.")
    assert said.isprintable()
