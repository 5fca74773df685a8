"""Evaluations and comparisons as JSON; docs/eval-json.md is their schema."""

import math
from typing import Any

from handoff.core.model import Policy, Registry
from handoff.evaluation.account import Fate
from handoff.evaluation.analysis import Analysis
from handoff.evaluation.compare import Comparison
from handoff.evaluation.counts import Counts
from handoff.evaluation.flips import Flips
from handoff.evaluation.recommend import Recommendation
from handoff.files.cases import Case
from handoff.report.route_json import plain_score

SCHEMA = 1
_CONFUSIONS = 50


def analysis_to_json(
    analysis: Analysis, found: Recommendation | None, failures: list[str], seconds: float
) -> dict[str, Any]:
    """Return an evaluation as plain values; a share that does not exist is None.

    Args:
        analysis: What the policy makes of the set.
        found: The recommendation, if the set is large enough for one.
        failures: Why cases failed, one sentence each.
        seconds: What gathering and analysis took.
    """
    evidence, registry = analysis.labelled.evidence, analysis.labelled.registry
    account = analysis.account
    return {
        "schema": SCHEMA,
        **_policy(analysis.policy),
        "embedder": evidence.embedder,
        "tagger": evidence.tagger,
        "registry": evidence.fingerprint,
        "examples": len(registry.examples),
        **_counts(analysis.counts),
        "top1": _share(analysis.top1),
        "top1_unfiltered": _share(analysis.top1_unfiltered),
        "kept": _share(analysis.kept),
        "auroc": _share(analysis.auroc),
        "false_positives_at_95": _share(analysis.false_positives),
        "degraded": analysis.degraded,
        "lost": {fate.name.lower(): account.number(fate) for fate in Fate},
        "accuracy_with_other_filter": _share(account.other_filter.accuracy),
        "accuracy_with_perfect_ranking": _share(account.perfect_ranking.accuracy),
        "accuracy_with_perfect_threshold": _share(account.perfect_threshold.accuracy),
        "confusions": _confusions(analysis),
        "recommended": None if found is None else _recommendation(found, registry),
        "failures": failures,
        "seconds": round(seconds, 3),
    }


def comparison_to_json(comparison: Comparison, cases: tuple[Case, ...]) -> dict[str, Any]:
    """Return a comparison of two registries as plain values, every flip with its query."""
    before, after, flips = comparison.before, comparison.after, comparison.flips
    return {
        "schema": SCHEMA,
        "before": _side(before),
        "after": _side(after),
        "better": len(flips.better),
        "worse": len(flips.worse),
        "neither": len(flips.neither),
        "p_value": comparison.p_value,
        "flips": flip_rows(flips, before, after, cases),
    }


def flip_rows(
    flips: Flips, before: Analysis, after: Analysis, cases: tuple[Case, ...]
) -> list[dict[str, Any]]:
    """Return one row a flip, the worse ones first."""
    groups = (("worse", flips.worse), ("better", flips.better), ("neither", flips.neither))
    return [
        {
            "flip": name,
            "query": cases[row].query,
            "expected": cases[row].expected,
            "before": _id(before.labelled.registry, int(before.got[row])),
            "after": _id(after.labelled.registry, int(after.got[row])),
            "line": cases[row].line,
        }
        for name, rows in groups
        for row in rows
    ]


def _side(analysis: Analysis) -> dict[str, Any]:
    return {
        "registry": analysis.labelled.evidence.fingerprint,
        "agents": len(analysis.labelled.registry),
        **_policy(analysis.policy),
        **_counts(analysis.counts),
        "top1": _share(analysis.top1),
    }


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "threshold": policy.threshold,
        "threshold_source": policy.source.value,
        "margin": policy.margin,
        "use_tags": policy.use_tags,
        "per_agent": policy.per_agent,
        "lexical_weight": policy.lexical_weight,
        "known_scripts_only": policy.known_scripts_only,
    }


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "cases": counts.cases,
        "right": counts.right,
        "wrong": counts.wrong,
        "missed": counts.missed,
        "refused": counts.refused,
        "taken": counts.taken,
        "failed": counts.failed,
        "accuracy": _share(counts.accuracy),
        "coverage": _share(counts.coverage),
        "precision": _share(counts.precision),
        "wrong_share": _share(counts.wrong_share),
        "balanced": _share(counts.balanced),
    }


def _recommendation(found: Recommendation, registry: Registry) -> dict[str, Any]:
    own = found.own
    return {
        "goal": str(found.goal),
        "threshold": found.threshold,
        "threshold_low": found.lowest,
        "threshold_high": found.highest,
        "keep_yours": found.keep,
        "kept": found.kept,
        "promised": found.promised,
        "held_out_cases": found.cases,
        "accuracy": _share(found.held_out.accuracy),
        "accuracy_low": _share(found.accuracy.low),
        "accuracy_high": _share(found.accuracy.high),
        "coverage": _share(found.held_out.coverage),
        "coverage_low": _share(found.coverage.low),
        "coverage_high": _share(found.coverage.high),
        "wrong_share": _share(found.held_out.wrong_share),
        "balanced": _share(found.held_out.balanced),
        "accuracy_at_present": _share(found.at_present.accuracy),
        "balanced_at_present": _share(found.at_present.balanced),
        "wrong_share_at_present": _share(found.at_present.wrong_share),
        "coverage_at_present": _share(found.at_present.coverage),
        "accuracy_without_threshold": _share(found.handing_off_all.accuracy),
        "more_cases": found.more_cases,
        "own_thresholds": None
        if own is None
        else {
            agent.id: plain_score(threshold)
            for agent, threshold in zip(registry.agents, own.thresholds.tolist(), strict=True)
            if not math.isnan(threshold)
        },
        "own_accuracy": None if own is None else _share(own.held_out.accuracy),
        "own_accuracy_without": None if own is None else _share(own.without.accuracy),
    }


def _confusions(analysis: Analysis) -> list[dict[str, Any]]:
    cells, registry = analysis.confusion.off_diagonal, analysis.labelled.registry
    return [
        {
            "expected": _id(registry, int(cells.expected[at])),
            "got": _id(registry, int(cells.got[at])),
            "cases": int(cells.cases[at]),
        }
        for at in range(min(_CONFUSIONS, len(cells.cases)))
    ]


def _id(registry: Registry, position: int) -> str | None:
    return None if position < 0 else registry.agents[position].id


def _share(share: float) -> float | None:
    return None if math.isnan(share) else round(share, 6)
