"""From examples.csv to what routing learns from, and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.core.errors import ExamplesError, RegistryError
from handoff.core.model import Agent, Example, Registry
from handoff.core.texts import parse_query
from handoff.core.word_overlap import normal_form
from handoff.files import examples as examples_module
from handoff.files.examples import (
    MOST_EXAMPLES,
    Examples,
    LabelledQuery,
    collect_examples,
    format_examples,
    load_examples,
    parse_examples,
    save_examples,
)

REGISTRY = Registry((Agent("money", "Money", "Invoices."), Agent("garden", "Garden", "Roses.")))
NAME = "examples.csv"
some = settings(max_examples=50, deadline=None)

queries = (
    st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=40)
    .filter(str.strip)
    .map(parse_query)
)
owners = st.sampled_from(["money", "garden", None])


def parse(text):
    """Parse a file's text."""
    return parse_examples(text.encode(), NAME, REGISTRY)


def test_a_row_is_an_example():
    """The query, and the id of the agent that should take it."""
    found = parse("query,agent\nmy card was charged twice,money\n")

    assert found == Examples((Example("my card was charged twice", "money"),))


def test_a_row_without_an_agent_is_an_example_of_what_nobody_should_take():
    """An empty or blank cell names nobody."""
    found = parse("query,agent\nwho won the match,\nsing to me,  \n")

    assert [example.agent for example in found.examples] == [None, None]
    assert found.failed == ()


def test_columns_may_stand_in_any_order():
    """The header says which is which."""
    assert parse("agent,query\nmoney,pay\n").examples == (Example("pay", "money"),)


def test_an_unknown_agent_is_told_with_its_line_and_the_rest_stays():
    """One row that cannot be one is no reason to lose the others."""
    found = parse("query,agent\npay,money\nwater,plumber\nroses,garden\n")

    assert [example.query for example in found.examples] == ["pay", "roses"]
    assert found.failed == (
        "examples.csv, line 3, column 2 (agent): no agent has the id 'plumber'.",
    )


def test_a_query_that_is_none_is_told_with_its_line():
    """Empty, or longer than a query may be."""
    found = parse(f"query,agent\n ,money\n{'x' * 4_001},money\n")

    assert found.examples == ()
    assert found.failed[0].startswith("examples.csv, line 2, column 1 (query): the query is empty")
    assert found.failed[1].startswith("examples.csv, line 3, column 1 (query): the query has 4,001")


def test_a_contradiction_is_told_with_both_lines_and_the_first_stays():
    """The same query cannot belong to two agents."""
    found = parse("query,agent\npay,money\nroses,garden\npay,garden\npay,\n")

    assert found.examples == (Example("pay", "money"), Example("roses", "garden"))
    assert found.failed == (
        (
            "examples.csv, line 4 gives the query of line 2, or nearly that one, to another agent: "
            "keep one of them."
        ),
        (
            "examples.csv, line 5 gives the query of line 2, or nearly that one, to another agent: "
            "keep one of them."
        ),
    )
    assert found.repeated == 0


@pytest.mark.parametrize("again", ["charge my card", "Charge my card!", "charged  my cards"])
def test_nearly_the_same_words_count_once(again):
    """Case, punctuation, spaces and the commonest endings make no other example."""
    found = parse(f"query,agent\ncharge my card,money\n{again},money\n")

    assert found.examples == (Example("charge my card", "money"),)
    assert found.repeated == 1
    assert found.failed == ()


def test_nearly_the_same_words_for_another_agent_contradict():
    """Two spellings of one question have one answer."""
    found = parse("query,agent\ncharge my card,money\nCharged my cards!,garden\n")

    assert len(found.examples) == 1
    assert found.failed[0].startswith(
        "examples.csv, line 3 gives the query of line 2, or nearly that one,"
    )


def test_ten_thousand_near_duplicates_are_one_example():
    """They cost no time with the cube of their number, and one is told as many times."""
    rows = "".join(f"charge my card{'!' * (row % 7)},money\n" for row in range(10_000))

    found = parse(f"query,agent\n{rows}")

    assert len(found.examples) == 1
    assert found.repeated == 9_999


def test_one_agent_may_have_all_examples():
    """That is no mistake."""
    found = parse("query,agent\n" + "".join(f"pay bill {row},money\n" for row in range(50)))

    assert len(found.examples) == 50
    assert found.failed == ()


