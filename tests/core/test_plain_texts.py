"""What is said of a text, and what a number may look like: nothing here is embedded."""

import csv
import io
import math

import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.errors import HandoffError, QueryError
from handoff.core.texts import (
    csv_text,
    formula_safe,
    parse_number,
    parse_query,
    shorten,
    steering_character,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("owner", "owner", id="short"),
        pytest.param("x" * 40, "x" * 40, id="just fitting"),
        pytest.param("x" * 41, "x" * 39 + "…", id="too long"),
        pytest.param("two\nlines", "two\\nlines", id="a line break"),
        pytest.param("a\u202eb", "a\\u202eb", id="a direction override"),
        pytest.param("a\u00a0b", "a\\xa0b", id="a no-break space"),
        pytest.param("a\udcffb", "a\\udcffb", id="a lone surrogate"),
        pytest.param("naïve 😀", "naïve 😀", id="letters and signs of the world"),
        pytest.param("C:\\new\\'x'", "C:\\new\\'x'", id="backslashes and quotes"),
        pytest.param("\n" * 20, "\\n" * 20, id="escaped and just fitting"),
        pytest.param("x" * 38 + "\nx", "x" * 38 + "\\…", id="too long once escaped"),
    ],
)
def test_a_shortened_text_fits_a_sentence(text, shown):
    """A text is cut to 40 characters, and what cannot be printed, but nothing else, is escaped."""
    assert shorten(text) == shown


@pytest.mark.parametrize(
    ("most", "shown"), [(200, "x" * 100), (100, "x" * 100), (99, "x" * 98 + "…"), (1, "…")]
)
def test_a_text_is_shortened_to_what_is_asked_for(most, shown):
    """Another length than 40 may be asked for, and the ellipsis is part of it."""
    assert shorten("x" * 100, most) == shown


@some
@given(text=st.text(max_size=60), most=st.integers(1, 60))
def test_a_shortened_text_can_always_be_printed(text, most):
    """Whatever stood in a file, what is shown of it is one short line."""
    shown = shorten(text, most)

    assert len(shown) <= most
    assert shown.isprintable()


@some
@given(text=st.text(max_size=40).filter(str.isprintable))
def test_a_short_text_that_can_be_printed_is_shown_as_it_is(text):
    """Where nothing has to be escaped or cut off, nothing is."""
    assert shorten(text) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("plain text, 😀 and \u200djoined", None, id="nothing"),
        pytest.param("bell \x07", "U+0007", id="bell"),
        pytest.param("\x1b[31mred", "U+001B", id="escape"),
        pytest.param("del\x7f", "U+007F", id="delete"),
        pytest.param("c1 \x9b", "U+009B", id="a control of the second set"),
        pytest.param("a\u202eb", "U+202E", id="right-to-left override"),
        pytest.param("a\u2066b", "U+2066", id="an isolate"),
        pytest.param("\u202ea\x07", "U+202E", id="the first of two"),
    ],
)
def test_a_steering_character_is_found(text, found):
    """Characters that steer a terminal or turn a text round are told by their code point."""
    assert steering_character(text) == found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("0", 0.0, id="zero"),
        pytest.param("12", 12.0, id="a whole number"),
        pytest.param("0.35", 0.35, id="a decimal"),
        pytest.param(".5", 0.5, id="no digit before the point"),
        pytest.param("5.", 5.0, id="no digit after the point"),
        pytest.param("007", 7.0, id="zeros in front"),
        pytest.param("+0.5", 0.5, id="plus"),
        pytest.param("-.5", -0.5, id="minus"),
        pytest.param("1e3", 1_000.0, id="an exponent"),
        pytest.param("25E-2", 0.25, id="a capital and a negative exponent"),
        pytest.param("-1.5e+2", -150.0, id="signs on both"),
        pytest.param(" 0.35\t", 0.35, id="between spaces"),
    ],
)
def test_a_plain_decimal_is_a_number(text, number):
    """Digits with a sign, a point and an exponent, each if wanted, are read as a float."""
    parsed = parse_number(text)

    assert parsed == number
    assert isinstance(parsed, float)


