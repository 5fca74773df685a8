"""Evaluations and comparisons as text: what stands where, what is cut, and what CI reads."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from handoff.core.model import Agent, EvidenceSet, Policy, Registry, ThresholdSource
from handoff.evaluation.analysis import analyse
from handoff.evaluation.compare import compare
from handoff.evaluation.goal import Aim, Goal
from handoff.evaluation.judged import label
from handoff.evaluation.recommend import recommend
from handoff.files.cases import Case
from handoff.report.set_text import (
    Gate,
    analysis_to_text,
    comparison_to_markdown,
    comparison_to_text,
    gates_to_junit,
)

REGISTRY = Registry(
    (Agent("rose", "Rose Desk", "Roses.", ("flower",)), Agent("iron", "Iron Desk", "Iron."))
)
POLICY = Policy(0.5, ThresholdSource.EMBEDDER)
RIGHT, WRONG, MISSED = ("rose", (0.9, 0.1)), ("rose", (0.1, 0.9)), ("rose", (0.1, 0.2))
REFUSED, TAKEN = (None, (0.1, 0.2)), (None, (0.9, 0.1))


def analysed(rows, registry=REGISTRY, failed=0):
    """Return the analysis of rows of a label and one similarity an agent."""
    similarities = np.array([scores for _, scores in rows], dtype=np.float32)
    evidence = EvidenceSet(
        queries=("query",) * len(rows),
        embedder="e",
        tagger="t",
        fingerprint=registry.fingerprint,
        tags=((),) * len(rows),
        vectors=np.zeros((len(rows), 2), dtype=np.float32),
        similarities=similarities,
        lexical=np.zeros_like(similarities),
        degraded=((),) * len(rows),
    )
    return analyse(label(evidence, registry, [expected for expected, _ in rows]), POLICY, failed)


def told(rows, notes=(), registry=REGISTRY):
    """Return the text of an evaluation as lines."""
    analysis = analysed(rows, registry)
    found = recommend(analysis.settled, Goal(Aim.ACCURACY), POLICY, len(registry))
    return analysis_to_text(analysis, found, notes, 1.26).splitlines()


def changed(before, after, queries=None):
    """Return the comparison of two runs of the same cases, and the cases."""
    queries = queries or [f"query {at}" for at in range(len(before))]
    cases = tuple(
        Case(query, expected, "", at + 2)
        for at, (query, (expected, _)) in enumerate(zip(queries, before, strict=True))
    )
    return compare(analysed(before), analysed(after)), cases


def section(lines, heading):
    """Return the indented lines under a heading."""
    rows = []
    for line in lines[lines.index(heading) + 1 :]:
        if not line.startswith("  "):
            break
        rows.append(line)
    return rows


def test_the_figures_come_first():
    """Summary, counts, coverage, ranking."""
    assert told([RIGHT, RIGHT, WRONG, MISSED, REFUSED, TAKEN])[:5] == [
        ("3 of 6 cases end as labelled, 50.0 %, at the threshold 0.5 (the embedder's default)."),
        "right 2, wrong agent 1, missed 1, refused rightly 1, taken wrongly 1, failed 0.",
        "Coverage 66.7 %; of what is handed off 50.0 % is right.",
        (
            "Best agent right: 50.0 % (without the tag filter 50.0 %); right agent kept by the "
            "filter: 100.0 %; in-scope against nobody's: AUROC 0.625."
        ),
        "",
    ]


def test_the_duration_comes_last():
    """In seconds with one decimal."""
    assert told([RIGHT])[-1] == "1.3 s"


def test_a_small_set_is_told_to_be_too_small():
    """Where the recommendation would stand."""
    (said,) = section(told([RIGHT, REFUSED]), "Recommended")

    assert said.startswith("  No recommendation: ")


def test_a_large_enough_set_gets_a_recommendation():
    """Indented under its heading, a sentence a line."""
    lines = section(told([RIGHT, REFUSED] * 10), "Recommended")

    assert lines[0].startswith("  For the highest accuracy: the threshold ")
    assert all(line.endswith(".") for line in lines)


def test_losses_are_told_stage_by_stage():
    """All four stages stand, the empty ones too."""
    lines = section(told([RIGHT, WRONG, MISSED, TAKEN, TAKEN]), "Where queries are lost")

    assert [line.split("  ")[-1].split(".")[0] for line in lines] == [
        "Tag filter removed the right agent",
        "Another agent ranked first",
        "Right agent, below threshold or margin",
        "Taken, though nobody should take it",
    ]
    assert [int(line[:8]) for line in lines] == [0, 2, 0, 2]


def test_confusions_are_told_by_name():
    """The fullest first, nobody as nobody."""
    assert section(
        told([TAKEN, WRONG, WRONG, RIGHT, MISSED]), "Confusions, the most frequent first"
    ) == [
        "       2  Rose Desk \u2192 Iron Desk",
        "       1  nobody \u2192 Rose Desk",
        "       1  Rose Desk \u2192 nobody",
    ]


def test_without_confusions_there_is_no_heading_for_them():
    """A set without a mistake has nothing to tell there."""
    assert "Confusions, the most frequent first" not in told([RIGHT, REFUSED])


def test_only_ten_confusions_are_told():
    """The rest is for the JSON and the page."""
    registry = Registry(tuple(Agent(f"a{at}", f"A{at}", "Does.") for at in range(12)))
    rows = [(f"a{at}", np.eye(12)[(at + 1) % 12]) for at in range(12)]

    assert len(section(told(rows, registry=registry), "Confusions, the most frequent first")) == 10


def test_notes_stand_under_their_heading():
    """And the heading stands only where there are any."""
    noted = told([RIGHT], notes=["One is odd.", "Two is odd."])

    assert section(noted, "Notes") == ["  One is odd.", "  Two is odd."]
    assert "Notes" not in told([RIGHT])


def test_a_figure_that_does_not_exist_is_a_dash_in_the_text():
    """A set of one kind has no AUROC, and "nan" is no word for people."""
    assert not any("nan" in line for line in told([RIGHT, MISSED]))


def test_where_nothing_is_handed_off_no_precision_is_told():
    """A sentence stands in the place of the shares."""
    assert told([MISSED, REFUSED])[2] == "Nothing is handed off."


def test_a_comparison_tells_both_accuracies():
    """With the difference in points, and over how many cases."""
    lines = comparison_to_text(
        *changed([RIGHT, RIGHT, TAKEN], [RIGHT, MISSED, TAKEN]), []
    ).splitlines()

    assert lines[:2] == [
        "Accuracy 66.7 % before, 33.3 % after (-33.3 points), on 3 cases.",
        "0 better, 1 worse: no more than chance may do (McNemar's exact test, p = 1.000).",
    ]


def test_a_comparison_without_a_flip_is_two_lines():
    """No empty heading follows."""
    figures, flips = comparison_to_text(*changed([RIGHT] * 2, [RIGHT] * 2), []).splitlines()

    assert figures == "Accuracy 100.0 % before, 100.0 % after (+0.0 points), on 2 cases."
    assert flips.startswith("No case")


def test_flips_are_grouped_the_worse_ones_first():
    """Each group has its heading, each case its label and both ends."""
    before, after = [MISSED, RIGHT, TAKEN], [RIGHT, WRONG, (None, (0.1, 0.9))]

    lines = comparison_to_text(*changed(before, after), []).splitlines()

    assert lines[3:] == [
        "Worse",
        "  query 1  [rose]  rose \u2192 iron",
        "",
        "Better",
        "  query 0  [rose]  nobody \u2192 rose",
        "",
        "Wrong before and after",
        "  query 2  [nobody]  rose \u2192 iron",
    ]


def test_notes_stand_below_a_comparison():
    """What is wrong with the set is told as under an evaluation, and only where something is."""
    comparison, cases = changed([RIGHT], [MISSED])

    noted = comparison_to_text(comparison, cases, ["One is odd.", "Two is odd."]).splitlines()

    assert noted[-4:] == ["", "Notes", "  One is odd.", "  Two is odd."]
    assert "Notes" not in comparison_to_text(comparison, cases, [])


@pytest.mark.parametrize(
    ("flips", "rest"), [(20, []), (21, ["  and 1 more"]), (1_250, ["  and 1,230 more"])]
)
def test_only_twenty_flips_of_a_kind_are_told(flips, rest):
    """The others are counted."""
    lines = comparison_to_text(*changed([RIGHT] * flips, [MISSED] * flips), []).splitlines()

    assert sum("query " in line for line in lines) == 20
    assert lines[24:] == rest


def test_a_query_is_cut_and_made_fit_to_print():
    """A long query ends in an ellipsis; what steers a terminal is escaped."""
    queries = ["x" * 200, "red \u202e text"]

    lines = comparison_to_text(*changed([RIGHT] * 2, [MISSED] * 2, queries), []).splitlines()

    assert lines[4].startswith(f"  {'x' * 79}\u2026  [rose]")
    assert lines[5].startswith(r"  red \u202e text  [rose]")


def test_markdown_tells_four_figures_in_a_table():
    """Before, after and the difference."""
    lines = comparison_to_markdown(*changed([RIGHT, TAKEN], [MISSED, REFUSED]), []).splitlines()

    table = [line for line in lines if line.startswith("| ")]
    assert table[:5] == [
        "| | before | after | |",
        "| accuracy | 50.0 % | 50.0 % | +0.0 points |",
        "| coverage | 100.0 % | 0.0 % | -100.0 points |",
        "| wrong hand-offs | 50.0 % | 0.0 % | -50.0 points |",
        "| best agent right | 100.0 % | 0.0 % | -100.0 points |",
    ]


def test_a_comparison_of_nobodys_cases_has_no_nan_in_markdown():
    """Where nothing is in scope there is no best agent to be right."""
    text = comparison_to_markdown(*changed([REFUSED, REFUSED], [REFUSED, TAKEN]), [])

    row = next(line for line in text.splitlines() if line.startswith("| best agent right"))
    assert row.startswith("| best agent right | \u2013 | \u2013 |")


def test_markdown_counts_the_flips_of_a_group():
    """A folded group says how much it hides."""
    text = comparison_to_markdown(*changed([RIGHT] * 3 + [MISSED], [MISSED] * 3 + [RIGHT]), [])

    assert "<details><summary>Worse: 3</summary>" in text
    assert "<details><summary>Better: 1</summary>" in text
    assert "Wrong before and after" not in text


def test_only_a_hundred_flips_of_a_group_stand_in_markdown():
    """A comment on a pull request has its limits."""
    text = comparison_to_markdown(*changed([RIGHT] * 130, [MISSED] * 130), [])

    assert text.count("| query ") == 101
    assert "\n  and 30 more\n</details>" in text


def test_a_table_of_markdown_stands_between_empty_lines():
    """Without them GitHub shows pipes."""
    lines = comparison_to_markdown(*changed([RIGHT], [MISSED]), []).splitlines()

    head = lines.index("| query | expected | before | after |")
    assert lines[head - 1] == ""
    assert lines[head + 1] == "|---|---|---|---|"
    assert lines[head + 3] == ""


def test_every_cell_of_markdown_is_escaped():
    """A query with pipes and tags stays in its cell."""
    text = comparison_to_markdown(*changed([RIGHT], [MISSED], ["a | b <b>c</b> `d`"]), [])

    assert r"| a \| b \<b\>c\<\/b\> \`d\` | rose | rose | nobody |" in text


def test_notes_are_a_list_in_markdown():
    """After the folded groups, as text and not as markup."""
    comparison, cases = changed([RIGHT], [MISSED])

    lines = comparison_to_markdown(comparison, cases, ["<b>One</b>.", "Two."]).splitlines()

    assert lines[-4:] == ["</details>", "", r"- \<b\>One\<\/b\>\.", r"- Two\."]


def junit(*gates):
    """Return the parsed report of some requirements."""
    text = gates_to_junit(gates, 0.12345)
    return ET.fromstring(text.encode())  # noqa: S314 - our own text


def test_junit_counts_tests_and_failures():
    """One test case a requirement; a failure holds its figure."""
    suite = junit(Gate("one", passed=True, text="Fine."), Gate("two", passed=False, text="Bad."))

    assert suite.attrib == {
        "name": "handoff check",
        "tests": "2",
        "failures": "1",
        "errors": "0",
        "time": "0.123",
    }
    assert [case.get("name") for case in suite] == ["one", "two"]
    assert [failure.get("message") for failure in suite.iter("failure")] == ["Bad."]


def test_junit_escapes_what_xml_would_read():
    """Quotes, angles, ampersands and letters of the world come back as they were."""
    name, text = "a < b & \"c\" 'd' \u2265 ü", "]]> <failure/> &amp; 5 %"

    suite = junit(Gate(name, passed=False, text=text))

    assert suite[0].get("name") == name
    assert suite[0][0].get("message") == text
    assert len(suite[0]) == 1


def test_junit_says_its_encoding_and_ends_with_a_line_break():
    """A file that other programs read begins and ends as they expect."""
    text = gates_to_junit([Gate("one", passed=True, text="Fine.")], 0)

    assert text.splitlines()[0].lower() == "<?xml version='1.0' encoding='utf-8'?>"
    assert text.endswith("</testsuite>\n")
