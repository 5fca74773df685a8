"""A route in words, for people; plain text, whoever shows it escapes it."""

import math
from collections import Counter
from collections.abc import Sequence

from handoff.core.learning import Learned, strongest_voice
from handoff.core.model import Decision, Evidence, Outcome, Registry, Score, ThresholdSource
from handoff.core.texts import listed, shorten
from handoff.core.whatif import WhatIf
from handoff.files.registry import LONGEST_NAME
from handoff.report.numbers import counted, rounded, together
from handoff.router import Route, Router
from handoff.trace import Span, billed

SOURCES = {
    ThresholdSource.ARGUMENT: "as asked for",
    ThresholdSource.CONFIG: "from handoff.toml",
    ThresholdSource.EMBEDDER: "the embedder's default",
    ThresholdSource.AGENT: "the agent's own",
}

CARRIES = 0.25
"""An example is named that adds at least this share of a score."""
AUDIBLE = 0.1
"""And at least so much: a share of next to nothing is nothing. See docs/learning.md."""

_SAME_MEANING = 1e-6
_FINEST = 7

STAGES_IN_WORDS = {
    "extract_tags": "Tags",
    "embed_query": "Query",
    "embed_agents": "Agents",
    "score": "Score",
    "filter": "Filter",
    "select": "Select",
    "hand_off": "Hand off",
}


def headline(decision: Decision) -> str:
    """Say who takes the query, or that nobody does."""
    if decision.outcome is Outcome.SELECTED:
        return f"Hand off to {decision.best.agent.name}"
    if decision.outcome is Outcome.AMBIGUOUS:
        return "Hand off to nobody: too close to call"
    return "Hand off to nobody"


def reason(route: Route) -> str:
    """Say how the best score stands to the threshold, or to the runner-up; or why none counts."""
    decision, ranking = route.decision, route.ranking
    if decision.unknown_script is not None:
        return (
            f"The query is mostly in {letters(decision.unknown_script)}, which the embedder does "
            "not know and the agents' texts do not use, so no score counts. To go by the scores "
            "all the same, set known_scripts_only = false in handoff.toml."
        )
    best = decision.best
    score, threshold = together(best.score, decision.threshold)
    source, what = SOURCES[route.threshold_source], _measure(route)
    if decision.outcome is Outcome.SELECTED:
        return f"Its {what} {score} reaches the threshold {threshold} ({source})."
    if decision.outcome is Outcome.BELOW_THRESHOLD:
        return (
            f"The best, {best.agent.name}, has {what} {score}, below the threshold {threshold} "
            f"({source})."
        )
    lead, needed = together(decision.margin or 0.0, route.policy.margin)
    first, second = names([best, ranking[1]])
    return f"{first} leads {second} by {lead}, less than the required margin {needed}."


def letters(script: str) -> str:
    """Return what the letters of a script are called in a sentence."""
    return "Chinese characters" if script == "Han" else f"{script} letters"


def _measure(route: Route) -> str:
    """Return what a score is called: a similarity, unless words add to it."""
    return "score" if route.policy.lexical_weight else "similarity"


def comparison(route: Route) -> str:
    """Say in one sentence why the best one and not the next."""
    ranking = route.ranking
    best = ranking[0]
    if len(ranking) == 1:
        return f"{best.agent.name} is the only agent of this registry."
    second = ranking[1]
    if route.decision.unknown_script is not None:
        return (
            f"{best.agent.name} has the highest {_measure(route)}, which says nothing of what the "
            "query means."
        )
    first_score, second_score = together(best.score, second.score)
    first_name, second_name = names([best, second])
    # Only what scores better is missed: of the others the filter repeats what the scores say.
    if ranking.candidates == 1 and second.score >= best.score:
        return (
            f"Only {first_name} carries {_carried(best.matched_tags)}; the next, {second_name} "
            f"({second_score} against {first_score}), was removed by the tag filter."
        )
    if best.score == second.score:
        return (
            f"{first_name} and {second_name} have the same similarity {first_score}; the one that "
            "comes first in the registry counts as the best."
        )
    meant = [score.score - route.policy.lexical_weight * score.lexical for score in (best, second)]
    first_meant, second_meant = together(*meant)
    if route.policy.lexical_weight and meant[0] - meant[1] < _SAME_MEANING:
        closer = "as close" if first_meant == second_meant else "closer"
        return (
            f"Words in common decide: {first_name} ({first_score}) shares more of them than "
            f"{second_name} ({second_score}), to which the query's meaning is {closer} "
            f"({second_meant} against {first_meant}); {_tags_of_both(best, second)}."
        )
    return (
        f"The query's meaning is closer to {first_name} ({first_meant}) than to {second_name} "
        f"({second_meant}); {_tags_of_both(best, second)}."
    )


