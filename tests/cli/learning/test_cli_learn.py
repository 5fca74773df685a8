"""Learning on the command line: from labelled queries to examples."""

import csv
from pathlib import Path

import pytest
from fake_openai import EMBEDDINGS, FakeOpenAI
from taught_desks import CASES, EXAMPLE, TAUGHT, WORDS, refused, write

from handoff.cli import learning


def test_learning_tells_accuracy_before_and_after(handoff):
    """With its proof, the method and its threshold, a curve and the seconds."""
    code, out, err = handoff("learn", "cases.csv")

    assert (code, err) == (0, "")
    assert out.startswith("80 examples: accuracy ")
    assert "by the descriptions alone" in out
    assert "Cross-validated in five folds: no query is judged by what it taught." in out
    assert "McNemar's exact test, p < 0.001" in out
    assert "Method: kernel ridge on what the cosine gets wrong; its own best threshold is 0." in out
    assert "Examples per agent, and the accuracy on held-out queries" in out
    assert out.rstrip().endswith("s to learn")


def test_learning_as_json(answer):
    """The same figures as numbers, and they agree with each other."""
    found = answer("learn", "cases.csv")

    assert found.keys() == {
        "schema",
        "examples",
        "accuracy_before",
        "accuracy_before_low",
        "accuracy_before_high",
        "accuracy_after",
        "accuracy_after_low",
        "accuracy_after_high",
        "better",
        "worse",
        "p_value",
        "method",
        "threshold",
        "curve",
        "next_50_labels_add",
        "notes",
        "seconds",
        "proof_seconds",
    }
    assert found["examples"] == 80
    assert found["accuracy_after"] > found["accuracy_before"]
    assert found["better"] - found["worse"] == round(
        80 * (found["accuracy_after"] - found["accuracy_before"])
    )
    assert [point["each"] for point in found["curve"]] == [1, 2, 5, 10]


def test_learning_changes_nothing_unless_it_is_told_where_to_write(handoff, folder):
    """No file appears beside the registry."""
    before = {path.name for path in folder.iterdir()}

    handoff("learn", "cases.csv")

    assert {path.name for path in folder.iterdir()} - before <= {"cache"}


