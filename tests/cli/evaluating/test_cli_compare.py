"""Two registries compared on the command line."""

import re

import pytest
from labelled_desks import CASES, write
from three_desks import AGENTS


def without(agent):
    """Return the registry without an agent."""
    rows = AGENTS.splitlines(keepends=True)
    return "".join(row for row in rows if not row.startswith(f"{agent},"))


def test_compare_lists_the_flips(handoff):
    """Figures, the test, then the cases by what became of them."""
    code, out, err = handoff("compare", "agents.csv", "other.csv", "cases.csv")

    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert re.fullmatch(
        r"Accuracy 79\.2 % before, \d+\.\d % after \(-\d+\.\d points\), on 24 cases\.", lines[0]
    )
    assert "McNemar's exact test, p = " in lines[1]
    assert "Worse" in lines
    assert "  soil  [garden]  garden \u2192 nobody" in lines


def test_compare_in_json_agrees_with_two_evaluations(answer):
    """Each side's figures are those of evaluating that registry alone."""
    compared = answer("compare", "agents.csv", "other.csv", "cases.csv")

    for side, registry in (("before", "agents.csv"), ("after", "other.csv")):
        alone = answer("eval", "cases.csv", "--registry", registry)
        assert compared[side].items() <= (alone | {"agents": 3}).items()


def test_flips_account_for_the_change_of_accuracy(answer):
    """Better less worse is the difference of cases that end well."""
    compared = answer("compare", "agents.csv", "other.csv", "cases.csv")

    before, after = (
        compared[side]["right"] + compared[side]["refused"] for side in ("before", "after")
    )
    assert compared["better"] - compared["worse"] == after - before != 0
    assert len(compared["flips"]) == compared["better"] + compared["worse"] + compared["neither"]


def test_a_flip_names_query_label_line_and_both_ends(answer):
    """A row is enough to find the case again."""
    flips = answer("compare", "agents.csv", "other.csv", "cases.csv")["flips"]

    assert {
        "flip": "worse",
        "query": "soil",
        "expected": "garden",
        "before": "garden",
        "after": None,
        "line": 17,
    } in flips


def test_a_registry_compared_with_itself_has_no_flips(answer):
    """Nothing changes, and the test says that chance explains it."""
    compared = answer("compare", "agents.csv", "agents.csv", "cases.csv")

    assert compared["flips"] == []
    assert compared["p_value"] == 1
    assert compared["before"] == compared["after"]


def test_the_order_of_a_registry_is_no_change(answer, folder):
    """The same agents in another order get the same queries, by id."""
    header, *rows = AGENTS.splitlines()
    (folder / "turned.csv").write_text("\n".join([header, *reversed(rows)]))

    compared = answer("compare", "agents.csv", "turned.csv", "cases.csv")

    assert compared["flips"] == []


def test_the_p_value_is_mcnemars(answer, folder):
    """Six worse and none better are as likely as 2 in 64."""
    (folder / "gone.csv").write_text(without("garden"))
    write("soil.csv", [(f"soil roses tulips {at}", "garden") for at in range(6)])

    compared = answer("compare", "agents.csv", "gone.csv", "soil.csv")

    assert (compared["better"], compared["worse"]) == (0, 6)
    assert compared["p_value"] == pytest.approx(2 / 64)


def test_an_agent_that_only_the_second_registry_has_may_be_expected(answer, folder):
    """A new agent's cases are wrong or missed before, and better after."""
    (folder / "more.csv").write_text(f"{AGENTS}chess,Chess Desk,Quantum chess,,\n")
    write("chess.csv", [("quantum chess", "chess"), ("rain wind", "weather")])

    compared = answer("compare", "agents.csv", "more.csv", "chess.csv")

    assert (compared["before"]["missed"], compared["after"]["missed"]) == (1, 0)
    assert compared["flips"] == [
        {
            "flip": "better",
            "query": "quantum chess",
            "expected": "chess",
            "before": None,
            "after": "chess",
            "line": 2,
        }
    ]


def test_an_agent_that_only_the_first_registry_has_may_be_expected(answer, folder):
    """An agent that was removed loses its cases."""
    (folder / "fewer.csv").write_text(without("money"))

    compared = answer("compare", "agents.csv", "fewer.csv", "cases.csv")

    lost = [flip for flip in compared["flips"] if flip["before"] == "money"]
    assert len(lost) >= 4
    assert {flip["after"] for flip in lost} <= {None, "weather", "garden"}


