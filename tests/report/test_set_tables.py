"""A labelled set as rows for tables."""

import numpy as np
import pytest

from handoff.core.model import Agent, EvidenceSet, Policy, Registry, ThresholdSource
from handoff.evaluation.analysis import analyse
from handoff.evaluation.flips import find_flips
from handoff.evaluation.judged import label
from handoff.files.cases import Case
from handoff.report.set_groups import group_cases
from handoff.report.set_tables import (
    agent_rows,
    case_rows,
    curve_rows,
    endings_rows,
    lost_rows,
    pair_rows,
    rows_to_csv,
    score_rows,
)

REGISTRY = Registry((Agent("a", "=A1", "Does a."), Agent("b", "B", "Does b.")))
SCORES = ((0.9, 0.1), (0.2, 0.8), (0.7, 0.4), (0.3, 0.1), (0.6, 0.5))
EXPECTED = ("a", "a", None, "b", None)


@pytest.fixture
def analysis():
    """Judge five cases at 0.5: right, wrong, taken, missed, taken."""
    scores = np.array(SCORES, dtype=np.float32)
    evidence = EvidenceSet(
        queries=tuple(f"q{at}" for at in range(5)),
        embedder="e",
        tagger="t",
        fingerprint=REGISTRY.fingerprint,
        tags=((),) * 5,
        vectors=np.zeros((5, 2), dtype=np.float32),
        similarities=scores,
        lexical=np.zeros_like(scores),
        degraded=((),) * 5,
    )
    return analyse(label(evidence, REGISTRY, EXPECTED), Policy(0.5, ThresholdSource.CONFIG))


CASES = tuple(Case(f"=q{at}", agent, "", at + 2) for at, agent in enumerate(EXPECTED))


def test_every_case_is_counted_once_by_its_ending(analysis):
    """The counts of the endings add up to the set."""
    rows = {row["ending"]: row["cases"] for row in endings_rows(analysis)}

    assert rows == {
        "right": 1,
        "wrong agent": 1,
        "missed": 1,
        "refused rightly": 0,
        "taken wrongly": 2,
        "failed": 0,
    }


def test_every_case_is_counted_once_by_its_score(analysis):
    """The steps of the score table hold each case in its kind's column."""
    rows = score_rows(analysis)

    assert sum(row["right agent first"] for row in rows) == 1
    assert sum(row["another agent first"] for row in rows) == 2
    assert sum(row["nobody should take it"] for row in rows) == 2


def test_the_curve_ends_with_nobody(analysis):
    """The last threshold is one that nothing reaches."""
    last = curve_rows(analysis.swept)[-1]

    assert (last["right"], last["missed"], last["refused rightly"]) == (0, 3, 2)


def test_rows_lead_to_groups_that_exist(analysis):
    """What is selected in a table has cases, as many as the row says."""
    flips = find_flips(analysis.ended, analysis.got, analysis.ended, analysis.got)
    groups = group_cases(analysis, flips)
    lost, lost_keys = lost_rows(analysis)
    pairs, pair_keys = pair_rows(analysis, 10)

    assert [row["cases"] for row in lost] == [0, 2, 0, 2]
    for row, key in [*zip(lost, lost_keys, strict=True), *zip(pairs, pair_keys, strict=True)]:
        if row["cases"]:
            assert len(groups[key].rows) == row["cases"]


def test_precision_and_recall_of_an_agent(analysis):
    """The first agent gets three, one of its own two among them."""
    row = agent_rows(analysis)[0]

    assert (row["should get"], row["gets"], row["rightly"]) == (2, 3, 1)
    assert (row["precision"], row["recall"]) == (0.333, 0.5)


def test_no_cell_is_a_formula(analysis):
    """Queries and names that begin like one do not in a table."""
    rows = case_rows(analysis, CASES, np.arange(5))

    assert not any(str(cell).startswith("=") for row in rows for cell in row.values())
    assert "\n=" not in rows_to_csv(rows)
