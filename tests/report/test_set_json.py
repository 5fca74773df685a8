"""Evaluations and comparisons as JSON: every figure is a plain value."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from handoff.core.model import Agent, EvidenceSet, Policy, Registry, ThresholdSource
from handoff.evaluation.analysis import analyse
from handoff.evaluation.compare import compare
from handoff.evaluation.goal import parse_goal
from handoff.evaluation.judged import label
from handoff.evaluation.recommend import OwnThresholds, recommend
from handoff.files.cases import Case
from handoff.report.set_json import analysis_to_json, comparison_to_json

ROSE = Agent("rose", "Rose Desk", "Roses.", ("flower",), 0.4)
IRON = Agent("iron", "Iron Desk", "Iron.", ("metal",))
REGISTRY = Registry((ROSE, IRON))
POLICY = Policy(0.5, ThresholdSource.EMBEDDER)
BOTH = [("rose", (0.9, 0.1)), ("iron", (0.6, 0.2)), ("rose", (0.4, 0.3)), (None, (0.7, 0.1))]
BOTH += [(None, (0.2, 0.1))]
GOALS = ("accuracy", "balanced", "wrong=0.1", "wrong=0", "coverage=0.8", "coverage=1")


def analysed(rows, policy=POLICY, registry=REGISTRY, tags=None, failed=0):
    """Return the analysis of rows of a label and one similarity an agent."""
    similarities = np.array([scores for _, scores in rows], dtype=np.float32)
    evidence = EvidenceSet(
        queries=tuple(f"query {at}" for at in range(len(rows))),
        embedder="e",
        tagger="t",
        fingerprint=registry.fingerprint,
        tags=tags or ((),) * len(rows),
        vectors=np.zeros((len(rows), 2), dtype=np.float32),
        similarities=similarities,
        lexical=np.zeros_like(similarities),
        degraded=((),) * len(rows),
    )
    return analyse(label(evidence, registry, [expected for expected, _ in rows]), policy, failed)


def as_json(analysis, goal="accuracy"):
    """Return the JSON of an analysis with its recommendation, parsed as strictly as it gets."""
    agents = len(analysis.labelled.registry)
    found = recommend(analysis.settled, parse_goal(goal), analysis.policy, agents)
    return strictly(analysis_to_json(analysis, found, [], 0.25))


def strictly(value):
    """Write JSON without NaN, and read it back."""
    return json.loads(json.dumps(value, allow_nan=False))


def cases_of(rows):
    """Return the cases that rows stand for."""
    return tuple(Case(f"query {at}", expected, "", at + 2) for at, (expected, _) in enumerate(rows))


SHAPES = [
    pytest.param(BOTH * 5, id="both kinds"),
    pytest.param([("rose", (0.9, 0.1))] * 12, id="one agent"),
    pytest.param([("iron", (0.9, 0.1))] * 12, id="one agent, always wrong"),
    pytest.param([(None, (0.9, 0.1))] * 12, id="nobody, taken"),
    pytest.param([(None, (0.1, 0.1))] * 12, id="nobody, refused"),
    pytest.param([("rose", (0.0, 0.0))] * 12, id="no score at all"),
    pytest.param([("rose", (0.9, 0.1))] * 9 + [(None, (0.1, 0.2))], id="a single nobody"),
    pytest.param([("rose", (0.9, 0.1))], id="one case"),
    pytest.param([(None, (0.9, 0.1))], id="one case of nobody's"),
]


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("rows", SHAPES)
def test_every_shape_of_set_is_valid_json(rows, goal):
    """No figure is NaN or infinite, whatever the set lacks."""
    answered = as_json(analysed(rows), goal)

    assert answered["cases"] == len(rows)
    assert (answered["recommended"] is None) == (len(rows) < 10)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(replace(POLICY, threshold=-1.0), id="everything handed off"),
        pytest.param(replace(POLICY, threshold=1.0), id="nothing handed off"),
        pytest.param(replace(POLICY, margin=2.0), id="everything ambiguous"),
        pytest.param(replace(POLICY, per_agent=True), id="own thresholds"),
        pytest.param(replace(POLICY, use_tags=False, lexical_weight=1.0), id="lexical help"),
    ],
)
@pytest.mark.parametrize("rows", SHAPES)
def test_every_policy_is_valid_json(rows, policy):
    """The policy may leave figures out as well."""
    answered = as_json(analysed(rows, policy))

    assert answered["margin"] == policy.margin
    assert answered["per_agent"] == policy.per_agent


def test_a_registry_of_one_agent_is_valid_json():
    """Without a runner-up leads are infinite, and none of them is printed."""
    registry = Registry((ROSE,))

    answered = as_json(analysed([("rose", (0.9,)), (None, (0.1,))] * 6, registry=registry))

    assert answered["accuracy"] == 1
    assert answered["confusions"] == []


def test_a_share_that_does_not_exist_is_null():
    """Nobody's cases, all refused: nothing was handed off, and nothing is in scope."""
    answered = as_json(analysed([(None, (0.1, 0.2))] * 3))

    missing = {key for key, value in answered.items() if value is None}
    assert missing == {
        "precision",
        "top1",
        "top1_unfiltered",
        "kept",
        "auroc",
        "false_positives_at_95",
        "recommended",
    }


