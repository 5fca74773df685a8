"""Routes as rows."""

import json

import numpy as np
import pytest

from handoff.core.model import Agent, Evidence, Policy, Registry, ThresholdSource
from handoff.report.route_tables import ranking_rows, side_by_side
from handoff.router import Route, judge
from handoff.trace import Trace

AGENTS = (
    Agent("coder", "Coder", "Fixes bugs.", ("bug", "code"), 0.75),
    Agent("biller", "Biller", "Refunds orders.", ("refund",)),
    Agent("trainer", "Trainer", "Trains models.", ("code", "model")),
)
POLICY = Policy(0.25, ThresholdSource.EMBEDDER)
OFF = Policy(0.25, ThresholdSource.EMBEDDER, use_tags=False)
CODE = ("code", "bug")


def routed(
    *similarities: float,
    tags: tuple[str, ...] = (),
    policy: Policy = POLICY,
    agents: tuple[Agent, ...] = AGENTS,
    query: str = "who fixes it",
) -> Route:
    """Judge a query that is this similar to the first of the agents."""
    registry = Registry(agents[: len(similarities)])
    evidence = Evidence(
        query=query,
        embedder="e",
        tagger="t",
        fingerprint=registry.fingerprint,
        tags=tags,
        vector=np.ones(1, dtype=np.float32),
        similarities=np.array(similarities, dtype=np.float32),
        lexical=np.zeros(len(similarities), dtype=np.float32),
    )
    return judge(evidence, registry, policy, Trace())


def told(route: Route, other: Route, name: str) -> tuple[str, str]:
    """Return both routes' values of one fact."""
    (row,) = (row for row in side_by_side(route, other) if row[""] == name)
    return row["this route"], row["the earlier one"]


def test_candidates_come_before_the_removed_ones_each_best_first():
    """A row says who, how similar, whether kept and by which tags, and how far the line is."""
    rows = ranking_rows(routed(0.5, 0.875, 0.125, tags=CODE))

    assert rows == [
        {
            "agent": "Coder",
            "score": 0.5,
            "kept": True,
            "matched tags": "code, bug",
            "to threshold": 0.25,
        },
        {
            "agent": "Trainer",
            "score": 0.125,
            "kept": True,
            "matched tags": "code",
            "to threshold": -0.125,
        },
        {
            "agent": "Biller",
            "score": 0.875,
            "kept": False,
            "matched tags": "",
            "to threshold": 0.625,
        },
    ]


def test_without_the_filter_every_row_is_kept():
    """The best similarity leads, and matched tags are told all the same."""
    rows = ranking_rows(routed(0.5, 0.875, 0.125, tags=CODE, policy=OFF))

    assert [(row["agent"], row["kept"]) for row in rows] == [
        ("Biller", True),
        ("Coder", True),
        ("Trainer", True),
    ]


def test_scores_are_rounded_to_three_decimals():
    """A float32 is not shown with all its digits."""
    (row,) = ranking_rows(routed(0.123456))

    assert row["score"] == 0.123
    assert row["to threshold"] == -0.127


def test_the_distance_is_to_the_threshold_that_judged():
    """With own thresholds switched on, the best one's own is the line."""
    own = Policy(0.25, ThresholdSource.EMBEDDER, per_agent=True)
    rows = ranking_rows(routed(0.5, 0.375, policy=own))

    assert [row["to threshold"] for row in rows] == [-0.25, -0.375]


def test_agents_of_the_same_name_have_a_row_each():
    """A name is no key."""
    twins = (Agent("one", "Twin", "First."), Agent("two", "Twin", "Second."))
    rows = ranking_rows(routed(0.25, 0.5, agents=twins))

    assert [(row["agent"], row["score"]) for row in rows] == [("Twin", 0.5), ("Twin", 0.25)]


def test_every_agent_has_a_row():
    """A table is not cut where a chart is."""
    many = tuple(Agent(f"a{at}", f"Agent {at}", "Helps.") for at in range(60))

    assert len(ranking_rows(routed(*[0.5] * 60, agents=many))) == 60


def test_no_cell_of_the_ranking_is_a_formula():
    """A table can be saved and opened in a spreadsheet, whatever an agent is called."""
    agents = (Agent("a", "=1+1", "Helps.", ("@now", "x")),)
    (row,) = ranking_rows(routed(0.5, agents=agents, tags=("@now", "x")))

    assert row["agent"] == "'=1+1"
    assert row["matched tags"] == "'@now, x"


