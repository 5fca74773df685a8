"""What is said of a labelled set: one sentence for each thing that can be said, and no other.

One file: it mirrors one module, sentence by sentence, on the same analysed set.
"""

from dataclasses import replace

import numpy as np
import pytest

from handoff.core.model import Agent, EvidenceSet, Policy, Registry, ThresholdSource
from handoff.evaluation.analysis import analyse
from handoff.evaluation.compare import Comparison
from handoff.evaluation.counts import Counts
from handoff.evaluation.flips import Flips
from handoff.evaluation.goal import Aim, Goal
from handoff.evaluation.judged import ABSENT, NOBODY, label
from handoff.evaluation.recommend import Interval, OwnThresholds, Recommendation
from handoff.files.cases import Case, Cases, FailedCase
from handoff.report.set_words import (
    ENDINGS,
    FATES,
    account_rows,
    agent_name,
    count_line,
    goal_in_words,
    handed_off,
    recommendation,
    set_notes,
    significance,
    summary,
    warnings,
)

REGISTRY = Registry((Agent("rose", "Rose Desk", "Roses."), Agent("iron", "Iron Desk", "Iron.")))
NAN = float("nan")
FOUND = Recommendation(
    goal=Goal(Aim.ACCURACY),
    threshold=0.25,
    lowest=0.2312,
    highest=0.27,
    present=0.4,
    keep=False,
    kept=True,
    promised=True,
    cases=200,
    held_out=Counts(right=1_500, wrong=100, missed=200, refused=150, taken=50),
    accuracy=Interval(0.81, 0.84),
    coverage=Interval(0.8, 0.85),
    at_present=Counts(right=1_000, wrong=50, missed=750, refused=190, taken=10),
    handing_off_all=Counts(right=1_600, wrong=200, missed=0, refused=0, taken=200),
    own=None,
    more_cases=0,
    nobodies=20,
)
PROMISE = replace(FOUND, goal=Goal(Aim.WRONG, 0.02), promised=False)


def analysed(rows, policy, tags=None):
    """Return the analysis of rows of a label and one similarity an agent."""
    similarities = np.array([scores for _, scores in rows], dtype=np.float32)
    evidence = EvidenceSet(
        queries=("query",) * len(rows),
        embedder="e",
        tagger="t",
        fingerprint=REGISTRY.fingerprint,
        tags=tags or ((),) * len(rows),
        vectors=np.zeros((len(rows), 2), dtype=np.float32),
        similarities=similarities,
        lexical=np.zeros_like(similarities),
        degraded=((),) * len(rows),
    )
    return analyse(label(evidence, REGISTRY, [expected for expected, _ in rows]), policy)


ROWS = [
    ("rose", (0.9, 0.1)),
    ("rose", (0.4, 0.1)),
    ("iron", (0.8, 0.2)),
    (None, (0.7, 0.1)),
]
POLICY = Policy(0.5, ThresholdSource.CONFIG)


def set_of(*queries, failed=()):
    """Return a set of cases from pairs of query and label, on lines from 2."""
    cases = [Case(query, expected, "", at + 2) for at, (query, expected) in enumerate(queries)]
    return Cases(tuple(cases), tuple(FailedCase(line, f"Line {line} is odd.") for line in failed))