@some
@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_number_is_read_back(number):
    """A number loses nothing by being printed."""
    assert parse_number(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(" \t", id="blank"),
        pytest.param("high", id="text"),
        pytest.param("0.5 or so", id="a number and text"),
        pytest.param("1 2", id="two numbers"),
        pytest.param("0_1", id="an underscore"),
        pytest.param("\u0660.\u0665", id="Arabic digits"),
        pytest.param("\uff11", id="a full-width digit"),
        pytest.param("0,5", id="a decimal comma"),
        pytest.param("0.1.2", id="two points"),
        pytest.param("nan", id="nan"),
        pytest.param("NaN", id="NaN"),
        pytest.param("inf", id="inf"),
        pytest.param("-inf", id="minus inf"),
        pytest.param("Infinity", id="infinity"),
        pytest.param("0x1", id="hexadecimal"),
        pytest.param("--1", id="two signs"),
        pytest.param("- 1", id="a space after the sign"),
        pytest.param("\u22121", id="a typographic minus"),
        pytest.param("+", id="a sign alone"),
        pytest.param(".", id="a point alone"),
        pytest.param("1e", id="an exponent without digits"),
        pytest.param("e3", id="an exponent alone"),
        pytest.param("1e0.5", id="a broken exponent"),
        pytest.param("True", id="a truth value"),
    ],
)
def test_anything_else_is_not_a_number(text):
    """What is no plain decimal is NaN, which is in no range."""
    assert math.isnan(parse_number(text))


@pytest.mark.parametrize(
    "text",
    ["9" * 300_000 + "x", "-" + "9." * 150_000, "1e" + "0" * 300_000],
    ids=["digits and a letter", "many points", "a long exponent"],
)
def test_a_long_text_is_told_from_a_number_in_one_pass(text):
    """A link may hold one; a pass for each of its digits would hold everybody up for minutes."""
    number = parse_number(text)

    assert math.isnan(number) or number == 1.0
    assert formula_safe(f"={text}") == f"'={text}"


def test_a_query_error_is_one_sentence_of_its_two_parts():
    """Problem and mend can be put into another sentence, and make one by themselves."""
    error = QueryError("the query is in Klingon", "type it in English")

    assert isinstance(error, HandoffError)
    assert (error.problem, error.mend) == ("the query is in Klingon", "type it in English")
    assert str(error) == "The query is in Klingon: type it in English."


@pytest.mark.parametrize(
    ("query", "problem", "mend"),
    [
        pytest.param(" \n", "the query is empty", "type what should be routed", id="blank"),
        pytest.param(
            "x" * 4_001,
            "the query has 4,001 characters",
            "shorten it to at most 4,000",
            id="over 4,000 characters",
        ),
        pytest.param(
            "fix \udcff",
            "the query holds bytes that are not UTF-8 text",
            "type it again",
            id="a lone surrogate",
        ),
    ],
)
def test_a_refused_query_has_a_problem_and_a_mend(query, problem, mend):
    """Whoever refuses a query is told what is wrong and what to do about it, apart."""
    with pytest.raises(QueryError) as refusal:
        parse_query(query)

    assert (refusal.value.problem, refusal.value.mend) == (problem, mend)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        pytest.param("=HYPERLINK(0)", "'=HYPERLINK(0)", id="a formula"),
        pytest.param("  +A1", "'  +A1", id="a sign behind spaces"),
        pytest.param("-1+1", "'-1+1", id="a sum"),
        pytest.param("-1", "-1", id="a number"),
        pytest.param("@SUM(1)", "'@SUM(1)", id="an at sign"),
        pytest.param("a=1", "a=1", id="an equals sign inside"),
        pytest.param("", "", id="nothing"),
        pytest.param("\uff1d1", "'\uff1d1", id="full width"),
        pytest.param("\ufeff=1", "'\ufeff=1", id="a byte order mark"),
        pytest.param("\u00ad\u2060=1", "'\u00ad\u2060=1", id="a soft hyphen, a word joiner"),
        pytest.param("\u200b\u3164\ufe0f@A", "'\u200b\u3164\ufe0f@A", id="other blanks"),
        pytest.param("x;=1", "x;'=1", id="behind a semicolon"),
        pytest.param("x\t=1\r\n+2\r@3", "x\t'=1\r\n'+2\r'@3", id="behind tabs and line breaks"),
        pytest.param("x;-1", "x;-1", id="a number behind a semicolon"),
    ],
)
def test_what_a_spreadsheet_would_compute_gets_an_apostrophe(text, safe):
    """Only what begins a text, or a piece of it, like a formula is changed."""
    assert formula_safe(text) == safe


@pytest.mark.parametrize("cell", ["a\rb", "a\nb", "\r", "a\r\nb", 'a"\r,'])
def test_a_line_break_stays_in_its_cell(cell):
    """A lone carriage return is quoted too, and a line ends with a line feed alone."""
    text = csv_text([("id", "query"), ("1", cell)])

    assert list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:] == [["1", cell]]
    assert text.startswith("id,query\n")
