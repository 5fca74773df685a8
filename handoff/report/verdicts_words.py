"""Verdicts in words and rows, for people; plain text, whoever shows it escapes it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from handoff.core.model import Registry
from handoff.core.texts import formula_safe, shorten
from handoff.report.markdown import plain
from handoff.report.numbers import counted, distance, rounded, together
from handoff.report.route_words import names
from handoff.router import Route
from handoff.verdicts.conclusions import (
    KEPT_SCORES,
    Additions,
    Dispute,
    Regression,
    called_right,
    label_of,
    standing,
    tally,
)
from handoff.verdicts.queue import Left
from handoff.verdicts.record import Entry, Undo, Verdict, VerdictKind

_NAMED = 5
_A_MINUTE = 60
_AN_HOUR = 3600


def progress(left_over: Left, total: int, pace: float | None) -> str:
    """Say how many queries are judged and put off, how fast, and how long the rest takes."""
    said = f"{left_over.settled:,} of {total:,} judged"
    if left_over.skipped:
        said += f", {left_over.skipped:,} skipped"
    if left_over.unsure:
        said += f", {left_over.unsure:,} unsure"
    left = total - left_over.settled
    if pace is None or not left:
        return said
    return f"{said}, {pace:.0f} s each; {left:,} left, about {_duration(pace * left)}"


def tally_line(verdicts: Iterable[Verdict]) -> str:
    """Count verdicts by what they say."""
    counts = tally(verdicts)
    return ", ".join(f"{what.value} {number:,}" for what, number in counts.items())


def who_takes(agent: str | None, registry: Registry | None = None) -> str:
    """Return an agent's name where the registry has it, else its id; or nobody."""
    if agent is None:
        return "nobody"
    if registry is None or agent not in registry.positions:
        return agent
    return registry.agents[registry.positions[agent]].name


def verdict_rows(verdicts: Sequence[Verdict], registry: Registry) -> list[dict[str, str]]:
    """Return one row a verdict, the newest first."""
    return [
        {
            "query": formula_safe(verdict.query),
            "went to": formula_safe(who_takes(verdict.agent, registry)),
            "verdict": verdict.what.value,
            "should go to": ""
            if verdict.what is not VerdictKind.WRONG
            else formula_safe(who_takes(verdict.expected, registry)),
            "note": formula_safe(verdict.note),
            "who": formula_safe(verdict.who),
            "when": when(verdict.when),
        }
        for verdict in reversed(verdicts)
    ]


def regression_rows(found: Sequence[Regression], registry: Registry) -> list[dict[str, str]]:
    """Return one row a route that was called right and ends elsewhere now."""
    return [
        {
            "query": formula_safe(one.verdict.query),
            "called right": formula_safe(who_takes(one.verdict.agent, registry)),
            "goes to now": formula_safe(_now(one)),
            "why": formula_safe(_why(one)),
            "who": formula_safe(one.verdict.who),
            "when": when(one.verdict.when),
        }
        for one in found
    ]


def regression_line(one: Regression) -> str:
    """Say on one line what went elsewhere, for a terminal."""
    was, now = who_takes(one.verdict.agent), _now(one, by_id=True)
    return (
        f"{shorten(one.verdict.query, 80)}: called right for {shorten(was, 80)} by "
        f"{one.verdict.who}, goes to {shorten(now, 80)} now. {_why(one)}"
    )


def regression_summary(tried: int, found: int) -> str:
    """Say how many routes that were called right end elsewhere."""
    if not tried:
        return "No route has been called right yet."
    if not found:
        if tried == 1:
            return "The one route that was called right still ends the same."
        return f"All {tried:,} routes that were called right still end the same."
    ends = "ends" if found == 1 else "end"
    routes = "route that was" if tried == 1 else "routes that were"
    return f"{found:,} of {tried:,} {routes} called right {ends} elsewhere now."


def additions_told(additions: Additions, registry: Registry) -> list[str]:
    """Say what was left out when verdicts were added to the cases, and why."""
    told = [_dispute(one, registry) for one in additions.disputes[:_NAMED]]
    if len(additions.disputes) > _NAMED:
        told.append(f"And {len(additions.disputes) - _NAMED:,} more contradict each other.")
    told += [
        f"\u201c{shorten(one.query, 80)}\u201d should go to "
        f"{shorten(who_takes(label_of(one)))}, an agent that is not in the registry."
        for one in additions.unknown[:_NAMED]
    ]
    if len(additions.unknown) > _NAMED:
        told.append(f"And {len(additions.unknown) - _NAMED:,} more name agents that are gone.")
    return told


def stats_in_words(entries: Sequence[Entry]) -> str:
    """Say what is in a log, for a terminal."""
    verdicts = standing(entries)
    if not entries:
        return "No verdicts yet: judge some on the page, under Check by hand."
    given = counted(len(verdicts), "verdict")
    taken_back = sum(isinstance(entry, Undo) for entry in entries)
    lines = [f"{given} on {counted(_queries(verdicts), 'query')}: {tally_line(verdicts)}."]
    if taken_back:
        lines.append(f"{counted(taken_back, 'verdict')} taken back.")
    for who in sorted({verdict.who for verdict in verdicts}):
        own = [verdict for verdict in verdicts if verdict.who == who]
        lines.append(f"  {who}: {tally_line(own)}; last on {when(own[-1].when)}")
    registries = len({verdict.fingerprint for verdict in verdicts})
    lines.append(
        f"Made on {counted(registries, 'registry')}; "
        f"{counted(len(called_right(verdicts)), 'route')} last called right."
    )
    return "\n".join(lines)


def when(moment: datetime) -> str:
    """Format a time to the minute, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _queries(verdicts: Iterable[Verdict]) -> int:
    return len({verdict.query for verdict in verdicts})


def _now(one: Regression, *, by_id: bool = False) -> str:
    agent = one.decision.agent
    if agent is None:
        return "nobody"
    return agent.id if by_id else agent.name


def _why(one: Regression) -> str:
    best = one.decision.best
    score, threshold = together(best.score, one.decision.threshold)
    return f"Best: {best.agent.name} {score}, threshold {threshold}."


def _dispute(one: Dispute, registry: Registry) -> str:
    first = shorten(who_takes(one.first, registry))
    second = shorten(who_takes(one.second, registry))
    query = shorten(one.query, 80)
    if one.line is None:
        return f"\u201c{query}\u201d: {one.who[0]} says {first}, {one.who[1]} says {second}."
    return f"\u201c{query}\u201d: line {one.line} says {first}, {one.who[0]} says {second}."


def _duration(seconds: float) -> str:
    if seconds < _A_MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _AN_HOUR:
        return f"{seconds / _A_MINUTE:.0f} min"
    return f"{seconds / _AN_HOUR:.1f} h"


def score_table(route: Route) -> str:
    """Return the best few agents as a Markdown table; names in it stay plain text."""
    ranking = route.ranking
    shown = [ranking[rank] for rank in range(min(KEPT_SCORES, len(ranking)))]
    lines = ["| Agent | Score | To threshold | Tag filter |", "|---|---:|---:|---|"]
    for score, name in zip(shown, names(shown, longest=40), strict=True):
        gap = distance(score.score, route.decision.threshold)
        kept = "kept" if score.kept else "removed"
        lines.append(f"| {plain(name)} | {rounded(score.score, 3)} | {gap} | {kept} |")
    return "\n".join(lines)