def flips_of(better, worse, p_value):
    """Return a comparison with so many flips."""
    rows = np.arange(better + worse)
    flips = Flips(rows[:better], rows[better:], rows[:0])
    return Comparison(before=None, after=None, flips=flips, p_value=p_value)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        pytest.param(
            Counts(3, 1, 0, 4, 0),
            "Coverage 50.0 %; of what is handed off 75.0 % is right.",
            id="some",
        ),
        pytest.param(Counts(0, 0, 3, 4, 0), "Nothing is handed off.", id="none"),
    ],
)
def test_hand_offs_are_told_with_how_many_are_right(counts, said):
    """Of no hand-off there is no share to tell."""
    assert handed_off(counts) == said


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        pytest.param(Goal(Aim.ACCURACY), "the highest accuracy", id="accuracy"),
        pytest.param(
            Goal(Aim.BALANCED),
            "the highest accuracy, both kinds of cases weighing the same",
            id="balanced",
        ),
        pytest.param(
            Goal(Aim.WRONG, 0.02), "at most 2.0 % of all queries handed off wrongly", id="wrong"
        ),
        pytest.param(
            Goal(Aim.COVERAGE, 0.8), "at least 80.0 % of all queries handed off", id="coverage"
        ),
    ],
)
def test_a_goal_is_told_in_words(goal, words):
    """Each aim has its own, with its share."""
    assert goal_in_words(goal) == words


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (ThresholdSource.ARGUMENT, "as asked for"),
        (ThresholdSource.CONFIG, "from handoff.toml"),
        (ThresholdSource.EMBEDDER, "the embedder's default"),
    ],
)
def test_a_summary_tells_figure_threshold_and_source(source, words):
    """One sentence, with the threshold that judged."""
    assert summary(analysed(ROWS, replace(POLICY, source=source))) == (
        f"1 of 4 cases end as labelled, 25.0 %, at the threshold 0.5 ({words})."
    )


def test_a_summary_of_one_case_is_singular():
    """Number and verb agree."""
    said = summary(analysed(ROWS[:1], POLICY))

    assert said.startswith("1 of 1 case ends as labelled, 100.0 %, ")


def test_the_six_counts_are_listed():
    """In the order of the sum, with thousands set apart."""
    assert count_line(Counts(1_234, 2, 3, 4, 5, 6)) == (
        "right 1,234, wrong agent 2, missed 3, refused rightly 4, taken wrongly 5, failed 6"
    )


def test_every_ending_has_a_name_of_its_own():
    """Two endings never read the same."""
    assert len(set(ENDINGS.values())) == len(ENDINGS) == 5
    assert len(set(FATES.values())) == len(FATES) == 4


def test_the_account_tells_numbers_and_remedies():
    """Each loss stands with its number, and what would give it back."""
    rows = account_rows(analysed(ROWS, POLICY))

    assert [(fate, number) for fate, number, _ in rows] == list(
        zip(FATES, [0, 1, 1, 1], strict=True)
    )
    assert [remedy for _, _, remedy in rows] == [
        "With the tag filter off: accuracy 25.0 % (+0.0 points).",
        "If ranked first: accuracy 50.0 % (+25.0 points).",
        (
            "Upper bound with an ideal threshold (both threshold rows): accuracy 75.0 % "
            "(+50.0 points)."
        ),
        "Included above.",
    ]


def test_the_account_switches_the_filter_the_other_way():
    """Where it is off, the question is what it would do."""
    rows = account_rows(analysed(ROWS, replace(POLICY, use_tags=False)))

    assert rows[0][2].startswith("With the tag filter on: accuracy ")


def test_too_few_cases_get_no_recommendation():
    """The least number is named."""
    assert recommendation(None, REGISTRY, ThresholdSource.CONFIG) == [
        "No recommendation: it takes at least 10 cases to split."
    ]


def test_a_recommendation_tells_its_price():
    """Threshold, its spread, held-out figures with intervals, what it is compared with."""
    assert recommendation(FOUND, REGISTRY, ThresholdSource.EMBEDDER) == [
        (
            "For the highest accuracy: the threshold 0.25, between 0.231 and 0.27 over the folds. "
            "On the cases that a fold left out, 200 in all, it gives accuracy 82.5 % (95 %: 81.0 % "
            "to 84.0 %), coverage 82.5 % (95 %: 80.0 % to 85.0 %), and 7.5 % are handed off "
            "wrongly."
        ),
        (
            "On the same cases, the threshold in use (the embedder's default) gives accuracy "
            "59.5 %, and handing off every query 80.0 %."
        ),
    ]


