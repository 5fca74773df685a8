"""From cases.csv to labelled queries: a bad row is kept with its reason, the rest still runs.

One file: each check says what one row of the same file becomes.
"""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import some

from handoff.core.errors import CasesError
from handoff.core.model import Agent, Registry
from handoff.core.texts import parse_query
from handoff.files.cases import (
    Case,
    Cases,
    FailedCase,
    append_cases,
    format_cases,
    load_cases,
    parse_cases,
)
from handoff.files.registry import load_registry

REGISTRY = Registry(
    (
        Agent("baker", "Baker", "Bakes bread and cakes."),
        Agent("help desk", "Help Desk", "Answers questions."),
    )
)
ODD = Registry(tuple(Agent(odd, "Odd", "Odd.") for odd in ("a,b", 'say "a"', "it's", "=1+1", "#")))
HEADER = "query,expected,chip\n"

printable = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
queries = printable.filter(str.strip).map(parse_query)
written = st.lists(
    st.builds(
        Case,
        query=queries,
        expected=st.one_of(st.none(), st.sampled_from(sorted(ODD.positions))),
        chip=printable.map(lambda text: " ".join(text.split())),
        line=st.just(0),
    ),
    min_size=1,
    max_size=6,
)


def parse(*lines):
    """Return the cases of a file made of these lines."""
    return parse_cases((HEADER + "\n".join(lines)).encode(), "cases.csv", REGISTRY)


@pytest.fixture(scope="module")
def agents(root):
    """Return the project's own registry."""
    return load_registry(root / "agents.csv")


@pytest.fixture(scope="module")
def own(root, agents):
    """Return the project's own cases."""
    return load_cases(root / "cases.csv", agents)


def test_a_row_becomes_a_case():
    """Each column lands in its field, and the line is known."""
    cases = parse("two loaves of rye,baker,Bread")

    assert cases.cases == (Case("two loaves of rye", "baker", "Bread", 2),)
    assert cases.failed == ()


def test_an_empty_expected_cell_is_nobody():
    """Where nobody should take a query, None is expected."""
    cases = parse("what is the weather on mars,,", "and on venus,  ,")

    assert [case.expected for case in cases.cases] == [None, None]


def test_an_expected_id_may_hold_spaces():
    """Spaces inside an id are its own, those around it are not."""
    cases = parse("who can help, help desk ,")

    assert cases.cases[0].expected == "help desk"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(
            "x" * 4_001 + ",baker,",
            "cases.csv, line 3, column 1 (query): the query has 4,001 characters, "
            "shorten it to at most 4,000.",
            id="a query over 4,000 characters",
        ),
        pytest.param(
            " ,baker,",
            "cases.csv, line 3, column 1 (query): the query is empty, type what should be routed.",
            id="a blank query",
        ),
        pytest.param(
            "a shave please,barber,",
            "cases.csv, line 3, column 2 (expected): no agent has the id 'barber'.",
            id="an unknown agent",
        ),
        pytest.param(
            "a rye loaf,Baker,",
            "cases.csv, line 3, column 2 (expected): no agent has the id 'Baker'.",
            id="an id with another capital",
        ),
        pytest.param(
            f"a rye loaf,{'b' * 41},",
            f"cases.csv, line 3, column 2 (expected): no agent has the id '{'b' * 39}…'.",
            id="a long unknown agent",
        ),
        pytest.param(
            "a rye loaf,ba\x1bker\\,",
            "cases.csv, line 3, column 2 (expected): no agent has the id 'ba\\x1bker\\'.",
            id="an unknown agent with an escape character and a backslash",
        ),
    ],
)
def test_a_failed_case_is_kept_while_the_rest_runs(row, reason):
    """A row that cannot be a case is told with its line and reason, and its neighbours stay."""
    cases = parse("first,baker,", row, "last,,")

    assert cases.failed == (FailedCase(3, reason),)
    assert cases.cases == (Case("first", "baker", "", 2), Case("last", None, "", 4))


def test_every_failed_case_is_kept():
    """A second mistake does not hide the first, and lines stay those of the file."""
    cases = parse('"one\ntwo",barber,', "", "fine,baker,", "\t,baker,")

    assert [failed.line for failed in cases.failed] == [2, 6]
    assert [case.line for case in cases.cases] == [5]


def test_a_file_may_hold_failed_cases_only():
    """A file whose every row fails is answered with the reasons, not with an error."""
    cases = parse("a shave please,barber,")

    assert cases.cases == ()
    assert len(cases.failed) == 1


def test_a_query_of_4000_characters_is_a_case():
    """The longest query that is allowed arrives whole."""
    cases = parse("x" * 4_000 + ",baker,")

    assert cases.cases[0].query == "x" * 4_000


