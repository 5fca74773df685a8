"""What is said of examples where they are used."""

import pytest

from handoff.core.model import Example
from handoff.files.cases import Case
from handoff.files.examples import Examples
from handoff.report.examples_words import example_notes

TWO = (Example("bake rolls", "baker"), Example("plant a tree", "florist"))


def test_without_a_file_nothing_is_said():
    """Nobody who has no examples has to read of them."""
    assert example_notes(Examples(), [Case("bake rolls", "baker", "", 2)]) == []


@pytest.mark.parametrize(
    ("queries", "sentence"),
    [
        (
            ["Bake rolls!"],
            "1 case is also an example, or nearly one: it is scored as if it were not.",
        ),
        (
            ["bake rolls", "plant a tree", "shoe a horse"],
            "2 cases are also examples, or nearly: they are scored as if they were not.",
        ),
    ],
)
def test_cases_that_are_examples_are_counted(queries, sentence):
    """How they are scored is said with them."""
    cases = [Case(query, None, "", at + 2) for at, query in enumerate(queries)]

    assert example_notes(Examples(TWO), cases) == ["Learned from 2 examples.", sentence]


@pytest.mark.parametrize(
    ("repeated", "sentence"),
    [
        (1, "1 example that repeats an earlier one counts once."),
        (1_234, "1,234 examples that repeat earlier ones count once."),
    ],
)
def test_examples_that_say_the_same_are_counted(repeated, sentence):
    """Number and verb agree."""
    assert example_notes(Examples(TWO, repeated=repeated))[-1] == sentence
