"""Two registries on the same labelled queries, case by case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import evidence_set, some

from handoff.core.model import Agent, Policy, Registry, ThresholdSource
from handoff.evaluation.analysis import Analysis, analyse
from handoff.evaluation.compare import Comparison, compare
from handoff.evaluation.judged import label

POLICY = Policy(0.5, ThresholdSource.CONFIG)
IDS = ("a", "b", "c", "d")


def analysis_of(ids, wins, expected):
    """Analyse cases, each won by one of the agents, or by nobody."""
    registry = Registry(tuple(Agent(each, each.upper(), f"Does {each}.") for each in ids))
    similarities = [[0.75 if each == winner else 0.0 for each in ids] for winner in wins]
    return analyse(label(evidence_set(registry, similarities), registry, expected), POLICY)


def flips_of(before: Analysis, after: Analysis) -> tuple[list[int], list[int], list[int]]:
    """Return the rows that flip: to better, to worse, and to neither."""
    flips = compare(before, after).flips
    return flips.better.tolist(), flips.worse.tolist(), flips.neither.tolist()


def test_the_same_registry_flips_nothing():
    """No flip, and nothing to be sure of."""
    analysis = analysis_of("abc", ["a", "b", None], ["a", "c", None])

    found = compare(analysis, analysis)

    assert isinstance(found, Comparison)
    assert len(found.flips) == 0
    assert found.p_value == 1


def test_reordered_agents_are_the_same_agents():
    """Positions change, ids do not."""
    wins, expected = ["a", "b", "c", None], ["a", "a", "c", None]

    assert flips_of(analysis_of("abc", wins, expected), analysis_of("cab", wins, expected)) == (
        [],
        [],
        [],
    )


def test_reordered_agents_with_other_winners_flip():
    """Case 0 is lost, case 1 won, case 2 goes from one wrong agent to another."""
    before = analysis_of("abc", ["a", "b", "a"], ["a", "a", "b"])
    after = analysis_of("cba", ["b", "a", "c"], ["a", "a", "b"])

    assert flips_of(before, after) == ([1], [0], [2])


def test_an_agent_that_is_added_may_win_what_was_lost():
    """Whom the first registry lacks is nobody there, and its position is no other agent's."""
    before = analysis_of("ab", ["a", None], ["c", "c"])
    after = analysis_of("cab", ["c", "c"], ["c", "c"])

    assert flips_of(before, after) == ([0, 1], [], [])


def test_an_agent_that_is_added_and_wins_wrongly_is_a_flip():
    """From one wrong agent to another that the first registry does not have."""
    before = analysis_of("ab", ["b"], ["a"])
    after = analysis_of("abc", ["c"], ["a"])

    assert flips_of(before, after) == ([], [], [0])


def test_an_agent_that_is_removed_loses_its_queries():
    """What it got rightly is worse; what it got wrongly and nobody gets now is no longer wrong."""
    before = analysis_of("abc", ["c", "c"], ["c", None])
    after = analysis_of("ab", [None, None], ["c", None])

    assert flips_of(before, after) == ([1], [0], [])


def test_a_renamed_agent_is_another_one():
    """The queries of the old id go to an agent that was not expected."""
    before = analysis_of("ab", ["b", "a"], ["b", "a"])
    after = analysis_of("az", ["z", "a"], ["b", "a"])

    assert flips_of(before, after) == ([], [0], [])


def test_two_agents_that_are_not_there_are_told_apart():
    """Each new agent has a number of its own, none of them nobody's."""
    before = analysis_of("a", [None, None], ["a", "a"])
    after = analysis_of("xya", ["x", "y"], ["a", "a"])

    assert flips_of(before, after) == ([], [], [0, 1])


@pytest.mark.parametrize(
    ("better", "worse", "p_value"),
    [
        pytest.param(0, 0, 1.0, id="none"),
        pytest.param(3, 3, 1.0, id="even"),
        pytest.param(5, 0, 2 / 32, id="all better"),
        pytest.param(0, 5, 2 / 32, id="all worse"),
        pytest.param(7, 1, 2 * 9 / 256, id="one worse"),
    ],
)
def test_the_p_value_counts_better_and_worse_alone(better, worse, p_value):
    """McNemar's exact test in figures; what flips from wrong to wrong says nothing."""
    cases = better + worse + 1
    before = analysis_of("abc", ["b"] * better + ["a"] * worse + ["b"], ["a"] * cases)
    after = analysis_of("abc", ["a"] * better + ["b"] * worse + ["c"], ["a"] * cases)

    found = compare(before, after)

    assert (len(found.flips.better), len(found.flips.worse)) == (better, worse)
    assert len(found.flips.neither) == 1
    assert found.p_value == pytest.approx(p_value)


winners = st.one_of(st.none(), st.sampled_from(IDS))


@some
@given(
    cases=st.lists(st.tuples(winners, winners, winners), min_size=1, max_size=8),
    order=st.permutations(IDS),
)
def test_flips_go_by_ids_whatever_the_order(cases, order):
    """Better, worse and neither follow from who was expected, who got it and who gets it."""
    first, second, expected = (list(each) for each in zip(*cases, strict=True))

    found = flips_of(analysis_of(IDS, first, expected), analysis_of(order, second, expected))

    rows = range(len(cases))
    was, now = (
        [got == want for got, want in zip(side, expected, strict=True)] for side in (first, second)
    )
    assert found == (
        [row for row in rows if now[row] and not was[row]],
        [row for row in rows if was[row] and not now[row]],
        [row for row in rows if not was[row] and not now[row] and first[row] != second[row]],
    )