def test_line_breaks_and_tabs_in_a_query_become_spaces():
    """A query of several lines is one line, trimmed at its ends."""
    cases = parse('"\ttwo loaves\nof\trye\n",baker,')

    assert cases.cases[0].query == "two loaves of rye"


def test_chips_are_found_by_label():
    """The queries with a label are the chips, in the order of the file."""
    cases = parse("one,baker,Zwieback", "two,baker,", "three,,Off topic")

    assert list(cases.chips.items()) == [("Zwieback", "one"), ("Off topic", "three")]


def test_a_label_is_one_line():
    """Space inside a label is a single one."""
    cases = parse('one,baker," Rye\n  bread "')

    assert cases.chips == {"Rye bread": "one"}


def test_the_first_of_two_equal_labels_counts():
    """A label that stands twice keeps its first query and its place, and both rows are cases."""
    cases = parse("one,baker,Rye bread", "two,,Off topic", 'three,baker,"Rye  bread"')

    assert list(cases.chips.items()) == [("Rye bread", "one"), ("Off topic", "two")]
    assert [case.chip for case in cases.cases] == ["Rye bread", "Off topic", "Rye bread"]


def test_the_label_of_a_failed_case_is_free():
    """A row that cannot be a case takes no label away from the next one."""
    cases = parse("one,barber,Rye bread", "two,baker,Rye bread")

    assert cases.chips == {"Rye bread": "two"}


def test_blank_columns_at_the_end_change_nothing():
    """What a spreadsheet leaves behind its last column reaches no case."""
    cases = parse_cases(b"query,expected,,\na loaf,baker,,\nrain,,,\n", "cases.csv", REGISTRY)

    assert cases.cases == (Case("a loaf", "baker", "", 2), Case("rain", None, "", 3))


def test_the_chip_column_may_be_left_out():
    """Two columns are enough, in any order."""
    cases = parse_cases(b"expected,query\nbaker,a loaf\n", "cases.csv", REGISTRY)

    assert cases.cases == (Case("a loaf", "baker", "", 2),)
    assert cases.chips == {}


def test_the_old_name_of_the_chip_column_is_read():
    """A file that calls it example works as before, and is known to be one."""
    old = parse_cases(b"query,expected,example\na loaf,baker,Bread\n", "cases.csv", REGISTRY)

    assert old.chips == {"Bread": "a loaf"}
    assert old.old_column
    assert not parse("a loaf,baker,Bread").old_column


def test_more_cases_go_under_the_old_name_of_the_chip_column():
    """What a file holds stays as it is, its header too."""
    data = b"query,expected,example\na loaf,baker,Bread\n"

    grown = append_cases(data, "cases.csv", [Case("a roll", "baker", "Roll", 0)])

    assert grown == data.decode() + "a roll,baker,Roll\n"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(
            b"",
            "cases.csv is empty: its first line must be query,expected.",
            id="empty",
        ),
        pytest.param(
            b"query,expected\n",
            "cases.csv has a header but no case: add a row for each query.",
            id="header only",
        ),
        pytest.param(
            b"query,chip\na loaf,Bread\n",
            "cases.csv, line 1, column 3 (expected): the header lacks this column, "
            "it must name query, expected.",
            id="a column missing",
        ),
        pytest.param(
            b"query,agent\na loaf,baker\n",
            "cases.csv, line 1, column 2 (agent): the header may name query, expected, chip, "
            "rename or remove this column.",
            id="an unknown column",
        ),
        pytest.param(
            b"query,expected\na loaf,baker\nand a roll\n",
            "cases.csv, line 3, column 2 (expected): the row ends before this column, "
            "add the cell.",
            id="a row too short",
        ),
        pytest.param(
            b"query,expected\na loaf, please,baker\n",
            "cases.csv, line 2, column 3: the row has 3 cells where the header has 2, "
            "quote a cell that holds a comma.",
            id="a row too long",
        ),
        pytest.param(
            b"query,expected\na cr\xe8me,baker\n",
            "cases.csv, line 2, column 1: the cell is not UTF-8, save the file as CSV (UTF-8).",
            id="not UTF-8",
        ),
    ],
)
def test_a_file_of_the_wrong_shape_is_answered_by_one_sentence(data, sentence):
    """What is wrong with the file as a whole stops the reading."""
    with pytest.raises(CasesError) as complaint:
        parse_cases(data, "cases.csv", REGISTRY)

    assert str(complaint.value) == sentence


def test_a_missing_file_of_cases_is_named(tmp_path):
    """Cases that are not there are named with their whole path."""
    path = tmp_path / "cases.csv"

    with pytest.raises(CasesError) as complaint:
        load_cases(path, REGISTRY)

    assert str(complaint.value).startswith(str(path))


