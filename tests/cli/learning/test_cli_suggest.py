"""Queries that are suggested to be labelled."""

import pytest
from taught_desks import EXAMPLE, WORDS, refused, write


def test_suggestions_name_two_agents_and_how_close_they_are(handoff):
    """The least margin of each agent first."""
    write("unlabelled.csv", [("rain or roses",), ("wind",), ("refunds",)], ("query",))

    code, out, err = handoff("suggest", "unlabelled.csv")

    assert (code, err) == (0, "")
    assert out.startswith("Label these next: they would teach most.")
    assert "rain or roses" in out
    assert " before " in out


def test_suggestions_as_json(answer):
    """As many as were asked for, with ids."""
    write("unlabelled.csv", [("rain or roses",), ("wind",), ("refunds",)], ("query",))

    found = answer("suggest", "unlabelled.csv", "-n", "2")

    assert found["schema"] == 1
    assert len(found["queries"]) == 2
    for row in found["queries"]:
        assert row.keys() == {"query", "best", "second", "margin"}
        assert {row["best"], row["second"]} <= set(WORDS)
        assert row["margin"] >= 0


@pytest.mark.usefixtures("taught")
def test_what_is_an_example_already_is_not_suggested(answer):
    """Nor is what nearly is; with --no-examples both are."""
    write("unlabelled.csv", [(EXAMPLE.upper(),), ("rain or roses",)], ("query",))

    with_examples = answer("suggest", "unlabelled.csv")
    without = answer("suggest", "unlabelled.csv", "--no-examples")

    assert [row["query"] for row in with_examples["queries"]] == ["rain or roses"]
    assert len(without["queries"]) == 2


def test_a_file_of_cases_may_be_asked_too(answer):
    """Its labels are not looked at."""
    assert len(answer("suggest", "cases.csv", "-n", "5")["queries"]) == 5


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("query\n", "holds no query", id="a header alone"),
        pytest.param("text\nrain\n", "line 1, column 1", id="another column"),
    ],
)
def test_a_list_without_queries_is_refused(handoff, folder, text, complaint):
    """In one sentence."""
    (folder / "unlabelled.csv").write_text(text)

    assert complaint in refused(handoff, "suggest", "unlabelled.csv")


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_of_suggestions_that_is_none_is_refused(handoff, number):
    """Whoever asks for nothing is told."""
    code, out, err = handoff("suggest", "cases.csv", "-n", number)

    assert (code, out) == (2, "")
    assert err.startswith("handoff: ")