def test_examples_are_written_where_they_are_used(handoff):
    """What was learned from, one row each, with its agent's id or none."""
    code, out, _ = handoff("learn", "cases.csv", "-o", "examples.csv")
    with Path("examples.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)

    assert code == 0
    assert "Saved to examples.csv." in out
    assert header == ["query", "agent"]
    assert [tuple(row) for row in rows] == list(CASES)


@pytest.mark.usefixtures("taught")
def test_existing_examples_are_kept_as_bak(handoff):
    """Nobody's work is lost by learning again."""
    before = Path("examples.csv").read_text()

    handoff("learn", "cases.csv", "-o", "examples.csv")

    assert Path("examples.csv.bak").read_text() == before
    assert Path("examples.csv").read_text() != before


@pytest.mark.usefixtures("taught")
def test_learning_starts_from_the_descriptions_whatever_is_beside_them(answer, folder):
    """Otherwise its figures before would hold what was learned."""
    with_examples = answer("learn", "cases.csv")
    (folder / "examples.csv").unlink()
    without = answer("learn", "cases.csv")

    assert with_examples["accuracy_before"] == without["accuracy_before"]
    assert with_examples["accuracy_after"] == without["accuracy_after"]


def test_examples_that_were_learned_route(handoff, answer):
    """What the descriptions do not say is known then."""
    before = answer("route", TAUGHT, code=1)
    handoff("learn", "cases.csv", "-o", "examples.csv")

    after = answer("route", TAUGHT)

    assert before["agent"] is None
    assert after["agent"] == "weather"
    assert (before["examples"], after["examples"]) == (0, 80)
    assert before["registry"] != after["registry"]


def test_unknown_agents_are_told_and_the_rest_is_learned(answer):
    """With line and id; nothing of that row is counted."""
    write("cases.csv", [*CASES, ("a shave", "barber")])

    found = answer("learn", "cases.csv")

    assert found["examples"] == 80
    (note,) = found["notes"]
    assert note.startswith("cases.csv, line 82, column 2 (expected): ")


def test_contradicting_labels_are_told_and_count_once(answer):
    """The first stays."""
    write("cases.csv", [*CASES, (EXAMPLE, "money"), (f"{EXAMPLE}!", "")])

    found = answer("learn", "cases.csv")

    assert found["examples"] == 80
    assert [note.split(":")[0] for note in found["notes"]] == [
        "cases.csv, line 82 gives the query of line 2, or nearly that one, to another agent",
        "cases.csv, line 83 gives the query of line 2, or nearly that one, to another agent",
    ]


def test_one_agent_with_all_labels_is_learned_from(answer):
    """There is little to prove then, and nothing fails."""
    write("cases.csv", [(f"bank {row}x", "money") for row in range(20)])

    found = answer("learn", "cases.csv")

    assert found["examples"] == 20
    assert found["accuracy_after"] == 1
    assert found["threshold"] is None


def test_nobodys_labels_alone_are_learned_from(answer):
    """Everything is to be refused."""
    write("cases.csv", [(f"poem {row}x", "") for row in range(20)])

    found = answer("learn", "cases.csv")

    assert found["examples"] == 20
    assert 0 <= found["accuracy_after"] <= 1


def test_ten_thousand_near_duplicates_are_too_few(handoff):
    """They are one query, and one proves nothing."""
    write("cases.csv", [(f"{EXAMPLE}{'!' * (row % 9)}", "weather") for row in range(10_000)])

    assert refused(handoff, "learn", "cases.csv").endswith("and there are 1: label more.")


def test_near_duplicates_among_cases_count_once(answer):
    """Neither half of a proof holds a copy of what the other learned."""
    write("cases.csv", [*CASES, *((f"{query.upper()}?", agent) for query, agent in CASES)])

    assert answer("learn", "cases.csv")["examples"] == 80


@pytest.mark.parametrize("rows", [0, 1, 9])
def test_too_few_labels_are_refused(handoff, rows):
    """In one sentence; nothing is written."""
    write("cases.csv", CASES[:rows])

    complaint = refused(handoff, "learn", "cases.csv", "-o", "examples.csv")

    assert "add a row" in complaint or "to prove anything" in complaint
    assert not Path("examples.csv").exists()


def test_an_empty_file_is_refused(handoff, folder):
    """Cases or examples: the header that is wanted is named."""
    (folder / "cases.csv").write_text("")
    assert "cases.csv is empty" in refused(handoff, "learn", "cases.csv")

    (folder / "examples.csv").write_text("")
    assert "examples.csv is empty" in refused(handoff, "route", TAUGHT)
    assert handoff("route", TAUGHT, "--no-examples")[0] == 1


def test_more_labels_than_are_learned_from_are_thinned_and_told(answer, monkeypatch):
    """Of each agent the same share; the others stay free."""
    monkeypatch.setattr(learning, "MOST_TO_LEARN", 40)

    found = answer("learn", "cases.csv", "-o", "examples.csv")
    with Path("examples.csv").open(encoding="utf-8", newline="") as file:
        agents = [row["agent"] for row in csv.DictReader(file)]

    assert found["examples"] == 40
    assert found["notes"][0].startswith("40 of the 80 queries were learned from")
    assert {agent: agents.count(agent) for agent in WORDS} == dict.fromkeys(WORDS, 10)


def test_rows_of_examples_that_cannot_be_used_are_told(handoff):
    """With their lines; the rest is used."""
    write("examples.csv", [("shave", "barber"), ("umbrella", "weather")], ("query", "agent"))

    _, out, _ = handoff("route", TAUGHT)

    assert "Learned from 1 example." in out
    assert "examples.csv, line 2, column 2 (agent)" in out


def test_only_the_first_bad_rows_are_listed(handoff):
    """A long list would hide what was asked."""
    rows = [(f"shave {row}", "barber") for row in range(10)]
    write(
        "examples.csv",
        [*rows, ("umbrella", "weather"), ("Umbrella!", "weather")],
        ("query", "agent"),
    )

    _, out, _ = handoff("route", TAUGHT)

    assert out.count("barber") == 3
    assert "And 7 more rows of the examples cannot be used." in out
    assert "repeat" in out


def test_an_output_that_cannot_be_written_is_one_sentence(handoff):
    """The folder does not exist."""
    complaint = refused(handoff, "learn", "cases.csv", "-o", "missing/examples.csv")

    assert "missing/examples.csv cannot be written" in complaint


def test_learning_with_openai_is_one_batch(handoff, monkeypatch):
    """Agents and queries together; the examples then route without another request for them."""
    with FakeOpenAI() as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("HANDOFF_EMBEDDER", "openai")

        code, out, err = handoff("learn", "cases.csv", "-o", "examples.csv")
        learned = [request.body["input"] for request in server.requests]
        route_code, _, _ = handoff("route", EXAMPLE, "--threshold", "0.3")
        embedded = [request for request in server.requests if request.path == EMBEDDINGS]

    assert (code, err) == (0, "")
    assert "80 examples: accuracy" in out
    assert [len(texts) for texts in learned] == [83]
    assert route_code == 0
    assert len(embedded) == 1
