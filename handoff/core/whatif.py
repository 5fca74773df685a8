"""What would change a decision, computed from the same evidence without a call."""

from dataclasses import dataclass, replace

from handoff.core.decision import decide_by
from handoff.core.model import Decision, Evidence, Outcome, Policy, Registry
from handoff.core.ranking import rank_by


@dataclass(frozen=True, slots=True)
class MissingTag:
    """What the decision would be, had one tag not been extracted."""

    tag: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What would change a decision.

    Attributes:
        threshold_from: The outcome stays for thresholds from here, the agent's own where that one
            judged; exclusive where nobody reached it, since the best score itself would; for every
            threshold where the query's script keeps everybody from it.
        threshold_to: And up to here, inclusive.
        other_filter: The decision with the tag filter switched the other way.
        missing_tags: The tags without which another agent, or nobody, would take the query, or
            another agent would be the best.
    """

    threshold_from: float
    threshold_to: float
    other_filter: Decision
    missing_tags: tuple[MissingTag, ...]


def ask_what_if(evidence: Evidence, registry: Registry, policy: Policy) -> WhatIf:
    """Judge the same evidence under every policy and tag set that is one step away."""
    decision = decide_by(rank_by(evidence, registry, policy), policy)
    switched = replace(policy, use_tags=not policy.use_tags)
    always = decision.unknown_script is not None
    below = decision.outcome is Outcome.BELOW_THRESHOLD and not always
    missing = []
    if policy.use_tags:
        for tag in evidence.tags:
            others = tuple(other for other in evidence.tags if other != tag)
            without = decide_by(rank_by(replace(evidence, tags=others), registry, policy), policy)
            if (without.agent, without.best.agent) != (decision.agent, decision.best.agent):
                missing.append(MissingTag(tag, without))
    return WhatIf(
        threshold_from=decision.best.score if below else -1.0,
        threshold_to=1.0 if below or always else decision.best.score,
        other_filter=decide_by(rank_by(evidence, registry, switched), policy),
        missing_tags=tuple(missing),
    )