def test_a_recommendation_says_who_had_no_say_in_it():
    """A threshold that was chosen on what is left does not pass for one of the whole set."""
    said = recommendation(FOUND, REGISTRY, ThresholdSource.EMBEDDER, failed=1)

    assert "1 case failed and had no say in this." in said
    assert not any("no say" in line for line in recommendation(FOUND, REGISTRY, POLICY.source))


def test_a_threshold_in_use_is_not_compared_with_itself():
    """Where the chosen one is the one in use, that is all there is to say of it."""
    said = recommendation(replace(FOUND, present=0.25), REGISTRY, ThresholdSource.CONFIG)

    assert said[1] == (
        "It is the threshold in use (from handoff.toml). On the same cases, handing off every "
        "query gives accuracy 80.0 %."
    )


BETTER = Counts(right=1_600, wrong=100, missed=100, refused=150, taken=50)


@pytest.mark.parametrize(
    ("goal", "figures"),
    [
        pytest.param(
            Goal(Aim.ACCURACY),
            "accuracy 87.50 %; the one that the cases would choose, 0.25, gives accuracy 82.50 %",
            id="accuracy",
        ),
        pytest.param(
            Goal(Aim.BALANCED),
            "balanced accuracy 81.94 %; the one that the cases would choose, 0.25, gives balanced "
            "accuracy 79.17 %",
            id="balanced",
        ),
        pytest.param(
            Goal(Aim.WRONG, 0.08),
            "7.5 % handed off wrongly at coverage 87.5 %; the one that the cases would choose, "
            "0.25, gives 7.5 % handed off wrongly at coverage 82.5 %",
            id="wrong",
        ),
        pytest.param(
            Goal(Aim.COVERAGE, 0.8),
            "coverage 87.5 % at accuracy 87.5 %; the one that the cases would choose, 0.25, gives "
            "coverage 82.5 % at accuracy 82.5 %",
            id="coverage",
        ),
    ],
)
def test_keep_yours_is_one_sentence_with_both_figures(goal, figures):
    """It comes first, in the figures of the goal."""
    found = replace(FOUND, goal=goal, keep=True, at_present=BETTER)

    said = recommendation(found, REGISTRY, ThresholdSource.EMBEDDER)

    assert said[0] == (
        f"Keep yours: the threshold in use (the embedder's default), 0.4, gives {figures} held out."
    )
    assert said[1].startswith("For ")


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        pytest.param([0.3, NAN], "for 1 agent of 2", id="one"),
        pytest.param([0.3, 0.1], "for 2 agents of 2", id="all"),
    ],
)
def test_own_thresholds_are_offered_with_their_figure(thresholds, words):
    """How many agents have one, and what it is worth beside the common one, on the same half."""
    own = OwnThresholds(
        np.array(thresholds, dtype=np.float32),
        held_out=replace(FOUND.held_out, right=1_510, wrong=90),
        without=FOUND.held_out,
    )

    said = recommendation(replace(FOUND, own=own), REGISTRY, ThresholdSource.CONFIG)

    assert said[2] == (
        f"Own thresholds {words}, fitted on one half of the cases, do better on the other: "
        "accuracy 83.0 % instead of 82.5 %."
    )


def test_warnings_follow_the_recommendation():
    """Whoever reads the figure reads how far to believe it."""
    found = replace(FOUND, nobodies=0, more_cases=300)

    said = recommendation(found, REGISTRY, ThresholdSource.CONFIG)

    assert said[2:] == warnings(found)
    assert len(said) == 4


def test_a_large_set_of_both_kinds_warns_of_nothing():
    """Twenty of a kind are enough, and a settled interval needs no more."""
    assert warnings(FOUND) == []


@pytest.mark.parametrize(
    ("nobodies", "have"), [(0, "no case"), (1, "1 case"), (2, "2 cases"), (19, "19 cases")]
)
def test_too_few_cases_of_nobodys_are_told(nobodies, have):
    """What a threshold refuses cannot be judged without them."""
    assert warnings(replace(FOUND, nobodies=nobodies)) == [
        (
            f"The set has {have} that nobody should take: how well a threshold refuses is "
            "a guess until there are 20."
        )
    ]


