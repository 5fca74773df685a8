"""Adding to a file of cases: whatever the reader takes, the writer keeps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.core.errors import CasesError
from handoff.core.model import Agent, Registry
from handoff.core.texts import parse_query
from handoff.files import cases as cases_file
from handoff.files.cases import Case, append_cases, parse_cases
from handoff.files.csv_table import LONGEST_CELL

REGISTRY = Registry(
    (Agent("baker", "Baker", "Bakes bread."), Agent("help, desk", "Help", "Answers questions."))
)
NEW = (Case("a roll, warm", "baker", "Roll", 0), Case("what is the time", None, "", 0))


def labels(data):
    """Return what a file of cases holds, without lines."""
    read = parse_cases(data, "cases.csv", REGISTRY)
    return [(case.query, case.expected, case.chip) for case in read.cases]


def added(*cases):
    """Return what cases hold, without lines."""
    return [(case.query, case.expected, case.chip) for case in cases]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\nquery,expected,chip\na loaf,baker,Loaf\n", id="a blank first line"),
        pytest.param(b"\r\n\r\nquery,expected,chip\r\na loaf,baker,Loaf\r\n", id="blank, CRLF"),
        pytest.param(b",,\nquery,expected,chip\na loaf,baker,Loaf\n", id="commas first"),
        pytest.param(b"   \n , \nquery,expected,chip\na loaf,baker,Loaf\n", id="spaces first"),
        pytest.param(b'" ",\nquery,expected,chip\na loaf,baker,Loaf\n', id="quoted spaces"),
        pytest.param(b'"\n",\nquery,expected,chip\na loaf,baker,Loaf\n', id="a quoted line"),
        pytest.param(b"query,expected,chip\ra loaf,baker,Loaf\r", id="CR line ends"),
        pytest.param(b"\rquery,expected,chip\ra loaf,baker,Loaf", id="CR, blank, no end"),
        pytest.param(b"query,expected,chip\r\na loaf,baker,Loaf", id="CRLF, no end"),
        pytest.param(b"query,expected,chip,,\na loaf,baker,Loaf,,\n", id="empty columns"),
        pytest.param(b"\xef\xbb\xbfquery,expected,chip\na loaf,baker,Loaf\n", id="a mark"),
        pytest.param(b"\xef\xbb\xbf\n Chip ,EXPECTED,Query\nLoaf,baker,a loaf\n", id="odd order"),
        pytest.param(b'query,expected,chip\na loaf,baker,"Loaf"\n,,\n   ', id="a blank end"),
    ],
)
def test_what_the_reader_takes_the_writer_keeps(data):
    """The old text stays byte for byte at the beginning, and new labels are read back."""
    grown = append_cases(data, "cases.csv", NEW).encode()

    assert grown.startswith(data)
    assert labels(grown) == [("a loaf", "baker", "Loaf"), *added(*NEW)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("ended", [True, False], ids=["ended", "not ended"])
def test_new_lines_end_as_the_files_own_do(end, ended):
    """A file whose lines end in two ways is shown wrongly by editors."""
    held = f"query,expected{end}a loaf,baker{end if ended else ''}"

    grown = append_cases(held.encode(), "cases.csv", NEW[1:])

    assert grown == f"query,expected{end}a loaf,baker{end}what is the time,{end}"


def test_a_text_that_would_not_be_read_back_is_not_written(monkeypatch):
    """The grown text is parsed once more, whatever went wrong in making it."""
    monkeypatch.setattr(cases_file, "csv_text", lambda _: ",,\n")

    with pytest.raises(CasesError) as refusal:
        append_cases(b"query,expected\na loaf,baker\n", "cases.csv", NEW)

    assert str(refusal.value) == (
        "cases.csv would not hold the labels as they were given: nothing was written, "
        "save the file as CSV (UTF-8) with plain line ends and add them again."
    )


def test_labels_that_the_file_cannot_hold_are_refused():
    """A cell that the reader would refuse is told, and nothing is written."""
    with pytest.raises(CasesError, match="line 3, column 1: the cell has over"):
        append_cases(
            b"query,expected\na loaf,baker\n",
            "cases.csv",
            [Case("long " * LONGEST_CELL, "baker", "", 0)],
        )


# A header after blank lines, columns in any order and of either name, any line end.
blank_lines = st.lists(st.sampled_from(["", ",", ",,", "  ", " , ", '""', '" ",'])).map(tuple)
headers = st.permutations(["query", "expected"]).flatmap(
    lambda names: st.sampled_from(
        [names, [*names, "chip"], ["example", *names], [*names, "", ""], ["Chip ", *names]]
    )
)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
queries = texts.filter(lambda text: any(letter.isprintable() for letter in text.strip())).filter(
    lambda text: text.isprintable() and text.strip() == text
)
cases = st.lists(
    st.builds(
        Case,
        query=queries.map(parse_query),
        expected=st.sampled_from([None, "baker", "help, desk"]),
        chip=st.just(""),
        line=st.just(0),
    ),
    min_size=1,
    max_size=4,
)


@st.composite
def files(draw):
    """Draw a file of one case."""
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    header = draw(headers)
    old = draw(queries.filter(lambda text: '"' not in text and "," not in text))
    names = [name.strip().lower() for name in header]
    row = ",".join({"query": old, "expected": "baker"}.get(name, "") for name in names)
    lines = [*draw(blank_lines), ",".join(header), row]
    closed = draw(st.sampled_from(["", end, end + end, f"{end},,"]))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return (mark + end.join(lines) + closed).encode()


@settings(max_examples=300, derandomize=True, deadline=None)
@given(data=files(), new=cases)
def test_300_files_keep_their_cases_and_take_new_ones(data, new):
    """Whatever stands around header and rows: old and new cases are read back, in order."""
    held = labels(data)

    grown = append_cases(data, "cases.csv", new).encode()

    assert grown.startswith(data)
    assert labels(grown) == held + added(*new)
