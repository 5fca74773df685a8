"""All figures of one labelled set under one policy; pure, so that every control may ask again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handoff.core.model import IntArray, Policy
from handoff.evaluation.account import Account, stand, take_account
from handoff.evaluation.confusion import (
    AgentFigures,
    Confusion,
    confuse,
    figures_by_agent,
    selected,
)
from handoff.evaluation.counts import Counts, EndingArray, count, endings
from handoff.evaluation.judged import Judged, Labelled, rank_cases, settle
from handoff.evaluation.sweep import Sweep, auroc, false_positives_at, sweep, top1


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What a policy makes of a labelled set.

    Attributes:
        labelled: The set.
        policy: How it is judged.
        ranked: Best candidates before threshold and margin.
        settled: The same with margin, own thresholds and unknown scripts; what a recommendation
            starts from.
        ended: How each case ends, shape (cases,).
        got: Who gets each case, or `NOBODY`, shape (cases,).
        counts: Of the endings and of what failed.
        swept: The counts at every common threshold, the rest of the policy unchanged.
        account: Where queries are lost.
        confusion: Who gets whose queries.
        by_agent: The same, added up by agent.
        top1: Share of in-scope cases whose best candidate is the expected agent, or NaN.
        top1_unfiltered: The same without the tag filter.
        kept: Share of in-scope cases whose expected agent survives the tag filter, or NaN.
        auroc: How well scores tell in-scope cases from those nobody should take, or NaN.
        false_positives: Share of the latter that score as 95 % of the former do, or NaN.
        degraded: How many cases got no tags because their tagger failed.
        unknown: How many queries are mostly in an unknown script.
    """

    labelled: Labelled
    policy: Policy
    ranked: Judged
    settled: Judged
    ended: EndingArray
    got: IntArray
    counts: Counts
    swept: Sweep
    account: Account
    confusion: Confusion
    by_agent: AgentFigures
    top1: float
    top1_unfiltered: float
    kept: float
    auroc: float
    false_positives: float
    degraded: int
    unknown: int


def analyse(labelled: Labelled, policy: Policy, failed: int = 0) -> Analysis:
    """Judge a labelled set by a policy.

    Args:
        labelled: At least one case.
        policy: Any.
        failed: How many more cases could not be read or gathered.
    """
    filtered = rank_cases(labelled, use_tags=True, lexical_weight=policy.lexical_weight)
    unfiltered = rank_cases(labelled, use_tags=False, lexical_weight=policy.lexical_weight)
    own = labelled.own_thresholds if policy.per_agent else None
    ranked, other = (filtered, unfiltered) if policy.use_tags else (unfiltered, filtered)
    unknown = labelled.unknown if policy.known_scripts_only else None
    judged = settle(ranked, policy.margin, own, unknown)
    ended = endings(judged, policy.threshold)
    confusion = confuse(judged, policy.threshold)
    survived = stand(labelled, use_tags=True).candidate[ranked.in_scope]
    return Analysis(
        labelled=labelled,
        policy=policy,
        ranked=ranked,
        settled=judged,
        ended=ended,
        got=selected(judged, policy.threshold),
        counts=count(ended, failed),
        swept=sweep(judged),
        account=take_account(
            judged,
            stand(labelled, use_tags=policy.use_tags),
            settle(other, policy.margin, own, unknown),
            policy.threshold,
            failed,
        ),
        confusion=confusion,
        by_agent=figures_by_agent(confusion, len(labelled.registry)),
        top1=top1(ranked),
        top1_unfiltered=top1(unfiltered),
        kept=float(survived.mean()) if len(survived) else float("nan"),
        auroc=auroc(ranked),
        false_positives=false_positives_at(ranked),
        degraded=sum("extract_tags" in stages for stages in labelled.evidence.degraded),
        unknown=int(labelled.unknown.sum()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """How many cases have which best score.

    Attributes:
        edges: Of equal bins, ascending, shape (bins + 1,).
        right_first: Cases whose expected agent ranks first, shape (bins,).
        other_first: Cases where another agent does, shape (bins,).
        nobodys: Cases that nobody should take, shape (bins,).
    """

    edges: NDArray[np.float64]
    right_first: IntArray
    other_first: IntArray
    nobodys: IntArray


def spread(analysis: Analysis, span: tuple[float, float], bins: int) -> Spread:
    """Count best scores in so many equal bins from one score to another."""
    ranked = analysis.ranked
    edges = np.linspace(*span, bins + 1)
    right, other, nobodys = (
        np.histogram(ranked.levels[chosen], edges)[0]
        for chosen in (ranked.correct, ranked.in_scope & ~ranked.correct, ~ranked.in_scope)
    )
    return Spread(edges, right, other, nobodys)
