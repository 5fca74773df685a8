"""Examples in use: by a route, an evaluation, a saved threshold."""

import json
import tomllib
from pathlib import Path

import pytest
from taught_desks import AGENTS, CASES, EXAMPLE, TAUGHT, WORDS, refused, write

GATE = ["check", "cases.csv", "--max-wrong", "1"]


@pytest.mark.usefixtures("taught")
def test_a_route_says_that_it_learned(handoff):
    """In one line under the ranking; without examples there is none."""
    _, with_examples, _ = handoff("route", TAUGHT)
    _, without, _ = handoff("route", TAUGHT, "--no-examples")

    assert with_examples.rstrip().endswith("Learned from 40 examples.")
    assert "Learned from" not in without


@pytest.mark.parametrize(
    "arguments",
    [
        ("route", TAUGHT),
        ("eval", "cases.csv"),
        ("compare", "agents.csv", "agents.csv", "cases.csv"),
    ],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.usefixtures("taught")
def test_no_examples_is_as_if_there_were_none(handoff, folder, arguments):
    """The same result as after the file was deleted."""
    _, left_out, _ = handoff(*arguments, "--no-examples", "--json")
    (folder / "examples.csv").unlink()
    _, deleted, _ = handoff(*arguments, "--json")
    one, other = json.loads(left_out), json.loads(deleted)

    for timed in ("seconds", "spans"):
        one.pop(timed, None)
        other.pop(timed, None)
    assert one == other


@pytest.mark.parametrize(
    "arguments",
    [
        ("eval", "cases.csv"),
        ("check", "cases.csv", "--min-accuracy", "0.1"),
        ("compare", "agents.csv", "agents.csv", "cases.csv"),
    ],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.usefixtures("taught")
def test_evaluations_use_examples_and_say_so(handoff, arguments):
    """And which of the cases are examples as well; without them, neither."""
    code, with_examples, err = handoff(*arguments)
    _, without, _ = handoff(*arguments, "--no-examples")

    assert (code, err) == (0, "")
    assert "Learned from 40 examples." in with_examples
    assert "40 cases are also examples" in with_examples
    assert "Learned from" not in without
    assert "scored as if" not in without


def test_cases_that_are_examples_do_not_help_themselves(answer, folder):
    """With labels by chance an evaluation on the examples is no better than without them."""
    shuffled = [(query, list(WORDS)[row % 4]) for row, (query, _) in enumerate(CASES)]
    write("random.csv", [(f"number{row} {row}x", label) for row, (_, label) in enumerate(shuffled)])
    plain = answer("eval", "random.csv", "--threshold", "-1")
    (folder / "examples.csv").write_text(
        Path("random.csv").read_text().replace("query,expected", "query,agent")
    )

    with_examples = answer("eval", "random.csv", "--threshold", "-1")

    assert with_examples["accuracy"] < plain["accuracy"] + 0.15
    assert with_examples["accuracy"] < 0.5


@pytest.mark.usefixtures("taught")
def test_examples_help_cases_that_are_none(answer):
    """The other half of the cases is routed better by what this half taught."""
    write("rest.csv", CASES[1::2])

    with_examples = answer("eval", "rest.csv", "--threshold", "0.3")
    without = answer("eval", "rest.csv", "--threshold", "0.3", "--no-examples")

    assert with_examples["accuracy"] > without["accuracy"] + 0.2
    assert not any("scored as if" in note for note in with_examples["notes"])


@pytest.mark.usefixtures("taught")
def test_one_case_that_is_an_example_is_told_in_the_singular(answer):
    """Its spelling may differ."""
    write("one.csv", [(EXAMPLE.upper() + "!", "weather"), *CASES[1::2]])

    assert any("1 case is also" in note for note in answer("eval", "one.csv")["notes"])


@pytest.mark.usefixtures("taught")
def test_compare_shows_what_examples_change(answer, folder):
    """Before without, after with them: the folder of each registry says."""
    plain = folder / "plain"
    plain.mkdir()
    (plain / "agents.csv").write_text(AGENTS)

    found = answer("compare", "plain/agents.csv", "agents.csv", "cases.csv", "--threshold", "0.3")

    assert found["after"]["accuracy"] > found["before"]["accuracy"]
    assert found["p_value"] < 0.05
    assert found["notes"][0].startswith("The first learned from 0 examples, the second from 40 exa")


@pytest.mark.usefixtures("taught")
def test_a_threshold_that_was_saved_without_examples_is_refused_with_them(handoff):
    """It was found on other scores; --force takes it all the same."""
    handoff("eval", "cases.csv", "--save", "--no-examples")
    assert tomllib.loads(Path("handoff.toml").read_text())["found"]

    complaint = refused(handoff, *GATE)

    assert "its threshold was found on other agents or examples" in complaint
    assert "handoff eval CASES --save" in complaint
    assert handoff(*GATE, "--no-examples")[0] == 0
    assert handoff(*GATE, "--force")[0] == 0


@pytest.mark.usefixtures("taught")
def test_a_threshold_that_was_saved_with_examples_is_refused_without_them(handoff):
    """The other way round as well."""
    handoff("eval", "cases.csv", "--save")

    assert handoff(*GATE)[0] == 0
    assert "found on other agents or examples" in refused(handoff, *GATE, "--no-examples")


@pytest.mark.usefixtures("taught")
def test_a_threshold_is_refused_once_an_example_is_added(handoff):
    """One row more is another registry."""
    handoff("eval", "cases.csv", "--save")
    with Path("examples.csv").open("a") as file:
        file.write("snow,weather\n")

    assert "found on other agents or examples" in refused(handoff, *GATE)


@pytest.mark.usefixtures("taught")
def test_saving_again_replaces_a_stale_threshold(handoff):
    """What the refusal says to do works."""
    handoff("eval", "cases.csv", "--save", "--no-examples")

    code, _, err = handoff("eval", "cases.csv", "--save")

    assert (code, err) == (0, "")
    assert handoff("route", TAUGHT)[0] == 0
