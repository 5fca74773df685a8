"""Verdicts as files: what goes out comes back, and no spreadsheet runs any of it."""

import csv
import io
import json

import pytest
from hypothesis import given as holds_for
from hypothesis import strategies as st
from verdict_samples import given, refused, taken_back

from handoff.core.texts import formula_safe
from handoff.verdicts.exchange import format_csv, format_json, parse_file
from handoff.verdicts.record import FIELDS, VerdictKind, VerdictsError, parse_note

FORMS = {"csv": format_csv, "json": format_json}
RISKY = '=HYPERLINK("http://evil.test";"click")'


@pytest.fixture(params=FORMS.values(), ids=FORMS)
def form(request):
    """Return one of the two formats."""
    return request.param


def test_what_goes_out_comes_back(form):
    """Every field, figures to the last bit, and undone entries."""
    right = given(note='a "quoted", note', threshold=0.1 + 0.2)
    entries = [right, refused(what=VerdictKind.WRONG, expected="florist"), taken_back(right)]

    assert parse_file(form(entries).encode(), "verdicts") == entries


def test_what_comes_back_goes_out_the_same(form):
    """An export of an import is the same file."""
    text = form([given(query="-3 degrees"), given(query="-x"), given(query="'=x", note="'@y")])

    assert form(parse_file(text.encode(), "verdicts")) == text


def test_no_cell_is_a_formula():
    """Query, note, name and ids are text to a spreadsheet."""
    changed = dict.fromkeys(("query", "note", "who", "agent", "fingerprint", "embedder"), RISKY)
    text = format_csv([given(**changed, scores=((RISKY, 0.5),))])
    (row,) = csv.DictReader(io.StringIO(text))

    assert all(formula_safe(cell) == cell for cell in row.values())
    assert row["note"] == f"'{RISKY}"
    assert parse_file(text.encode(), "v.csv")[0].note == RISKY


@holds_for(st.text(alphabet="'=+-@; x1\uff1d", max_size=8).map(parse_note))
def test_guarding_loses_nothing(note):
    """However many apostrophes a note has, it comes back as it was."""
    entry = given(note=note)
    text = format_csv([entry])

    assert parse_file(text.encode(), "v.csv") == [entry]
    assert all(formula_safe(cell) == cell for row in csv.reader(io.StringIO(text)) for cell in row)


def test_an_empty_log_is_a_header(form):
    """It comes back as no entry."""
    assert parse_file(form([]).encode(), "verdicts") == []


def edited(**cells):
    """Return an export of one verdict with cells changed by hand."""
    text = io.StringIO()
    (row,) = csv.DictReader(io.StringIO(format_csv([given()])))
    rows = csv.DictWriter(text, FIELDS, lineterminator="\n")
    rows.writeheader()
    rows.writerow(row | cells)
    return text.getvalue().encode()


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"what": "yes"}, r"v.csv, line 2, column 2 \(what\): it must be one of right, wrong"),
        ({"scores": "many"}, r"line 2, column 9 \(scores\): it must be JSON"),
        ({"threshold": "high"}, r"line 2, column 8 \(threshold\): it must be a number"),
        ({"policy": "[]"}, r"line 2, column 10 \(policy\): it must be an object"),
    ],
)
def test_a_bad_cell_is_named(cells, sentence):
    """File, line, column, and what to do."""
    with pytest.raises(VerdictsError, match=sentence):
        parse_file(edited(**cells), "v.csv")


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("{", "no valid JSON"),
        ("[" * 100_000, "no valid JSON"),
        ("[]", "no list of entries"),
        ('{"schema": 2, "entries": []}', "schema 2, known here is 1: update handoff"),
        ('{"schema": 1, "entries": [1]}', "entry 1: it must be an object"),
        ('{"schema": 1, "entries": [{"id": "x"}]}', r"entry 1 \(who\): it must be a text"),
    ],
)
def test_json_that_is_no_log_is_one_sentence(document, sentence):
    """Whatever the file holds, nobody reads a stack."""
    with pytest.raises(VerdictsError, match=sentence):
        parse_file(document.encode(), "v.json")


def test_the_form_is_documented_by_its_schema():
    """Programs read the version first."""
    assert json.loads(format_json([given()]))["schema"] == 1
