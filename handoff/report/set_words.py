"""The figures of a labelled set in words, for people; plain text, whoever shows it escapes it."""

from collections.abc import Sequence

from handoff.core.model import IntArray, Registry, ThresholdSource
from handoff.evaluation.account import Fate
from handoff.evaluation.analysis import Analysis, Spread
from handoff.evaluation.compare import Comparison
from handoff.evaluation.counts import Counts, Ending
from handoff.evaluation.goal import Aim, Goal
from handoff.evaluation.judged import ABSENT, NOBODY
from handoff.evaluation.recommend import FEWEST, FEWEST_OF_A_KIND, Recommendation
from handoff.files.cases import Cases
from handoff.report.numbers import apart, counted, p_value, percent, points
from handoff.report.route_words import SOURCES

ENDINGS = {
    Ending.RIGHT: "right",
    Ending.WRONG: "wrong agent",
    Ending.MISSED: "missed",
    Ending.REFUSED: "refused rightly",
    Ending.TAKEN: "taken wrongly",
}

FATES = {
    Fate.FILTERED: "Tag filter removed the right agent",
    Fate.OUTRANKED: "Another agent ranked first",
    Fate.HELD_BACK: "Right agent, below threshold or margin",
    Fate.TAKEN: "Taken, though nobody should take it",
}

_NAMED = 3
_CERTAIN = 0.05


def handed_off(counts: Counts) -> str:
    """Say how much is handed off, and how much of it rightly."""
    if not counts.handed_off:
        return "Nothing is handed off."
    return (
        f"Coverage {percent(counts.coverage)}; of what is handed off "
        f"{percent(counts.precision)} is right."
    )


def goal_in_words(goal: Goal) -> str:
    """Say what a threshold is for."""
    share = percent(goal.share or 0.0)
    return {
        Aim.ACCURACY: "the highest accuracy",
        Aim.BALANCED: "the highest accuracy, both kinds of cases weighing the same",
        Aim.WRONG: f"at most {share} of all queries handed off wrongly",
        Aim.COVERAGE: f"at least {share} of all queries handed off",
    }[goal.aim]


def summary(analysis: Analysis) -> str:
    """Say in one sentence how a set ends."""
    counts, policy = analysis.counts, analysis.policy
    end = "ends" if counts.cases == 1 else "end"
    return (
        f"{counts.right + counts.refused:,} of {counted(counts.cases, 'case')} {end} as labelled, "
        f"{percent(counts.accuracy)}, at the threshold {policy.threshold:.4g} "
        f"({SOURCES[policy.source]})."
    )


def count_line(counts: Counts) -> str:
    """List the six counts."""
    return (
        f"right {counts.right:,}, wrong agent {counts.wrong:,}, missed {counts.missed:,}, refused "
        f"rightly {counts.refused:,}, taken wrongly {counts.taken:,}, failed {counts.failed:,}"
    )


def account_rows(analysis: Analysis) -> list[tuple[Fate, int, str]]:
    """Return each way of losing a query, how many it lost, and what would recover them."""
    account, counts = analysis.account, analysis.counts
    switched = "off" if analysis.policy.use_tags else "on"
    remedies = {
        Fate.FILTERED: f"With the tag filter {switched}: {_regained(account.other_filter, counts)}",
        Fate.OUTRANKED: f"If ranked first: {_regained(account.perfect_ranking, counts)}",
        Fate.HELD_BACK: "Upper bound with an ideal threshold (both threshold rows): "
        f"{_regained(account.perfect_threshold, counts)}",
        Fate.TAKEN: "Included above.",
    }
    return [(fate, account.number(fate), remedies[fate]) for fate in FATES]


def _regained(counts: Counts, now: Counts) -> str:
    return f"accuracy {percent(counts.accuracy)} ({points(counts.accuracy, now.accuracy)})."


def recommendation(
    found: Recommendation | None, registry: Registry, present: ThresholdSource, failed: int = 0
) -> list[str]:
    """Say which threshold is recommended, at what price, and how far to believe it.

    Args:
        found: What was found, if there were cases enough.
        registry: The agents.
        present: Where the threshold in use comes from.
        failed: How many cases could not be read or gathered.
    """
    if found is None:
        return [f"No recommendation: it takes at least {FEWEST} cases to split."]
    said = [keep_yours(found, present)] if found.keep else []
    said += [_choice(found), _compared(found, present)]
    if found.own is not None:
        agents = int((found.own.thresholds == found.own.thresholds).sum())
        said.append(
            f"Own thresholds for {counted(agents, 'agent')} of {len(registry):,}, fitted on one "
            "half of the cases, do better on the other: accuracy "
            f"{percent(found.own.held_out.accuracy)} instead of "
            f"{percent(found.own.without.accuracy)}."
        )
    if failed:
        said.append(f"{counted(failed, 'case')} failed and had no say in this.")
    return said + warnings(found)


def keep_yours(found: Recommendation, present: ThresholdSource) -> str:
    """Say that the threshold in use is the better one, with both figures."""
    ours, other = found.at_present, found.held_out
    goal = found.goal.aim
    if goal is Aim.ACCURACY:
        figure, chosen = (f"accuracy {each}" for each in apart(ours.accuracy, other.accuracy))
    elif goal is Aim.BALANCED:
        figure, chosen = (
            f"balanced accuracy {each}" for each in apart(ours.balanced, other.balanced)
        )
    elif goal is Aim.WRONG:
        figure, chosen = (
            f"{percent(each.wrong_share)} handed off wrongly at coverage {percent(each.coverage)}"
            for each in (ours, other)
        )
    else:
        figure, chosen = (
            f"coverage {percent(each.coverage)} at accuracy {percent(each.accuracy)}"
            for each in (ours, other)
        )
    return (
        f"Keep yours: the threshold in use ({SOURCES[present]}), {found.present:.4g}, gives "
        f"{figure}; the one that the cases would choose, {found.threshold:.4g}, gives {chosen} "
        "held out."
    )


