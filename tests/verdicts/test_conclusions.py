"""What verdicts come to: labels, contradictions, regressions, pace."""

import asyncio
from datetime import timedelta

import pytest
from verdict_samples import START, given, refused, taken_back

from handoff.bootstrap import build_router
from handoff.core.errors import ProviderError, ProviderUnavailableError
from handoff.core.model import Agent, Policy, Registry, ThresholdSource
from handoff.files.cases import Case, Cases
from handoff.files.registry import parse_registry
from handoff.files.settings import load_settings
from handoff.router import Router
from handoff.verdicts.conclusions import (
    Signature,
    called_right,
    find_regressions,
    label_of,
    pace_seconds,
    plan_additions,
    standing,
    tally,
    verdict_on,
)
from handoff.verdicts.record import VerdictKind, entry_to_record, parse_record

REGISTRY = Registry(
    (
        Agent("baker", "Baker", "bread from the oven", ("bread", "oven")),
        Agent("florist", "Florist", "roses and a bouquet of flowers", ("flowers",)),
    )
)
POLICY = Policy(0.3, ThresholdSource.EMBEDDER)
WRONG = VerdictKind.WRONG


@pytest.fixture
def router(tmp_path):
    """Join scripted parts over two agents."""
    (tmp_path / "agents.csv").write_text("")
    variables = {
        "HANDOFF_EMBEDDER": "scripted",
        "HANDOFF_TAGGER": "scripted",
        "HANDOFF_CACHE_DIR": str(tmp_path),
    }
    return build_router(load_settings(variables, tmp_path / "agents.csv"), REGISTRY, None)


def regressions(router, verdicts, policy=POLICY):
    """Return the last step of a search for regressions."""

    async def search():
        return [step async for step in find_regressions(router, verdicts, policy)]

    return asyncio.run(search())[-1]


def test_a_verdict_holds_what_was_shown(router):
    """Decision, scores, threshold, policy, registry and embedder are those of the route."""
    route = asyncio.run(router.route("bread from the oven please", POLICY))

    made = verdict_on(route, WRONG, Signature("id", "Ada", START), "florist", "hm")

    assert (made.agent, made.expected, made.note) == ("baker", "florist", "hm")
    assert made.scores[0] == ("baker", route.decision.best.score)
    assert (made.threshold, made.policy) == (0.3, POLICY)
    assert (made.fingerprint, made.embedder) == (REGISTRY.fingerprint, router.embedder.identity)
    assert parse_record(entry_to_record(made)) == made


def test_only_a_wrong_route_has_somebody_else(router):
    """Who should have had it is left out where nothing was wrong."""
    route = asyncio.run(router.route("bread from the oven please", POLICY))

    assert (
        verdict_on(route, VerdictKind.UNSURE, Signature("i", "A", START), "florist").expected
        is None
    )


def test_what_was_taken_back_stands_no_more():
    """An undo may come before its verdict, as after an import."""
    first, second = given(1), given(0)

    assert standing([first, second]) == [second, first]
    assert standing([taken_back(first), first, second]) == [second]


def test_a_label_is_who_should_take_the_query():
    """Right confirms who got it, or nobody; wrong names who should have had it."""
    assert label_of(given()) == "baker"
    assert label_of(refused()) is None
    assert label_of(given(what=WRONG, expected="florist")) == "florist"
    assert label_of(given(what=WRONG)) is None


def test_judged_queries_become_cases():
    """New ones are added once, those that stand there are counted, unsure ones are left."""
    cases = Cases((Case("known", "baker", "", 2),), ())
    verdicts = [
        given(0, query="known"),
        given(1, query="new", what=WRONG, expected="florist"),
        given(2, query="nobody's", what=WRONG),
        given(3, query="perhaps", what=VerdictKind.UNSURE),
        given(4, query="later", what=VerdictKind.SKIP),
    ]

    planned = plan_additions(verdicts, cases, REGISTRY)

    assert [(case.query, case.expected) for case in planned.cases] == [
        ("new", "florist"),
        ("nobody's", None),
    ]
    assert (planned.known, planned.disputes, planned.unknown) == (1, (), ())


def test_contradictions_are_left_out_and_told():
    """Two reviewers, or a reviewer and the set: nobody is overruled in silence."""
    cases = Cases((Case("labelled", "florist", "", 7),), ())
    verdicts = [
        given(0, query="labelled"),
        given(1, query="argued"),
        given(2, query="argued", who="Bob", what=WRONG, expected="florist"),
        given(3, query="gone", agent="butcher"),
    ]

    planned = plan_additions(verdicts, cases, REGISTRY)

    assert planned.cases == ()
    assert [(each.query, each.first, each.second, each.line) for each in planned.disputes] == [
        ("labelled", "florist", "baker", 7),
        ("argued", "baker", "florist", None),
    ]
    assert [each.query for each in planned.unknown] == ["gone"]


def test_a_reviewers_last_word_counts():
    """Whoever changed their mind does not contradict themselves."""
    verdicts = [given(0), given(1, what=WRONG, expected="florist")]

    (case,) = plan_additions(verdicts, Cases((), ()), REGISTRY).cases

    assert case.expected == "florist"
    assert called_right(verdicts) == []


def test_unsure_and_skip_settle_nothing():
    """A route that was called right stays called right."""
    right = given(0)

    assert called_right([right, given(1, what=VerdictKind.UNSURE)]) == [right]


def test_a_route_that_ends_elsewhere_is_a_regression(router):
    """Another agent, or nobody: both are told with today's decision."""
    verdicts = [
        given(0),
        given(1, query="roses", agent="baker"),
        refused(query="bread oven"),
    ]

    tried, found = regressions(router, verdicts)

    assert tried == 3
    assert [(one.verdict.query, one.decision.agent.id) for one in found] == [
        ("roses", "florist"),
        ("bread oven", "baker"),
    ]


def test_a_higher_threshold_is_a_regression(router):
    """What went right and goes to nobody now is found without a changed registry."""
    _, found = regressions(router, [given()], Policy(0.99, ThresholdSource.ARGUMENT))

    assert [one.decision.agent for one in found] == [None]


def test_an_agent_that_is_gone_is_a_regression(router):
    """Whoever called the route right meant an agent that takes nothing any more."""
    _, found = regressions(router, [given(agent="butcher")])

    assert [one.verdict.agent for one in found] == ["butcher"]


def test_a_provider_that_fails_ends_the_search(router, monkeypatch):
    """Half a list would look like a clean one."""

    async def fail(*_):
        raise ProviderUnavailableError("No answer: try again.")

    monkeypatch.setattr(Router, "gather_many", fail)

    with pytest.raises(ProviderError, match="No answer"):
        regressions(router, [given()])


def test_verdicts_are_counted_by_what_they_say():
    """Every kind has a number, zero too."""
    counted = tally([given(), given(), given(what=WRONG)])

    assert counted == {"right": 2, "wrong": 1, "unsure": 0, "skip": 0}


def test_the_pace_leaves_pauses_out():
    """Lunch is no query."""
    seconds = (0, 4, 10, 10 + 3600, 10 + 3608)

    assert pace_seconds([START + timedelta(seconds=each) for each in seconds]) == 6
    assert pace_seconds([START]) is None


def test_the_sample_registry_reads_like_a_file():
    """The agents here are ones that a file could hold."""
    data = b"id,name,description,tags\nbaker,Baker,bread from the oven,bread;oven\n"

    assert parse_registry(data, "agents.csv").agents == REGISTRY.agents[:1]