@pytest.mark.parametrize(
    "form",
    [
        pytest.param([], id="text"),
        pytest.param(["--json"], id="JSON"),
        pytest.param(["--markdown"], id="Markdown"),
    ],
)
def test_a_row_that_failed_is_told_by_a_comparison(handoff, form):
    """A comparison over fewer cases than the file has says so, whatever its form."""
    write("some.csv", [*CASES, ("a shave", "barber")])

    code, out, _ = handoff("compare", "agents.csv", "other.csv", "some.csv", *form)

    assert code == 0
    assert "'barber'" in out.replace("\\", "")


def test_a_comparison_in_json_tells_failures_and_notes_apart(answer):
    """Every row that failed is in the one, whatever is wrong with the set in the other."""
    odd = [("a shave", f"barber {at}") for at in range(5)]
    write("some.csv", [*CASES, CASES[0], *odd])

    compared = answer("compare", "agents.csv", "other.csv", "some.csv")

    assert len(compared["failures"]) == 5
    *told, more, repeated = compared["notes"]
    assert told == compared["failures"][:3]
    assert more.startswith("And 2 more rows")
    assert repeated.startswith("1 line repeats")


def test_a_sound_set_has_no_failures_and_no_notes(answer):
    """Both lists are there and empty."""
    for command in (["eval"], ["compare", "agents.csv", "other.csv"]):
        answered = answer(*command, "cases.csv")

        assert (answered["failures"], answered["notes"]) == ([], [])


def test_markdown_and_json_at_once_are_refused(handoff):
    """There is one standard output."""
    command = ["compare", "agents.csv", "other.csv", "cases.csv", "--markdown", "--json"]

    assert handoff(*command) == (
        2,
        "",
        "handoff: --markdown and --json cannot be combined: leave one of them out.\n",
    )


HOSTILE = (
    "roses | soil",
    "roses `code` soil",
    "roses <b>soil</b>",
    "roses soil @someone",
    "roses soil [link](https://example.com)",
    "roses soil https://example.com and www.example.com",
    "![picture](//example.com/x.png) roses soil",
    "roses soil *bold* _thin_ ~~gone~~ \\| &amp;",
)


def markdown_rows(out):
    """Return the cells of a flip's rows, as a parser of tables would split them."""
    start = out.index("| query |")
    lines = out[start:].splitlines()[2:]
    return [
        re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1]
        for line in lines
        if line.startswith("| ") and not line.startswith("| query")
    ]


def test_queries_stay_text_in_markdown(handoff, folder):
    """No query breaks out of its cell, and none becomes markup, a link or a mention."""
    (folder / "fewer.csv").write_text(without("garden"))
    write("hostile.csv", [(query, "garden") for query in HOSTILE])

    code, out, err = handoff(
        "compare", "agents.csv", "fewer.csv", "hostile.csv", "--markdown", "--threshold", "0.1"
    )

    assert (code, err) == (0, "")
    rows = markdown_rows(out)
    assert len(rows) == len(HOSTILE)
    assert all(len(cells) == 4 for cells in rows)
    unescaped = re.sub(r"\\[!-/:-@\[-`{-~]", "", "".join(cells[0] for cells in rows))
    assert not re.search(r"[<>`*_~\[\]()@|&\\]", unescaped)
    for live in ("@someone", "https://", "www."):
        assert live not in out.replace("\\", "")


def test_ids_stay_text_in_markdown(handoff, folder):
    """An agent's id is as little to be trusted as a query."""
    name = "<b>@garden|`x`"
    (folder / "odd.csv").write_text(AGENTS.replace("garden,", f"{name},"))

    code, out, err = handoff("compare", "agents.csv", "odd.csv", "cases.csv", "--markdown")

    assert (code, err) == (0, "")
    rows = markdown_rows(out)
    assert any("garden" in cells[3] for cells in rows)
    assert all(len(cells) == 4 for cells in rows)
    assert "<b>" not in out
    assert "@garden" not in out


def test_markdown_folds_the_flips_away(handoff):
    """A pull request shows the figures, and the cases on request."""
    _, out, _ = handoff("compare", "agents.csv", "other.csv", "cases.csv", "--markdown")

    assert out.startswith("### Routing, before and after\n")
    assert out.count("<details>") == out.count("</details>") > 0
    assert "| accuracy | 79.2 % |" in out