def test_a_wide_interval_is_told_with_what_would_narrow_it():
    """The number of labels is rounded to whole ones and told as about."""
    assert warnings(replace(FOUND, more_cases=1_234)) == [
        (
            "The set is too small to say more: about 1,234 more labelled queries would narrow the "
            "interval to 10 points."
        )
    ]


def test_a_share_that_is_no_promise_is_told_with_what_would_make_it_one():
    """The set is too small, and by how much."""
    assert warnings(replace(PROMISE, more_cases=118)) == [
        (
            "The share 2.0 % holds on these cases, but they are too few to promise it: "
            "about 118 more labelled queries would be enough."
        )
    ]


def test_a_share_that_no_set_can_promise_is_told():
    """No number of labels shows that nothing ever goes wrong."""
    said = warnings(replace(PROMISE, goal=Goal(Aim.WRONG, 0.0), more_cases=None))

    assert said == ["No number of labels can promise 0.0 %."]


def test_a_share_that_leaves_no_room_for_chance_is_told():
    """The set is large enough; the routing is not good enough to promise what holds."""
    assert warnings(replace(PROMISE, more_cases=0)) == [
        (
            "The share 2.0 % holds on these cases, but cannot be promised: no threshold leaves "
            "room for chance."
        )
    ]


@pytest.mark.parametrize("more_cases", [None, 0, 118])
def test_a_share_that_no_threshold_keeps_is_not_said_to_hold(more_cases):
    """Where it does not hold even on the cases that choose, labels are not what is missing."""
    assert warnings(replace(PROMISE, kept=False, more_cases=more_cases)) == [
        "No threshold keeps the share 2.0 %, not even on the cases that choose it."
    ]


def test_a_sound_set_has_no_notes():
    """Nothing is said where nothing is wrong."""
    assert set_notes(set_of(("a", "rose"), ("b", None)), None, []) == []


def test_three_failed_rows_are_named_and_the_rest_counted():
    """A long list is cut."""
    said = set_notes(set_of(("a", "rose"), failed=range(3, 1_240)), None, [])

    assert said == [
        "Line 3 is odd.",
        "Line 4 is odd.",
        "Line 5 is odd.",
        "And 1,234 more rows cannot be used.",
    ]


def test_three_failed_rows_are_not_said_to_be_more():
    """What was named is not counted again."""
    said = set_notes(set_of(("a", "rose"), failed=(3, 4, 5)), None, [])

    assert said == ["Line 3 is odd.", "Line 4 is odd.", "Line 5 is odd."]


def test_a_contradiction_names_both_lines():
    """The later one contradicts the earlier one; the query is not repeated."""
    said = set_notes(set_of(("a", "rose"), ("b", None), ("a", "iron")), None, [])

    assert said == ["Line 4 labels the query of line 2 differently: keep one of them."]


def test_three_contradictions_are_named_and_the_rest_counted():
    """A long list is cut."""
    queries = [("a", "rose"), ("a", "iron"), *((f"b{at}", None) for at in range(4))]
    queries += [(f"b{at}", "rose") for at in range(4)]

    said = set_notes(set_of(*queries), None, [])

    assert [line.split(":")[0] for line in said[:3]] == [
        "Line 3 labels the query of line 2 differently",
        "Line 8 labels the query of line 4 differently",
        "Line 9 labels the query of line 5 differently",
    ]
    assert said[3:] == ["And there are 2 more contradictions."]


def test_a_single_contradiction_more_is_singular():
    """Number and verb agree."""
    queries = [(f"b{at}", None) for at in range(4)] + [(f"b{at}", "rose") for at in range(4)]

    said = set_notes(set_of(*queries), None, [])

    assert said[3:] == ["And there is 1 more contradiction."]


def test_repetitions_are_told():
    """A line that repeats an earlier one, label and all, still counts."""
    said = set_notes(set_of(("a", "rose"), ("a", "rose"), ("a", "rose")), None, [])

    assert said == ["2 lines repeat earlier ones: each counts again."]


