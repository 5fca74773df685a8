"""Evaluations and comparisons as text: for a terminal, a pull request, and a CI's report."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from handoff.core.texts import shorten
from handoff.evaluation.analysis import Analysis
from handoff.evaluation.compare import Comparison
from handoff.evaluation.recommend import Recommendation
from handoff.files.cases import Case
from handoff.report.markdown import plain
from handoff.report.numbers import counted, decimal, percent, points
from handoff.report.set_json import flip_rows
from handoff.report.set_words import (
    FATES,
    account_rows,
    agent_name,
    count_line,
    handed_off,
    recommendation,
    significance,
    summary,
)

_CONFUSIONS = 10
_FLIPS = 20
_FLIPS_IN_MARKDOWN = 100
_LONGEST_QUERY = 80
_NOBODY = "nobody"
_GROUPS = ("worse", "better", "neither")


@dataclass(frozen=True, slots=True)
class Gate:
    """One requirement of a check.

    Attributes:
        name: What is required, in words.
        passed: Whether it is met.
        text: The figure beside the requirement, in one sentence.
    """

    name: str
    passed: bool
    text: str


def analysis_to_text(
    analysis: Analysis, found: Recommendation | None, notes: Sequence[str], seconds: float
) -> str:
    """Return an evaluation as lines: figures, recommendation, losses, confusions, notes."""
    counts, registry = analysis.counts, analysis.labelled.registry
    lines = [
        summary(analysis),
        f"{count_line(counts)}.",
        handed_off(counts),
        (
            f"Best agent right: {percent(analysis.top1)} (without the tag filter "
            f"{percent(analysis.top1_unfiltered)}); right agent kept by the filter: "
            f"{percent(analysis.kept)}; in-scope against nobody's: AUROC "
            f"{decimal(analysis.auroc)}."
        ),
        "",
        "Recommended",
        *(
            f"  {line}"
            for line in recommendation(
                found, registry, analysis.policy.source, analysis.counts.failed
            )
        ),
        "",
        "Where queries are lost",
        *(
            f"  {number:>6,}  {FATES[fate]}. {remedy}"
            for fate, number, remedy in account_rows(analysis)
        ),
    ]
    cells = analysis.confusion.off_diagonal
    if len(cells.cases):
        lines += ["", "Confusions, the most frequent first"]
        lines += [
            f"  {cells.cases[at]:>6,}  {agent_name(registry, cells.expected[at])} \u2192 "
            f"{agent_name(registry, cells.got[at])}"
            for at in range(min(_CONFUSIONS, len(cells.cases)))
        ]
    if notes:
        lines += ["", "Notes", *(f"  {note}" for note in notes)]
    return "\n".join([*lines, "", f"{seconds:.1f} s"])


def comparison_to_text(
    comparison: Comparison, cases: tuple[Case, ...], notes: Sequence[str]
) -> str:
    """Return a comparison of two registries as lines."""
    lines = [_accuracies(comparison), significance(comparison)]
    rows = flip_rows(comparison.flips, comparison.before, comparison.after, cases)
    for name in _GROUPS:
        group = [row for row in rows if row["flip"] == name]
        if group:
            lines += ["", _heading(name)]
            lines += [
                f"  {shorten(row['query'], _LONGEST_QUERY)}  [{row['expected'] or _NOBODY}]  "
                f"{row['before'] or _NOBODY} \u2192 {row['after'] or _NOBODY}"
                for row in group[:_FLIPS]
            ]
            lines += _rest(group, _FLIPS)
    if notes:
        lines += ["", "Notes", *(f"  {note}" for note in notes)]
    return "\n".join(lines)


def comparison_to_markdown(
    comparison: Comparison, cases: tuple[Case, ...], notes: Sequence[str]
) -> str:
    """Return a comparison of two registries for a pull request; queries are text, not markup."""
    before, after = comparison.before, comparison.after
    lines = [
        "### Routing, before and after",
        "",
        plain(significance(comparison)),
        "",
        "| | before | after | |",
        "|---|---:|---:|---:|",
    ]
    for name, one, other in (
        ("accuracy", before.counts.accuracy, after.counts.accuracy),
        ("coverage", before.counts.coverage, after.counts.coverage),
        ("wrong hand-offs", before.counts.wrong_share, after.counts.wrong_share),
        ("best agent right", before.top1, after.top1),
    ):
        lines.append(f"| {name} | {percent(one)} | {percent(other)} | {points(other, one)} |")
    rows = flip_rows(comparison.flips, before, after, cases)
    for name in _GROUPS:
        group = [row for row in rows if row["flip"] == name]
        if not group:
            continue
        lines += [
            "",
            f"<details><summary>{_heading(name)}: {len(group):,}</summary>",
            "",
            "| query | expected | before | after |",
            "|---|---|---|---|",
        ]
        for row in group[:_FLIPS_IN_MARKDOWN]:
            query = shorten(row["query"], _LONGEST_QUERY)
            cells = (query, *(row[key] or _NOBODY for key in ("expected", "before", "after")))
            lines.append(f"| {' | '.join(plain(cell) for cell in cells)} |")
        lines += ["", *_rest(group, _FLIPS_IN_MARKDOWN), "</details>"]
    if notes:
        lines += ["", *(f"- {plain(note)}" for note in notes)]
    return "\n".join(lines)


def gates_to_junit(gates: Sequence[Gate], seconds: float) -> str:
    """Return a check as JUnit's XML, one test case a requirement."""
    suite = ET.Element(
        "testsuite",
        name="handoff check",
        tests=str(len(gates)),
        failures=str(sum(not gate.passed for gate in gates)),
        errors="0",
        time=f"{seconds:.3f}",
    )
    for gate in gates:
        case = ET.SubElement(suite, "testcase", classname="handoff.check", name=gate.name)
        if not gate.passed:
            ET.SubElement(case, "failure", message=gate.text)
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _accuracies(comparison: Comparison) -> str:
    before, after = comparison.before.counts, comparison.after.counts
    return (
        f"Accuracy {percent(before.accuracy)} before, {percent(after.accuracy)} after "
        f"({points(after.accuracy, before.accuracy)}), on {counted(before.cases, 'case')}."
    )


def _heading(name: str) -> str:
    return {"worse": "Worse", "better": "Better", "neither": "Wrong before and after"}[name]


def _rest(group: Sequence[object], shown: int) -> list[str]:
    return [f"  and {len(group) - shown:,} more"] if len(group) > shown else []
