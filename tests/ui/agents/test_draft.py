"""What is typed into the table of agents, as values."""

from dataclasses import replace

import pytest

from handoff.core.errors import RegistryError
from handoff.core.model import Agent, Registry
from handoff.files.registry import (
    load_registry,
    parse_table,
    replace_registry,
    save_registry,
    table_of,
)
from handoff.ui.agents.draft import SHOWN_ROWS, Difference, apply_edits, differences, search_rows

REGISTRY = Registry(
    (
        Agent("baker", "Baker", "bread from the oven", ("bread", "oven"), 0.0),
        Agent("florist", "Florist", "roses and flowers", ("flowers",)),
        Agent("smith", "Smith", "horseshoes"),
    )
)
ROWS = table_of(REGISTRY)
ALL = range(3)


def test_a_table_is_read_back():
    """What was written as a table is the same registry, its own threshold of 0 included."""
    assert parse_table(ROWS) == REGISTRY


def test_a_cell_is_typed():
    """Only that cell of that row changes; an emptied one is empty."""
    typed = apply_edits(ROWS, ALL, {"edited_rows": {1: {"name": "Gardener", "tags": None}}})

    assert typed == (ROWS[0], ("florist", "Gardener", "roses and flowers", "", ""), ROWS[2])


def test_rows_come_and_go():
    """A new row may be unfinished, so that nothing typed is lost; one that is blank is none."""
    typed = apply_edits(
        ROWS, ALL, {"added_rows": [{"id": "cook"}, {}, {"id": None}], "deleted_rows": [0, 2]}
    )

    assert typed == (ROWS[1], ("cook", "", "", "", ""))


def test_what_is_typed_into_found_rows_reaches_their_own_places():
    """A table that shows two of three rows edits just these."""
    edits = {"edited_rows": {"1": {"name": "Farrier"}}, "deleted_rows": [0]}

    typed = apply_edits(ROWS, (1, 2), edits)

    assert typed == (ROWS[0], ("smith", "Farrier", "horseshoes", "", ""))


def test_rows_are_found_by_any_cell():
    """In any case, and at most as many as a browser shows quickly."""
    assert search_rows(ROWS, " FLOWERS ") == (1,)
    assert search_rows(ROWS, "") == (0, 1, 2)
    assert len(search_rows(ROWS * SHOWN_ROWS, "")) == SHOWN_ROWS


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        (
            {"edited_rows": {1: {"name": ""}}},
            "Line 2 of the table ('florist'), name: the cell is empty, fill it in.",
        ),
        (
            {"edited_rows": {1: {"id": "baker"}}},
            (
                "Line 2 of the table ('baker'), id: 'baker' is already the id of line 1, give each "
                "agent its own."
            ),
        ),
        (
            {"edited_rows": {1: {"threshold": "7"}}},
            (
                "Line 2 of the table ('florist'), threshold: '7' is no number from -1 to 1, "
                "correct it or leave it empty."
            ),
        ),
        (
            {"edited_rows": {0: {"description": "x" * 2_001}}},
            (
                "Line 1 of the table ('baker'), description: 2,001 characters, at most 2,000 are "
                "allowed, shorten it."
            ),
        ),
        (
            {"added_rows": [{"name": "Cook"}]},
            "Line 4 of the table, description: the cell is empty, fill it in.",
        ),
        ({"deleted_rows": [0, 1, 2]}, "A registry needs at least one agent: add a row."),
    ],
)
def test_a_broken_rule_is_one_sentence(edits, said):
    """It names the row as the visitor sees it, and its id; the rows stay as they were typed."""
    with pytest.raises(RegistryError) as caught:
        parse_table(apply_edits(ROWS, ALL, edits))

    assert str(caught.value) == said


def test_line_breaks_move_no_row():
    """A pasted text of two lines is one cell, and the complaint names the right row."""
    rows = (("a", "A\nB", "first\r\nsecond", "", ""), ("b", "", "x", "", ""))

    with pytest.raises(RegistryError, match="Line 2 of the table"):
        parse_table(rows)
    assert parse_table(rows[:1]).agents[0].description == "first second"


def test_bytes_that_are_no_text_are_refused():
    """Half a surrogate pair cannot be saved, and is told before anything is tried."""
    with pytest.raises(RegistryError, match="not UTF-8"):
        parse_table([("a", "A\ud800", "x", "", "")])


def test_two_tables_are_compared_cell_by_cell():
    """Who differs, and how; an agent that one side lacks has empty cells there."""
    mine = apply_edits(
        ROWS, ALL, {"edited_rows": {0: {"name": "Chef"}}, "added_rows": [{"id": "new"}]}
    )
    theirs = Registry(REGISTRY.agents[:2])

    assert differences(theirs, mine) == [
        Difference("baker", "name", "Baker", "Chef"),
        Difference("smith", "id", "", "smith"),
        Difference("smith", "name", "", "Smith"),
        Difference("smith", "description", "", "horseshoes"),
        Difference("new", "id", "", "new"),
    ]


def test_another_file_is_not_overwritten(tmp_path):
    """A file that holds others than expected stays; so does its copy."""
    path = tmp_path / "agents.csv"
    other = Registry(REGISTRY.agents[:1])
    save_registry(path, other)

    assert not replace_registry(path, REGISTRY, REGISTRY)
    assert not (tmp_path / "agents.csv.bak").exists()
    assert replace_registry(path, REGISTRY, other)
    assert (tmp_path / "agents.csv.bak").read_text().count("\n") == 2


def test_a_changed_threshold_is_a_changed_file(tmp_path):
    """Though it is no part of the fingerprint."""
    path = tmp_path / "agents.csv"
    save_registry(path, REGISTRY)
    bare = Registry(tuple(replace(one, threshold=None) for one in REGISTRY.agents))

    assert bare.fingerprint == REGISTRY.fingerprint
    assert not replace_registry(path, REGISTRY, bare)


def test_a_file_that_was_mended_meanwhile_is_not_overwritten(tmp_path):
    """Who agreed to write over a file that cannot be read did not agree to write over another."""
    path = tmp_path / "agents.csv"
    other = Registry(REGISTRY.agents[:1])
    save_registry(path, other)

    assert not replace_registry(path, REGISTRY, None)
    assert load_registry(path) == other
    path.write_text("wrong\n")
    assert replace_registry(path, REGISTRY, None)
    assert load_registry(path) == REGISTRY
