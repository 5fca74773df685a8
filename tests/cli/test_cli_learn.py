"""Learning from the command line: examples with proof, commands that use them, what to label."""

import csv
import json
import tomllib
from pathlib import Path

import pytest
from fake_openai import EMBEDDINGS, FakeOpenAI

from handoff.cli import learning

AGENTS = """\
id,name,description,tags
weather,Weather Desk,Rain wind sunshine,forecast;sky
money,Money Desk,Invoices refunds receipts,billing
garden,Garden Desk,Roses tulips soil,plants;sky
"""
# Words that no description holds: only who learns from them can tell.
WORDS = {
    "weather": ("umbrella", "blizzard", "frost", "thunder"),
    "money": ("wallet", "charged", "bank", "salary"),
    "garden": ("lettuce", "weeds", "pruning", "hedge"),
    "": ("chess", "opera", "poem", "marathon"),
}
FILLERS = ("today", "again", "please", "later", "maybe")
CASES = tuple(
    (f"{word} {filler} {word}", agent)
    for agent, words in WORDS.items()
    for word in words
    for filler in FILLERS
)
TAUGHT = "umbrella and frost and thunder"
EXAMPLE = CASES[0][0]


@pytest.fixture(autouse=True)
def cases(folder):
    """Put labelled queries beside the registry."""
    write(folder / "cases.csv", CASES)


@pytest.fixture
def answer(handoff):
    """Return a function from a command's arguments to the JSON that it prints."""

    def run(command, *arguments):
        code, out, err = handoff(command, *arguments, "--json")
        assert err == ""
        assert code in {0, 1}
        return json.loads(out)

    return run


@pytest.fixture
def taught():
    """Put examples beside the registry: every other case."""
    write("examples.csv", CASES[::2], ("query", "agent"))


def write(name, rows, header=("query", "expected")):
    """Write labelled queries into the working directory."""
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def refused(handoff, *arguments):
    """Return the one line that a command is refused with."""
    code, out, err = handoff(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("handoff: ")
    assert err.count("\n") == 1
    return err.removeprefix("handoff: ").rstrip("\n")


def test_learning_tells_accuracy_before_and_after(handoff):
    """With its proof, the method and its threshold, a curve and the seconds."""
    code, out, err = handoff("learn", "cases.csv")

    assert (code, err) == (0, "")
    assert out.startswith("80 examples: accuracy ")
    assert "by the descriptions alone" in out
    assert "Cross-validated in five folds: no query is judged by what it taught." in out
    assert "McNemar's exact test, p < 0.001" in out
    assert "Method: kernel ridge on what the cosine gets wrong; its own best threshold is 0." in out
    assert "Examples an agent, and the accuracy on queries that taught nothing" in out
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
    before = answer("route", TAUGHT)
    handoff("learn", "cases.csv", "-o", "examples.csv")

    after = answer("route", TAUGHT)

    assert before["agent"] is None
    assert after["agent"] == "weather"
    assert (before["examples"], after["examples"]) == (0, 80)
    assert before["registry"] != after["registry"]


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
    assert (
        "40 cases are examples as well, or nearly: they are scored as if they were none."
        in with_examples
    )
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

    assert (
        "1 case is an example as well, or nearly: it is scored as if it were none."
        in answer("eval", "one.csv")["notes"]
    )


@pytest.mark.usefixtures("taught")
def test_compare_shows_what_examples_change(answer, folder):
    """Before without, after with them: the folder of each registry says."""
    plain = folder / "plain"
    plain.mkdir()
    (plain / "agents.csv").write_text(AGENTS)

    found = answer("compare", "plain/agents.csv", "agents.csv", "cases.csv", "--threshold", "0.3")

    assert found["after"]["accuracy"] > found["before"]["accuracy"]
    assert found["p_value"] < 0.05


@pytest.mark.usefixtures("taught")
def test_a_threshold_that_was_saved_without_examples_is_refused_with_them(handoff):
    """It was found on other scores; --force takes it all the same."""
    handoff("eval", "cases.csv", "--save", "--no-examples")
    assert tomllib.loads(Path("handoff.toml").read_text())["found"]

    complaint = refused(handoff, "route", TAUGHT)

    assert "its threshold was found on another registry" in complaint
    assert "handoff eval CASES --save" in complaint
    assert handoff("route", TAUGHT, "--no-examples")[0] in {0, 1}
    assert handoff("route", TAUGHT, "--force")[0] in {0, 1}


@pytest.mark.usefixtures("taught")
def test_a_threshold_that_was_saved_with_examples_is_refused_without_them(handoff):
    """The other way round as well."""
    handoff("eval", "cases.csv", "--save")

    assert handoff("route", TAUGHT)[0] == 0
    assert "found on another registry" in refused(handoff, "route", TAUGHT, "--no-examples")


@pytest.mark.usefixtures("taught")
def test_a_threshold_is_refused_once_an_example_is_added(handoff):
    """One row more is another registry."""
    handoff("eval", "cases.csv", "--save")
    with Path("examples.csv").open("a") as file:
        file.write("snow,weather\n")

    assert "found on another registry" in refused(handoff, "check", "cases.csv", "--max-wrong", "1")


@pytest.mark.usefixtures("taught")
def test_saving_again_replaces_a_stale_threshold(handoff):
    """What the refusal says to do works."""
    handoff("eval", "cases.csv", "--save", "--no-examples")

    code, _, err = handoff("eval", "cases.csv", "--save")

    assert (code, err) == (0, "")
    assert handoff("route", TAUGHT)[0] == 0


def test_unknown_agents_are_told_and_the_rest_is_learned(answer):
    """With line and id; nothing of that row is counted."""
    write("cases.csv", [*CASES, ("a shave", "barber")])

    found = answer("learn", "cases.csv")

    assert found["examples"] == 80
    assert found["notes"] == [
        "cases.csv, line 82, column 2 (expected): no agent has the id 'barber'."
    ]


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
    assert found["notes"][0].startswith("40 of the 80 queries were taken")
    assert {agent: agents.count(agent) for agent in WORDS} == dict.fromkeys(WORDS, 10)


def test_rows_of_examples_that_cannot_be_used_are_told(handoff):
    """With their lines; the rest is used."""
    write("examples.csv", [("shave", "barber"), ("umbrella", "weather")], ("query", "agent"))

    _, out, _ = handoff("route", TAUGHT)

    assert "Learned from 1 example." in out
    assert "examples.csv, line 2, column 2 (agent): no agent has the id 'barber'." in out


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