def _choice(found: Recommendation) -> str:
    """Say which threshold was chosen, how far the folds agree, and what it comes to held out."""
    held_out = found.held_out
    return (
        f"For {goal_in_words(found.goal)}: the threshold {found.threshold:.4g}, between "
        f"{found.lowest:.3g} and {found.highest:.3g} over the folds. On the cases that a fold "
        f"left out, {found.cases:,} in all, it gives accuracy "
        f"{percent(held_out.accuracy)} (95 %: {percent(found.accuracy.low)} to "
        f"{percent(found.accuracy.high)}), coverage {percent(held_out.coverage)} (95 %: "
        f"{percent(found.coverage.low)} to {percent(found.coverage.high)}), and "
        f"{percent(held_out.wrong_share)} are handed off wrongly."
    )


def _compared(found: Recommendation, present: ThresholdSource) -> str:
    """Say what the threshold in use, and none, come to on the same cases."""
    everything = percent(found.handing_off_all.accuracy)
    if found.present == found.threshold:
        return (
            f"It is the threshold in use ({SOURCES[present]}). On the same cases, handing off "
            f"every query gives accuracy {everything}."
        )
    return (
        f"On the same cases, the threshold in use ({SOURCES[present]}) gives accuracy "
        f"{percent(found.at_present.accuracy)}, and handing off every query {everything}."
    )


def warnings(found: Recommendation) -> list[str]:
    """Say what the set is too small for, and how many more labels would settle it."""
    said = []
    if found.nobodies < FEWEST_OF_A_KIND:
        have = counted(found.nobodies, "case") if found.nobodies else "no case"
        said.append(
            f"The set has {have} that nobody should take: how well a threshold refuses is "
            f"a guess until there are {FEWEST_OF_A_KIND}."
        )
    share = percent(found.goal.share or 0.0)
    if not found.kept:
        said.append(f"No threshold keeps the share {share}, not even on the cases that choose it.")
    elif found.more_cases is None:
        said.append(f"No number of labels can promise {share}.")
    elif not found.promised and found.more_cases:
        said.append(
            f"The share {share} holds on these cases, but they are too few to promise "
            f"it: about {found.more_cases:,} more labelled queries would be enough."
        )
    elif not found.promised:
        said.append(
            f"The share {share} holds on these cases, but cannot be promised: no threshold "
            "leaves room for chance."
        )
    elif found.more_cases:
        said.append(
            "The set is too small to say more: about "
            f"{found.more_cases:,} more labelled queries would narrow the interval to 10 points."
        )
    return said


def set_notes(
    cases: Cases, analysis: Analysis | None, failures: Sequence[str], untagged: str = ""
) -> list[str]:
    """Say what is wrong with a set: rows that failed, contradictions, what was lost.

    Args:
        cases: As they were read.
        analysis: Of those that were gathered; None before that.
        failures: Why others were not.
        untagged: Why some of them got no tags; empty where nobody knows any more.
    """
    said = [failed.reason for failed in cases.failed[:_NAMED]]
    if len(cases.failed) > _NAMED:
        said.append(f"And {counted(len(cases.failed) - _NAMED, 'more row')} cannot be used.")
    pairs = cases.contradictions
    said += [
        f"Line {later.line} labels the query of line {earlier.line} differently: keep one of them."
        for earlier, later in pairs[:_NAMED]
    ]
    if len(pairs) > _NAMED:
        more = counted(len(pairs) - _NAMED, "more contradiction")
        said.append(f"And there {'is' if len(pairs) == _NAMED + 1 else 'are'} {more}.")
    if cases.repeated == 1:
        said.append("1 line repeats an earlier one: it counts twice.")
    elif cases.repeated:
        said.append(f"{cases.repeated:,} lines repeat earlier ones: each counts again.")
    if cases.old_column:
        said.append("The column example is called chip now: rename it in the file's first line.")
    if failures:
        said.append(f"{counted(len(failures), 'case')} could not be gathered: {failures[0]}")
    if analysis is not None and analysis.degraded:
        said.append(f"{counted(analysis.degraded, 'case')} got no tags. {untagged}".rstrip())
    if analysis is not None and analysis.policy.known_scripts_only and analysis.unknown:
        said.append(
            f"Nobody gets {counted(analysis.unknown, 'case')} in letters that the embedder does "
            "not know."
        )
    return said


def best_scores(levels: Spread) -> dict[str, IntArray]:
    """Return how many cases have which best score, by the kind of case."""
    return {
        "right agent first": levels.right_first,
        "another agent first": levels.other_first,
        "nobody should take it": levels.nobodys,
    }


def agent_name(registry: Registry, position: int) -> str:
    """Return an agent's name, or nobody."""
    if position == NOBODY:
        return "nobody"
    return "an agent that is gone" if position == ABSENT else registry.agents[position].name


def significance(comparison: Comparison) -> str:
    """Say whether flips are more than chance."""
    flips = comparison.flips
    if not len(flips.better) + len(flips.worse):
        return "No case ends better or worse."
    certain = comparison.p_value < _CERTAIN
    return (
        f"{len(flips.better):,} better, {len(flips.worse):,} worse: "
        f"{'more than chance' if certain else 'no more than chance may do'} (McNemar's exact "
        f"test, {p_value(comparison.p_value)})."
    )
