"""The texts that are embedded."""

import unicodedata

import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.errors import QueryError
from handoff.core.model import Agent
from handoff.core.texts import agent_text, agent_texts, listed, parse_query

typed = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from([" ", "\t", "\r", "\n", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u00a0"]),
    ),
    max_size=30,
)
queries = typed.map(lambda text: f"{text}x{text}")


def test_an_agent_is_its_name_and_its_description():
    """Id, tags and threshold are not part of what is embedded."""
    agent = Agent("id-1", "Editor", "Edits text.", ("writing",), 0.5)

    assert agent_text(agent) == "Editor: Edits text."


@pytest.mark.parametrize(
    ("description", "phrases"),
    [
        pytest.param(
            "Bread, cakes; rolls: pies. Tarts.",
            ["Bread", "cakes", "rolls", "pies", "Tarts"],
            id="each sign",
        ),
        pytest.param("Bread,\n cakes", ["Bread", "cakes"], id="any space"),
        pytest.param("Bread, ab, cakes", ["Bread", "cakes"], id="two characters say nothing"),
        pytest.param("Bread, cakes, Bread", ["Bread", "cakes"], id="said twice"),
        pytest.param("Bread.", [], id="one phrase"),
        pytest.param("Bread, ab.", [], id="one that says something"),
        pytest.param("Bread, Bread", [], id="one said twice"),
        pytest.param(
            "CI/CD at 1,000 a.m., v1.2", ["CI/CD at 1,000 a.m.", "v1.2"], id="signs inside words"
        ),
        pytest.param("", [], id="nothing"),
        pytest.param(" , . ; : ", [], id="signs alone"),
    ],
)
def test_a_description_of_several_phrases_is_these_as_well(description, phrases):
    """The whole comes first; a description of one phrase is its whole and nothing else."""
    agent = Agent("id-1", "Baker", description)

    assert agent_texts(agent) == (agent_text(agent), *phrases)


@some
@given(description=st.text(st.sampled_from("ab ,.;:\n"), max_size=30))
def test_no_phrase_is_short_or_there_twice_or_alone(description):
    """Whatever somebody writes: never one phrase alone, which would only repeat the whole."""
    _, *phrases = agent_texts(Agent("id-1", "Baker", description))

    assert all(len(phrase) >= 3 and phrase in description for phrase in phrases)
    assert len(set(phrases)) == len(phrases) != 1


@pytest.mark.parametrize(
    ("text", "query"),
    [
        pytest.param("fix\tthe\nbug", "fix the bug", id="tab and line feed"),
        pytest.param("fix\r\nit", "fix  it", id="two characters, two spaces"),
        pytest.param("a\0b\x1bc\x7fd\x85e", "a b c d e", id="other control characters"),
        pytest.param("a\u2028b\u00a0c", "a b c", id="line separator and hard space"),
        pytest.param("  \t fix it \n ", "fix it", id="ends"),
        pytest.param("fix  it", "fix  it", id="inner spaces stay"),
        pytest.param("Größe 尺寸 🚀", "Größe 尺寸 🚀", id="other scripts stay"),
    ],
)
def test_a_query_is_made_clean(text, query):
    """Control characters become spaces and the ends are trimmed; the rest is as typed."""
    assert parse_query(text) == query


@some
@given(text=queries)
def test_no_control_character_is_left(text):
    """Whatever was pasted, a query is one line without commands to a terminal."""
    query = parse_query(text)

    assert not any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in query)
    assert query == query.strip()


@some
@given(text=queries)
def test_parsing_a_query_again_changes_nothing(text):
    """A query that went through is already clean."""
    query = parse_query(text)

    assert parse_query(query) == query


@pytest.mark.parametrize("text", ["", "   ", "\n\t\r\n", "\0\x1b", "\u2003\u2028"], ids=repr)
def test_an_empty_query_is_refused(text):
    """A query of nothing but blanks and control characters says so."""
    with pytest.raises(QueryError, match="empty"):
        parse_query(text)


def test_four_thousand_characters_are_allowed():
    """The limit counts what is left after trimming, in characters rather than bytes."""
    assert parse_query(f"\n {'ß' * 4_000} \n") == "ß" * 4_000


def test_one_character_more_is_refused():
    """The complaint says how many there are and how many there may be."""
    with pytest.raises(QueryError, match=r"4,001 characters.*4,000"):
        parse_query("x" * 4_001)


@pytest.mark.parametrize("code", [0xD800, 0xDC80, 0xDFFF], ids=hex)
def test_a_lone_surrogate_is_refused(code):
    """Bytes that were no text are turned away before a model chokes on them."""
    with pytest.raises(QueryError, match="UTF-8"):
        parse_query(f"fix {chr(code)} it")


@pytest.mark.parametrize(
    ("words", "shown"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_a_list_reads_as_in_a_sentence(words, shown):
    """Commas, and one "and"."""
    assert listed(words) == shown