def test_an_empty_file_is_refused_with_the_header_that_is_wanted():
    """Nobody has to guess what stands in it."""
    with pytest.raises(ExamplesError, match=r"examples\.csv is empty: .* query,agent"):
        parse("")


def test_a_header_alone_holds_no_examples():
    """Whoever deleted the last example is not refused."""
    assert parse("query,agent\n") == Examples()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("query,expected\npay,money\n", r"line 1, column 2", id="another column"),
        pytest.param("query\npay\n", "lacks this column", id="no agents"),
        pytest.param("query,agent\npay\n", "line 2", id="a short row"),
        pytest.param("query,agent\npay,money,more\n", "line 2", id="a long row"),
        pytest.param('query,agent\n"pay,money\n', "line 2", id="an open quote"),
    ],
)
def test_a_wrong_shape_is_refused_with_its_place(text, complaint):
    """The file is not half read."""
    with pytest.raises(ExamplesError, match=complaint):
        parse(text)


def test_more_examples_than_can_be_learned_from_are_refused():
    """The sentence says how many are allowed; the last that is goes through."""
    rows = [f"pay bill {row},money\n" for row in range(MOST_EXAMPLES + 1)]

    assert len(parse("query,agent\n" + "".join(rows[:-1])).examples) == MOST_EXAMPLES
    with pytest.raises(ExamplesError) as complaint:
        parse("query,agent\n" + "".join(rows))

    assert str(complaint.value) == (
        "examples.csv has more than 5,000 different examples: leave some out."
    )


def test_repeats_do_not_count_towards_the_most(monkeypatch):
    """Ten rows that say the same are one."""
    monkeypatch.setattr(examples_module, "MOST_EXAMPLES", 1)

    assert len(parse("query,agent\n" + "pay,money\n" * 10).examples) == 1


@some
@given(labelled=st.lists(st.tuples(queries, owners), max_size=8))
def test_examples_that_are_written_are_read_back(labelled):
    """Quotes, commas and any letters: what is saved is what was there."""
    examples = tuple(Example(query, agent) for query, agent in labelled)
    kept = collect_examples(
        (LabelledQuery(row, example.query, example.agent) for row, example in enumerate(examples)),
        "x.csv",
    ).examples

    again = parse(format_examples(kept))

    assert again == Examples(kept)


@some
@given(labelled=st.lists(st.tuples(queries, owners), max_size=12))
def test_every_row_is_an_example_a_repeat_or_a_contradiction(labelled):
    """Nothing is lost, nothing counted twice, and no two that stay say the same."""
    found = collect_examples(
        (LabelledQuery(row, query, agent) for row, (query, agent) in enumerate(labelled)), "x.csv"
    )
    forms = [normal_form(example.query) for example in found.examples]

    assert len(found.examples) + len(found.failed) + found.repeated == len(labelled)
    assert len(set(forms)) == len(forms)


def test_saved_examples_are_loaded(tmp_path):
    """Through a file, line by line."""
    examples = (Example("pay, please", "money"), Example('say "hi"', None))

    save_examples(tmp_path / NAME, examples)

    assert load_examples(tmp_path / NAME, REGISTRY) == Examples(examples)
    assert (tmp_path / NAME).read_text() == 'query,agent\n"pay, please",money\n"say ""hi""",\n'


def test_saving_keeps_what_the_file_held(tmp_path):
    """Beside it, as .bak."""
    path = tmp_path / NAME
    save_examples(path, [Example("old", "money")])

    save_examples(path, [Example("new", "money")])

    assert "old" in (tmp_path / f"{NAME}.bak").read_text()
    assert "old" not in path.read_text()


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    """Named as the user named it."""
    with pytest.raises(ExamplesError, match="does not exist"):
        load_examples(tmp_path / NAME, REGISTRY)


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    """Of the type that belongs to examples."""
    with pytest.raises(ExamplesError, match="cannot be written"):
        save_examples(tmp_path / "missing" / NAME, [Example("pay", "money")])


def test_a_registry_refuses_an_example_of_nobody_it_knows():
    """Whoever builds one by hand is told as well."""
    with pytest.raises(RegistryError, match="plumber"):
        Registry(REGISTRY.agents, (Example("water", "plumber"),))