def test_a_line_break_in_the_name_of_a_file_of_cases_does_not_break_the_sentence(tmp_path):
    """A complaint and a failed case's reason are one line, whatever the file is called."""
    path = tmp_path / "two\nlines.csv"
    path.write_text(HEADER + "a shave please,barber,\n", encoding="utf-8")

    (failed,) = load_cases(path, REGISTRY).failed

    assert failed.reason.endswith(", line 2, column 2 (expected): no agent has the id 'barber'.")
    assert failed.reason.isprintable()


@some
@given(cases=written)
def test_cases_that_are_written_read_back_as_they_were(cases):
    """Quotes, commas, formulas and blanks in any column come back, in order, none failed."""
    again = parse_cases(format_cases(cases).encode(), "cases.csv", ODD)

    assert again.failed == ()
    assert [replace(case, line=0) for case in again.cases] == cases


def test_cases_are_written_one_a_line_under_a_header():
    """Nobody is an empty cell."""
    text = format_cases([Case("a loaf", "baker", "Bread", 2), Case("rain, or not", None, "", 3)])

    assert text == 'query,expected,chip\na loaf,baker,Bread\n"rain, or not",,\n'


def test_a_query_that_is_labelled_otherwise_later_is_a_contradiction():
    """It stands after the first case of its query, each time that it differs from that one."""
    cases = parse("rye,baker,", "rye,,", "oats,baker,", "rye,help desk,", "rye,baker,", "oats,,")

    pairs = [(earlier.line, later.line) for earlier, later in cases.contradictions]

    assert pairs == [(2, 3), (2, 5), (4, 7)]


def test_a_query_that_is_labelled_alike_twice_is_no_contradiction():
    """It is repeated, whatever its example says."""
    cases = parse("rye,baker,Rye", "rye,baker,", "rye ,baker,", "oats,,", "oats,,")

    assert cases.contradictions == []
    assert cases.repeated == 3


def test_a_contradiction_is_not_repeated():
    """The same query under two labels is two cases; a third like one of them repeats it."""
    assert parse("rye,baker,", "rye,,").repeated == 0
    assert parse("rye,baker,", "rye,,", "rye,,").repeated == 1


@some
@given(
    pairs=st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from(["baker", None])), max_size=8)
)
def test_contradictions_and_repetitions_are_what_counting_gives(pairs):
    """Each case beside the first of its query, and all cases less the different ones."""
    cases = Cases(
        tuple(Case(query, expected, "", line) for line, (query, expected) in enumerate(pairs)), ()
    )
    first = {query: (line, expected) for line, (query, expected) in reversed([*enumerate(pairs)])}

    assert [(one.line, two.line) for one, two in cases.contradictions] == [
        (first[query][0], line)
        for line, (query, expected) in enumerate(pairs)
        if expected != first[query][1]
    ]
    assert cases.repeated == len(pairs) - len(set(pairs))


def test_an_agent_of_any_of_the_registries_may_be_expected():
    """Two registries are compared on one set: a label may name an agent that one of them lacks."""
    other = Registry((Agent("barber", "Barber", "Cuts hair."),))
    rows = f"{HEADER}a shave,barber,\na loaf,baker,\na nail,smith,\n".encode()

    both = parse_cases(rows, "cases.csv", REGISTRY, other)
    alone = parse_cases(rows, "cases.csv", REGISTRY)

    assert [case.expected for case in both.cases] == ["barber", "baker"]
    assert [failed.line for failed in both.failed] == [4]
    assert [failed.line for failed in alone.failed] == [2, 4]


def test_loading_takes_the_agents_of_any_of_the_registries(tmp_path):
    """As parsing does."""
    other = Registry((Agent("barber", "Barber", "Cuts hair."),))
    path = tmp_path / "cases.csv"
    path.write_text(HEADER + "a shave,barber,\n", encoding="utf-8")

    assert load_cases(path, REGISTRY, other).failed == ()


def test_the_projects_own_cases_are_150_or_more_and_none_fails(own):
    """Every row of the project's cases.csv can be used."""
    assert len(own.cases) >= 150
    assert own.failed == ()


def test_the_projects_own_cases_hold_ten_or_more_for_each_agent(own, agents):
    """No agent of the project's agents.csv is judged by a handful of queries."""
    counts = Counter(case.expected for case in own.cases)

    assert {agent.id for agent in agents.agents if counts[agent.id] < 10} == set()


def test_the_projects_own_cases_hold_thirty_or_more_for_nobody(own):
    """Queries that nobody should take are a fair share."""
    assert sum(case.expected is None for case in own.cases) >= 30


def test_the_projects_own_cases_hold_eight_chips(own):
    """Eight queries carry a label, each its own."""
    labelled = [case for case in own.cases if case.chip]

    assert len(labelled) == 8
    assert len(own.chips) == 8


def test_the_projects_own_cases_hold_no_query_twice(own):
    """No query stands there twice, not even with other capitals or spaces."""
    counts = Counter(" ".join(case.query.casefold().split()) for case in own.cases)

    assert [query for query, times in counts.items() if times > 1] == []