def test_rows_hold_plain_values():
    """Nothing of NumPy's is left, so that any table or file takes them."""
    rows = ranking_rows(routed(0.5, 0.875, 0.125, tags=CODE))

    assert json.loads(json.dumps(rows)) == rows


def test_two_routes_stand_side_by_side():
    """One row a fact, this route first."""
    earlier = routed(0.125, 0.0, query="what time is it")

    rows = side_by_side(routed(0.5, 0.875, 0.375, tags=CODE), earlier)

    assert [tuple(row.values()) for row in rows] == [
        ("query", "who fixes it", "what time is it"),
        ("outcome", "Hand off to Coder", "Hand off to nobody"),
        ("best", "Coder 0.50", "Coder 0.12"),
        ("runner-up", "Trainer 0.38", "Biller 0.00"),
        ("threshold", "0.25", "0.25"),
        ("tags", "code, bug", "none"),
        ("kept", "2 of 3", "2 of 2"),
    ]


def test_no_cell_beside_another_is_a_formula():
    """Query, names and tags come from outside."""
    agents = (Agent("a", "-Coder", "Helps.", ("+1",)), Agent("b", "@Biller", "Helps."))
    route = routed(0.5, 0.25, agents=agents, tags=("+1",), query="=1+1", policy=OFF)

    assert told(route, route, "query") == ("'=1+1", "'=1+1")
    assert told(route, route, "best") == ("'-Coder 0.50", "'-Coder 0.50")
    assert told(route, route, "runner-up") == ("'@Biller 0.25", "'@Biller 0.25")
    assert told(route, route, "tags") == ("'+1", "'+1")


def test_a_threshold_below_zero_is_written_as_a_number():
    """A sign that the table itself wrote starts no formula."""
    route = routed(0.5, policy=Policy(-0.5, ThresholdSource.ARGUMENT))

    assert told(route, route, "threshold") == ("-0.50", "-0.50")


def test_the_columns_say_which_route_is_which():
    """The first has no heading: it names the facts."""
    route = routed(0.5)

    assert {tuple(row) for row in side_by_side(route, route)} == {
        ("", "this route", "the earlier one")
    }


@pytest.mark.parametrize(
    ("similarities", "tags", "runner_up"),
    [
        pytest.param((0.5, 0.375), (), "Biller 0.38", id="the second candidate"),
        pytest.param((0.5,), (), "none", id="a single agent"),
        pytest.param((0.5, 0.875), CODE, "none", id="the other was removed"),
    ],
)
def test_a_runner_up_is_a_candidate(similarities, tags, runner_up):
    """An agent that the filter removed is nobody's rival."""
    route = routed(*similarities, tags=tags)

    assert told(route, route, "runner-up") == (runner_up, runner_up)


def test_a_similarity_that_rounds_to_zero_has_no_sign():
    """A little less than nothing is written as nothing."""
    route = routed(-0.001, -0.002)

    assert told(route, route, "best")[0] == "Coder 0.00"
    assert told(route, route, "runner-up")[0] == "Biller 0.00"


def test_a_decision_that_is_too_close_is_told_so():
    """The outcome is in the words of the headline."""
    route = routed(0.5, 0.375, policy=Policy(0.25, ThresholdSource.CONFIG, margin=0.25))

    assert told(route, route, "outcome")[0].endswith("too close to call")


def test_routes_on_two_registries_can_be_compared():
    """Each value belongs to its own route's agents."""
    alone = routed(0.5, agents=(Agent("florist", "Florist", "Sells flowers."),))

    assert told(routed(0.5, 0.375), alone, "best") == ("Coder 0.50", "Florist 0.50")
    assert told(routed(0.5, 0.375), alone, "kept") == ("2 of 2", "1 of 1")


def test_large_counts_have_a_separator():
    """Thousands are easy to read."""
    many = tuple(Agent(f"a{at}", f"Agent {at}", "Helps.") for at in range(1_200))
    route = routed(*[0.5] * 1_200, agents=many)

    assert told(route, route, "kept")[0] == "1,200 of 1,200"