def test_the_share_of_the_only_kind_is_the_balanced_one():
    """Where one kind is missing, the other one is all there is to weigh."""
    assert as_json(analysed([(None, (0.1, 0.2)), (None, (0.9, 0.1))]))["balanced"] == 0.5
    assert as_json(analysed([("rose", (0.9, 0.1))]))["balanced"] == 1


def test_counts_and_shares_are_those_of_the_cases():
    """Two right, one wrong, one missed, one refused, one taken, two failed."""
    rows = [
        ("rose", (0.9, 0.1)),
        ("iron", (0.1, 0.8)),
        ("iron", (0.6, 0.2)),
        ("rose", (0.4, 0.3)),
        (None, (0.2, 0.1)),
        (None, (0.7, 0.1)),
    ]

    answered = as_json(analysed(rows, failed=2))

    six = ("right", "wrong", "missed", "refused", "taken", "failed")
    assert [answered[key] for key in six] == [2, 1, 1, 1, 1, 2]
    assert answered["cases"] == 8
    assert answered["accuracy"] == 0.375
    assert answered["coverage"] == 0.5
    assert answered["precision"] == 0.5
    assert answered["wrong_share"] == 0.25
    assert answered["balanced"] == 0.5
    assert answered["top1"] == 0.75


def test_losses_add_up_to_the_gathered_cases():
    """What failed has no place in the account."""
    answered = as_json(analysed(BOTH, failed=3))

    assert sum(answered["lost"].values()) == answered["cases"] - answered["failed"] == 5


def test_a_filter_that_removes_the_right_agent_is_told():
    """Tags of another agent cost the case, and switching the filter off gives it back."""
    answered = as_json(analysed([("rose", (0.9, 0.6))], tags=(("metal",),)))

    assert answered["lost"]["filtered"] == 1
    assert answered["kept"] == 0
    assert (answered["top1"], answered["top1_unfiltered"]) == (0, 1)
    assert answered["accuracy_with_other_filter"] == 1


def test_confusions_name_agents_by_id_and_nobody_by_null():
    """Cells off the diagonal, the fullest first."""
    answered = as_json(analysed([*BOTH, (None, (0.8, 0.1))]))

    assert answered["confusions"] == [
        {"expected": None, "got": "rose", "cases": 2},
        {"expected": "rose", "got": None, "cases": 1},
        {"expected": "iron", "got": "rose", "cases": 1},
    ]


def test_only_the_fifty_fullest_confusions_are_listed():
    """A large registry does not swell the output."""
    registry = Registry(tuple(Agent(f"a{at}", f"A{at}", "Does.") for at in range(60)))
    rows = [(f"a{at}", np.eye(60)[(at + 1) % 60]) for at in range(60)]
    rows += [("a59", np.eye(60)[7])] * 2

    answered = as_json(analysed(rows, registry=registry))

    assert len(answered["confusions"]) == 50
    assert answered["confusions"][0] == {"expected": "a59", "got": "a7", "cases": 2}


def test_own_thresholds_are_listed_by_id_where_they_are_offered():
    """Agents without one are left out, and the numbers read as they were meant."""
    analysis = analysed(BOTH * 5)
    found = recommend(analysis.settled, parse_goal("accuracy"), POLICY, 2)
    own = OwnThresholds(
        np.array([np.nan, 0.35], dtype=np.float32), found.held_out, found.at_present
    )

    answered = strictly(analysis_to_json(analysis, replace(found, own=own), [], 0.0))

    assert answered["recommended"]["own_thresholds"] == {"iron": 0.35}
    recommended = answered["recommended"]
    assert recommended["own_accuracy"] == recommended["accuracy"]
    assert recommended["own_accuracy_without"] == recommended["accuracy_at_present"]


def test_no_own_thresholds_are_null():
    """Where they do not win, none is offered."""
    analysis = analysed(BOTH * 5)
    found = recommend(analysis.settled, parse_goal("wrong=0.1"), POLICY, 2)

    recommended = analysis_to_json(analysis, found, [], 0.0)["recommended"]

    assert recommended["own_thresholds"] is None
    assert recommended["own_accuracy"] is None
    assert recommended["own_accuracy_without"] is None