def test_the_old_name_of_the_chip_column_is_told():
    """With what to do."""
    (said,) = set_notes(replace(set_of(("a", None)), old_column=True), None, [])

    assert "example" in said
    assert "rename it" in said


@pytest.mark.parametrize(
    ("cases", "start"),
    [
        pytest.param(
            set_of(("a", None), ("a", None)),
            "1 line repeats an earlier one: it counts twice.",
            id="a repetition",
        ),
        pytest.param(
            set_of(("a", None), failed=(3, 4, 5, 6)), "And 1 more row cannot ", id="a failed row"
        ),
    ],
)
def test_one_line_has_a_singular_verb(cases, start):
    """Number and verb agree."""
    assert set_notes(cases, None, [])[-1].startswith(start)


@pytest.mark.parametrize(
    ("failures", "start"), [(["Try again."], "1 case"), (["Try again."] * 100, "100 cases")]
)
def test_cases_that_could_not_be_gathered_are_counted_with_a_reason(failures, start):
    """The first reason stands for all."""
    assert set_notes(set_of(("a", None)), None, failures) == [
        f"{start} could not be gathered: Try again."
    ]


def test_cases_without_tags_are_counted():
    """A tagger that failed changes what the filter did, so it is told, with its own reason."""
    analysis = replace(analysed(ROWS, POLICY), degraded=2)

    assert set_notes(set_of(("a", None)), analysis, [], "The key was refused.") == [
        "2 cases got no tags. The key was refused."
    ]
    assert set_notes(set_of(("a", None)), analysis, []) == ["2 cases got no tags."]


@pytest.mark.parametrize(
    ("position", "name"),
    [(0, "Rose Desk"), (1, "Iron Desk"), (NOBODY, "nobody"), (ABSENT, "an agent that is gone")],
)
def test_a_position_is_told_by_name(position, name):
    """Nobody and who is gone are no agents from the end of the list."""
    assert agent_name(REGISTRY, position) == name


def test_no_flip_is_no_test():
    """Without flips there is nothing to weigh."""
    assert significance(flips_of(0, 0, 1.0)) == "No case ends better or worse."


@pytest.mark.parametrize(
    ("better", "worse", "p_value", "said"),
    [
        pytest.param(
            9,
            1,
            0.0215,
            "9 better, 1 worse: more than chance (McNemar's exact test, p = 0.021).",
            id="more than chance",
        ),
        pytest.param(
            3,
            2,
            1.0,
            "3 better, 2 worse: no more than chance may do (McNemar's exact test, p = 1.000).",
            id="chance",
        ),
        pytest.param(
            0,
            1_234,
            0.0,
            "0 better, 1,234 worse: more than chance (McNemar's exact test, p < 0.001).",
            id="far more than chance",
        ),
        pytest.param(
            0,
            1,
            0.05,
            "0 better, 1 worse: no more than chance may do (McNemar's exact test, p = 0.050).",
            id="on the limit",
        ),
    ],
)
def test_flips_are_weighed(better, worse, p_value, said):
    """The verdict follows from p at 0.05, and p is never shown as zero."""
    assert significance(flips_of(better, worse, p_value)) == said


@pytest.mark.parametrize(
    ("kept", "promised", "more_cases"),
    [
        *((True, True, more) for more in (0, 1, 7)),
        *((True, False, more) for more in (0, 1, 7, None)),
        (False, False, None),
    ],
)
@pytest.mark.parametrize("nobodies", [0, 1, 40])
def test_every_warning_is_one_sentence(kept, promised, more_cases, nobodies):
    """It begins with a capital, ends with a full stop, and holds no figure that does not exist."""
    found = replace(PROMISE, kept=kept, promised=promised, more_cases=more_cases, nobodies=nobodies)

    said = warnings(found)

    assert len(said) == (nobodies < 20) + (not promised or bool(more_cases))
    assert all(line[0].isupper() and line.endswith(".") for line in said)
    assert not any("nan" in line or "None" in line for line in said)
