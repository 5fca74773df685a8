"""From cases.csv to labelled queries: a bad row is kept with its reason, the rest still runs."""

from collections import Counter

import pytest

from handoff.core.errors import CasesError
from handoff.core.model import Agent, Registry
from handoff.evaluation.cases import Case, FailedCase, load_cases, parse_cases
from handoff.registry import load_registry

REGISTRY = Registry(
    (
        Agent("baker", "Baker", "Bakes bread and cakes."),
        Agent("help desk", "Help Desk", "Answers questions."),
    )
)
HEADER = "query,expected,example\n"


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


def test_examples_are_found_by_label():
    """The queries with a label are the examples, in the order of the file."""
    cases = parse("one,baker,Zwieback", "two,baker,", "three,,Off topic")

    assert list(cases.examples.items()) == [("Zwieback", "one"), ("Off topic", "three")]


def test_a_label_is_one_line():
    """Space inside a label is a single one."""
    cases = parse('one,baker," Rye\n  bread "')

    assert cases.examples == {"Rye bread": "one"}


def test_the_first_of_two_equal_labels_counts():
    """A label that stands twice keeps its first query and its place, and both rows are cases."""
    cases = parse("one,baker,Rye bread", "two,,Off topic", 'three,baker,"Rye  bread"')

    assert list(cases.examples.items()) == [("Rye bread", "one"), ("Off topic", "two")]
    assert [case.example for case in cases.cases] == ["Rye bread", "Off topic", "Rye bread"]


def test_the_label_of_a_failed_case_is_free():
    """A row that cannot be a case takes no label away from the next one."""
    cases = parse("one,barber,Rye bread", "two,baker,Rye bread")

    assert cases.examples == {"Rye bread": "two"}


def test_blank_columns_at_the_end_change_nothing():
    """What a spreadsheet leaves behind its last column reaches no case."""
    cases = parse_cases(b"query,expected,,\na loaf,baker,,\nrain,,,\n", "cases.csv", REGISTRY)

    assert cases.cases == (Case("a loaf", "baker", "", 2), Case("rain", None, "", 3))


def test_the_example_column_may_be_left_out():
    """Two columns are enough, in any order."""
    cases = parse_cases(b"expected,query\nbaker,a loaf\n", "cases.csv", REGISTRY)

    assert cases.cases == (Case("a loaf", "baker", "", 2),)
    assert cases.examples == {}


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
            b"query,example\na loaf,Bread\n",
            "cases.csv, line 1, column 3 (expected): the header lacks this column, "
            "it must name query, expected.",
            id="a column missing",
        ),
        pytest.param(
            b"query,agent\na loaf,baker\n",
            "cases.csv, line 1, column 2 (agent): the header may name query, expected, example, "
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

    assert str(complaint.value) == f"{path} does not exist: name a CSV file."


def test_a_line_break_in_the_name_of_a_file_of_cases_does_not_break_the_sentence(tmp_path):
    """A complaint and a failed case's reason are one line, whatever the file is called."""
    path = tmp_path / "two\nlines.csv"
    path.write_text(HEADER + "a shave please,barber,\n", encoding="utf-8")

    (failed,) = load_cases(path, REGISTRY).failed

    assert failed.reason.endswith(", line 2, column 2 (expected): no agent has the id 'barber'.")
    assert failed.reason.isprintable()


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


def test_the_projects_own_cases_hold_eight_examples(own):
    """Eight queries carry a label, each its own."""
    labelled = [case for case in own.cases if case.example]

    assert len(labelled) == 8
    assert len(own.examples) == 8


def test_the_projects_own_cases_hold_no_query_twice(own):
    """No query stands there twice, not even with other capitals or spaces."""
    counts = Counter(" ".join(case.query.casefold().split()) for case in own.cases)

    assert [query for query, times in counts.items() if times > 1] == []