@pytest.mark.parametrize(
    ("policy", "accuracy"),
    [
        pytest.param(POLICY, 1 / 3, id="the plain policy"),
        pytest.param(replace(POLICY, per_agent=True), 2 / 3, id="an own threshold hands one off"),
        pytest.param(replace(POLICY, margin=0.45), 2 / 3, id="a margin holds one back"),
    ],
)
def test_the_present_figure_is_that_of_the_policy_in_use(policy, accuracy):
    """Own thresholds and margin have their say in it; the figure is that of the whole set."""
    alike = [("rose", (0.4, 0.1)), ("iron", (0.1, 0.6)), (None, (0.7, 0.3))]

    answered = as_json(analysed(alike * 10, policy))

    assert answered["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert answered["recommended"]["accuracy_at_present"] == answered["accuracy"]


def test_own_thresholds_are_not_offered_where_they_are_in_use():
    """What is compared with has them already."""
    recommended = as_json(analysed(BOTH * 10, replace(POLICY, per_agent=True)))["recommended"]

    assert (recommended["own_thresholds"], recommended["own_accuracy"]) == (None, None)


@pytest.mark.parametrize(
    ("rows", "goal", "expected"),
    [
        pytest.param(BOTH * 10, "accuracy", (True, True, False), id="no share"),
        pytest.param(BOTH * 40, "coverage=0.5", (True, True, False), id="promised"),
        pytest.param(BOTH * 4, "wrong=0.1", (True, False, False), id="too few for a promise"),
        pytest.param(BOTH * 40, "coverage=1", (True, False, True), id="nobody can promise it"),
    ],
)
def test_a_share_may_be_kept_and_not_promised(rows, goal, expected):
    """Both are told, and how many more labels it takes, if any number does."""
    found = as_json(analysed(rows), goal)["recommended"]

    assert (found["kept"], found["promised"], found["more_cases"] is None) == expected


def test_a_share_that_no_threshold_keeps_is_said_not_to_be_kept():
    """A margin that nothing reaches hands nothing off, and no label changes that."""
    analysis = analysed(BOTH * 10, replace(POLICY, margin=2.0))

    found = as_json(analysis, "coverage=0.8")["recommended"]

    assert (found["kept"], found["promised"], found["more_cases"]) == (False, False, None)


def test_failures_and_seconds_are_passed_on():
    """Sentences as they are, seconds to the millisecond."""
    answered = analysis_to_json(analysed(BOTH), None, ["Line 3 is odd."], 1.23456)

    assert answered["failures"] == ["Line 3 is odd."]
    assert answered["seconds"] == 1.235


def compared(rows, after_rows, registry=REGISTRY):
    """Return the comparison of two analyses of the same labels, as strict JSON."""
    comparison = compare(analysed(rows), analysed(after_rows, registry=registry))
    return strictly(comparison_to_json(comparison, cases_of(rows)))


def test_worse_flips_come_first():
    """What a reviewer must see stands on top, in the order of the file."""
    before = [("iron", (0.1, 0.2)), ("iron", (0.8, 0.1)), ("rose", (0.9, 0.1)), (None, (0.1, 0.1))]
    after = [("iron", (0.1, 0.9)), ("iron", (0.1, 0.2)), ("rose", (0.3, 0.1)), (None, (0.9, 0.1))]

    answered = compared(before, after)

    rows = [(flip["flip"], flip["line"]) for flip in answered["flips"]]
    assert rows == [("worse", 4), ("worse", 5), ("better", 2), ("neither", 3)]
    assert (answered["worse"], answered["better"], answered["neither"]) == (2, 1, 1)


def test_a_comparison_without_scope_is_valid_json():
    """All nobody's: there is no top-1 on either side."""
    rows = [(None, (0.1, 0.1))] * 3

    answered = compared(rows, rows)

    assert (answered["before"]["top1"], answered["after"]["top1"]) == (None, None)
    assert answered["p_value"] == 1


def test_agents_of_the_second_registry_are_named_by_their_own_ids():
    """Positions of two registries are not mixed up."""
    other = Registry((IRON, Agent("moss", "Moss Desk", "Moss."), ROSE))
    before = [("rose", (0.9, 0.1)), ("iron", (0.1, 0.9))]
    after = [("rose", (0.1, 0.9, 0.2)), ("iron", (0.9, 0.1, 0.1))]

    answered = compared(before, after, other)

    assert [(flip["before"], flip["after"]) for flip in answered["flips"]] == [("rose", "moss")]
    assert answered["after"]["agents"] == 3


def test_figures_that_are_documented_as_always_there_are():
    """Only a set without a kind of case leaves a share out."""
    answered = as_json(analysed(BOTH * 5))

    nothing = [key for key, value in answered.items() if value is None]
    assert nothing == []
    assert all(not isinstance(value, float) or math.isfinite(value) for value in answered.values())
