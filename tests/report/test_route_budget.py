"""A route played at the design note's latencies."""

import pytest

from handoff.report.route_budget import BUDGET_MS, TOTAL_BUDGET_MS, simulate
from handoff.trace import Facts, Span, wall_ms

TAGS = Span("extract_tags", 0.5, 3.0, Facts(count=1, tokens=7, cost_usd=0.25))
QUERY = Span("embed_query", 0.25, 2.0, Facts(count=1, cached=0))
KNOWN_AGENTS = Span("embed_agents", 0.125, 4.0, Facts(count=9, cached=9))
SCORE = Span("score", 5.0, 0.5, Facts(load_ms=0.125))
FILTER = Span("filter", 6.0, 0.25, Facts(count=2))
SELECT = Span("select", 7.0, 0.125, Facts())
SPANS = (TAGS, QUERY, KNOWN_AGENTS, SCORE, FILTER, SELECT)


def played(*spans: Span) -> dict[str, tuple[float, float]]:
    """Return the start and the length of each stage as it was played."""
    return {span.name: (span.start_ms, span.ms) for span in simulate(spans)}


def agents(**facts: int) -> Span:
    """Return the stage that embeds agents, with these facts."""
    return Span("embed_agents", 0.125, 4.0, Facts(**facts))


@pytest.mark.parametrize(
    ("call", "budget_ms"),
    [
        pytest.param(TAGS, 500.0, id="tags"),
        pytest.param(QUERY, 200.0, id="query"),
        pytest.param(agents(count=9, cached=0), 200.0, id="agents, none cached"),
        pytest.param(agents(count=9, cached=8), 200.0, id="agents, all but one cached"),
    ],
)
def test_a_call_takes_its_budget_from_the_start(call, budget_ms):
    """However early or late it began, and however long it really took."""
    assert played(call) == {call.name: (0.0, budget_ms)}


def test_calls_start_together():
    """Tags, query and agents wait for nobody."""
    at = played(TAGS, QUERY, agents(count=9, cached=0))

    assert {start_ms for start_ms, _ in at.values()} == {0.0}


def test_agents_that_a_cache_knew_take_as_long_as_they_did():
    """Nobody calls OpenAI for vectors that are already there."""
    assert played(*SPANS)["embed_agents"] == (0.0, 4.0)


def test_agents_without_a_word_about_a_cache_take_their_budget():
    """A stage that noted nothing was not answered by a cache."""
    assert played(agents())["embed_agents"] == (0.0, 200.0)


def test_what_is_computed_here_keeps_its_length_and_follows_the_longest_call():
    """One after the other, from where the tags arrive."""
    at = played(*SPANS)

    assert at["score"] == (500.0, 0.5)
    assert at["filter"] == (500.5, 0.25)
    assert at["select"] == (500.75, 0.125)


def test_what_is_computed_here_waits_for_a_slow_cache():
    """The longest of the three calls counts, whichever it is."""
    slow = Span("embed_agents", 0.0, 750.0, Facts(count=9, cached=9))

    assert played(TAGS, QUERY, slow, SCORE)["score"] == (750.0, 0.5)


def test_a_hand_off_keeps_its_length_and_comes_last():
    """The note grants agents no latency, so theirs is the measured one."""
    hand_off = Span("hand_off", 8.0, 30.0, Facts())

    assert played(*SPANS, hand_off)["hand_off"] == (500.875, 30.0)


def test_facts_stay_with_their_stage():
    """Counts, tokens, cost and loading are what was measured."""
    known = [
        (span.facts.count, span.facts.tokens, span.facts.cost_usd, span.facts.load_ms)
        for span in simulate(SPANS)
    ]

    assert known == [
        (1, 7, 0.25, None),
        (1, None, None, None),
        (9, None, None, None),
        (None, None, None, 0.125),
        (2, None, None, None),
        (None, None, None, None),
    ]


def test_agents_that_a_cache_knew_are_still_told_so():
    """Their stage is as it was measured, with its facts."""
    assert simulate(SPANS)[2].facts == Facts(count=9, cached=9)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(Span("embed_query", 0.25, 0.5, Facts(count=1, cached=1)), id="query"),
        pytest.param(agents(count=9, cached=8), id="some of the agents"),
    ],
)
def test_a_call_at_its_budget_owes_nothing_to_a_cache(call):
    """Whoever waits 200 ms for an answer did not have it already."""
    (span,) = simulate([call])

    assert span.ms == 200.0
    assert not span.facts.cached


def test_stages_keep_their_order():
    """As they came in, so they come out, each once."""
    assert [span.name for span in simulate(SPANS)] == [
        "extract_tags",
        "embed_query",
        "embed_agents",
        "score",
        "filter",
        "select",
    ]


def test_the_total_is_the_longest_call_and_what_follows_it():
    """Calls overlap, so the query's 200 ms do not count."""
    assert wall_ms(simulate(SPANS)) == 500.875


def test_the_measured_spans_stay_as_they_were():
    """Playing a route makes new spans."""
    simulate(SPANS)

    assert (TAGS.start_ms, TAGS.ms) == (0.5, 3.0)


def test_no_spans_are_played_as_none():
    """A route of which nothing is known takes no time."""
    assert simulate([]) == ()


def test_stages_without_a_call_start_at_once():
    """Where nothing is waited for, the first stage begins at zero."""
    assert played(SCORE, FILTER) == {"score": (0.0, 0.5), "filter": (0.5, 0.25)}


@pytest.mark.parametrize("name", [span.name for span in SPANS])
def test_every_stage_up_to_the_decision_has_a_budget(name):
    """The page shows each stage beside what the note grants it, all within the note's total."""
    assert 0 < BUDGET_MS[name] < TOTAL_BUDGET_MS
