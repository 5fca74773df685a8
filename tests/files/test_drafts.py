"""What a visitor has not saved, as values and as text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from handoff.core.errors import DraftsError
from handoff.core.model import Agent, Example, Registry
from handoff.files.cases import Case
from handoff.files.drafts import (
    ChosenExamples,
    Drafts,
    EditedAgents,
    format_drafts,
    lend,
    parse_drafts,
)

REGISTRY = Registry((Agent("baker", "Baker", "Bakes bread.", ("bread", "oven"), 0.1 + 0.2),))
ROW = ("baker", "Baker", "Bakes", "bread", "")
FULL = Drafts(
    agents=(EditedAgents("/agents.csv", REGISTRY, (ROW,), (ROW, ("", "", " half", "", "x"))),),
    examples=ChosenExamples((), (Example("rye", "baker"), Example("fog", None))),
    labels=(Case("rolls", "baker", "", 7),),
    own_labels=(Case("rain", None, "Rain", 2),),
    files={"agents": lend("mine.csv", b"\xff\x00,"), "queue": lend("q.txt", b"")},
)


def test_every_kind_of_draft_comes_back_as_it_was():
    """Agents, examples, labels and uploads survive their own file, thresholds to the last bit."""
    assert parse_drafts(format_drafts(FULL)) == FULL
    assert parse_drafts(format_drafts(Drafts())) == Drafts()


@given(some.text(some.characters()))
def test_a_cell_may_hold_whatever_somebody_typed(typed):
    """Half a character and a control character come back too, and the text is plain ASCII."""
    one = EditedAgents("s", REGISTRY, (ROW,), ((typed, "", typed, "", ""),))
    text = format_drafts(Drafts(agents=(one,)))
    assert text.isascii()
    assert parse_drafts(text).agents[0].rows == one.rows


@pytest.mark.parametrize(
    ("part", "held"),
    [
        ("version", 2),
        ("agents", [["s", [], [], []]]),
        ("agents", [["s", [list(ROW)], [["too", "short"]], []]]),
        ("agents", [["s", [list(ROW)], [], [[1, 2, 3, 4, 5]]]]),
        ("examples", [[["rye"]], []]),
        ("labels", [["rolls", 3, "", 1]]),
        ("files", {"agents": ["mine.csv", "not base64!"]}),
        ("files", ["agents"]),
    ],
)
def test_what_was_written_by_something_else_is_refused_in_one_sentence(part, held):
    """A damaged file, or one of another version, is never half a draft."""
    document = json.loads(format_drafts(FULL)) | {part: held}
    with pytest.raises(DraftsError, match="could not be read back"):
        parse_drafts(json.dumps(document))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"version": 1}', "[" * 100_000])
def test_what_is_no_draft_at_all_is_refused(text):
    """An empty file, and JSON of another shape or depth, end in the same sentence."""
    with pytest.raises(DraftsError):
        parse_drafts(text)