def voice(route: Route, learned: Learned | None) -> str | None:
    """Say which example carries the best agent's score, if one does.

    Every example adds a little for every query, and the greatest of many little ones explains
    nothing: an example is named from `CARRIES` of the score and from `AUDIBLE` on.

    Args:
        route: Any route.
        learned: What the registry's examples taught, by the embedder of the route.
    """
    best, best_score = route.decision.best.agent, route.decision.best.score
    evidence = route.evidence
    if learned is None or "embed_query" in evidence.degraded or route.decision.unknown_script:
        return None
    position = route.ranking.registry.positions[best.id]
    heard = strongest_voice(evidence.vector, evidence.query, learned, position)
    if heard is None:
        return f"No example speaks for {best.name}; its description does."
    if heard.added < max(CARRIES * best_score, AUDIBLE):
        return f"No single example carries the score of {best.name}."
    example = shorten(learned.lessons.texts[heard.example], 80)
    return f"Like the example '{example}', which adds {heard.added:.2f} for {best.name}."


def names(scores: Sequence[Score], longest: int = LONGEST_NAME) -> list[str]:
    """Return the agents' names, cut to a length; those that look alike get their id beside them."""
    short = [
        name if len(name) <= longest else f"{name[: longest - 1]}\u2026"
        for name in (score.agent.name for score in scores)
    ]
    times = Counter(short)
    return [
        name if times[name] == 1 else f"{name} ({shorten(score.agent.id, 20)})"
        for name, score in zip(short, scores, strict=True)
    ]


def filter_note(route: Route) -> str:
    """Say what the tag filter did, and what was skipped."""
    ranking = route.ranking
    all_kept = "the only agent was kept" if len(ranking) == 1 else _all_kept(len(ranking))
    if "extract_tags" in route.evidence.degraded:
        return f"Tags could not be extracted, so {all_kept}."
    if not route.policy.use_tags:
        return f"The tag filter is off: {all_kept}."
    if not ranking.tags:
        return f"No tag clearly fits the query, so {all_kept}."
    if ranking.widened:
        return f"No agent carries these tags, so {all_kept}."
    return f"{ranking.candidates:,} of {counted(len(ranking), 'agent')} kept."


def answered_by(route: Route, router: Router) -> str:
    """Say which models answered, who set the threshold, and over which registry.

    Args:
        route: Any route.
        router: That gathered its evidence, itself or through its fallback.
    """
    answering = router.answering(route.evidence)
    vectors, tags = answering.embedder.label, answering.tagger.label
    _, threshold = together(route.decision.best.score, route.decision.threshold)
    who = f"Vectors and tags by {tags}"
    if vectors != tags:
        who = f"Vectors by {vectors}, tags by {tags}"
    return (
        f"{who}. Threshold {threshold}, {SOURCES[route.threshold_source]}. "
        f"{', '.join(_held(route.ranking.registry))}."
    )


def waiting(may_load: Sequence[str], otherwise: str) -> str:
    """Say what is waited for while a query is on its way.

    Args:
        may_load: The servers that may have to load a model first.
        otherwise: What is said where there is none.
    """
    if not may_load:
        return otherwise
    return f"Waiting for {listed(may_load)}, which may be loading a model \u2026"


def spending(spans: Sequence[Span], visit_usd: float) -> str:
    """Say what a route used and cost, and this session; empty where nothing was billed."""
    tokens, cost_usd = billed(spans)
    if tokens == 0 and not visit_usd:
        return ""
    cost = "unknown cost" if cost_usd is None else f"${cost_usd:.6f}"
    used = "Unknown" if tokens is None else f"{tokens:,}"
    return f"{used} tokens, {cost}; this session ${visit_usd:.6f}."


def troubles(spans: Sequence[Span], evidence: Evidence) -> list[str]:
    """Say what was skipped or asked again, and why."""
    said = []
    for span in spans:
        if span.facts.trouble and span.name == "extract_tags":
            said.append(f"Tags were skipped. {span.facts.trouble}")
        elif span.facts.trouble:
            said.append(f"The embedded model took over. {span.facts.trouble}")
        if span.facts.retries:
            times = "once" if span.facts.retries == 1 else f"{span.facts.retries} times"
            said.append(f"{STAGES_IN_WORDS[span.name]} had to be asked again, {times}.")
    if evidence.degraded and not said:
        said.append("A stage was skipped because its provider failed.")
    return said


def what_would_change(route: Route, what_if: WhatIf) -> list[str]:
    """Say what would change the outcome, one sentence a way."""
    return [
        _threshold_range(route, what_if),
        _other_filter(route, what_if.other_filter),
        _missing_tags(route, what_if),
        _runner_up(route),
    ]


def _held(registry: Registry) -> list[str]:
    """Return how many agents a registry holds, and how many examples where it has some."""
    held = [counted(len(registry), "agent")]
    return [*held, counted(len(registry.examples), "example")] if registry.examples else held


def _all_kept(count: int) -> str:
    return f"all {counted(count, 'agent')} were kept"


def _threshold_range(route: Route, what_if: WhatIf) -> str:
    if route.decision.unknown_script is not None:
        return "The letters of the query decide: nobody gets it at any threshold."
    if route.decision.own_threshold:
        _, own = together(route.decision.best.score, route.decision.threshold)
        return (
            f"{route.decision.best.agent.name} is judged by a threshold of its own, "
            f"{own}; moving the common one changes nothing here."
        )
    # Rounded into the range, so that the sentence holds for the number it names.
    if route.decision.outcome is Outcome.BELOW_THRESHOLD:
        above = math.ceil(what_if.threshold_from * 1000) / 1000
        return f"The outcome stays the same for every threshold above {rounded(above, 3)}."
    up_to = math.floor(what_if.threshold_to * 1000) / 1000
    return f"The outcome stays the same for every threshold up to {rounded(up_to, 3)}."


def _other_filter(route: Route, other: Decision) -> str:
    switched = "off" if route.policy.use_tags else "on"
    if _same(route.decision, other):
        return f"With the tag filter {switched} the outcome would be the same."
    return f"With the tag filter {switched} {_ending(other)}."


def _missing_tags(route: Route, what_if: WhatIf) -> str:
    if not route.policy.use_tags or not route.evidence.tags:
        return "Tags play no part in the outcome."
    if not what_if.missing_tags and len(route.evidence.tags) == 1:
        return f"Without the tag {route.evidence.tags[0]} the outcome would be the same."
    if not what_if.missing_tags:
        return "No single tag decides: without any one of them the outcome would be the same."
    ways = "; ".join(
        f"without the tag {missing.tag} {_ending(missing.decision)}"
        for missing in what_if.missing_tags
    )
    return f"{ways[0].upper()}{ways[1:]}."


def _runner_up(route: Route) -> str:
    if route.decision.margin is None:
        return "There is no runner-up: nobody else is a candidate."
    lead = route.decision.margin
    gap, _ = together(lead, 0.0)
    first, second = names([route.ranking[0], route.ranking[1]])
    if route.decision.outcome is not Outcome.AMBIGUOUS:
        return f"The runner-up, {second}, is {gap} behind."
    beside_margin, needed = together(lead, route.policy.margin)
    gap = max(gap, beside_margin, key=len)
    return (
        f"The margin decides: the runner-up, {second}, is {gap} behind, and {needed} is required; "
        f"with a margin of {_at_most(lead)} {first} would take it."
    )


def _at_most(lead: float) -> str:
    """Return a margin that such a lead reaches, with the fewest decimals from two on."""
    for decimals in range(2, _FINEST):
        down = math.floor(lead * 10**decimals) / 10**decimals
        if down > 0:
            return f"at most {down:.{decimals}f}"
    return "0"


def _ending(decision: Decision) -> str:
    if decision.agent is None:
        return f"nobody would take it, with {decision.best.agent.name} the best"
    score, _ = together(decision.best.score, decision.threshold)
    return f"{decision.agent.name} would take it, with similarity {score}"


def _same(one: Decision, other: Decision) -> bool:
    return (one.outcome, one.best.agent) == (other.outcome, other.best.agent)


def _tags_of_both(best: Score, second: Score) -> str:
    if not best.matched_tags and not second.matched_tags:
        return "no tag tells them apart"
    if set(best.matched_tags) == set(second.matched_tags):
        return f"both carry {_carried(best.matched_tags)}"
    first_name, second_name = names([best, second])
    return (
        f"{first_name} carries {_carried(best.matched_tags)}, "
        f"{second_name} {_carried(second.matched_tags)}"
    )


def _carried(tags: tuple[str, ...]) -> str:
    return listed(tags) if tags else "none of the tags"
