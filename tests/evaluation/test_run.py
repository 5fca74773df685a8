"""Evidence gathered in parts: stopped, gone on with, and failures beside successes."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from judging import evidence_set

from handoff.core.errors import CasesError, ProviderError, ProviderUnavailableError
from handoff.core.lexical import build_lexicon
from handoff.core.model import Agent, Registry
from handoff.core.texts import agent_text
from handoff.evaluation.judged import NOBODY
from handoff.evaluation.run import (
    Part,
    Run,
    check_size,
    forget_failures,
    gather_cases,
    join,
    label_run,
)
from handoff.files.cases import Case
from handoff.index.exact import ExactIndex
from handoff.providers.scripted import ScriptedEmbedder, ScriptedTagExtractor, SimulatedRunner
from handoff.router import QUERIES_AT_ONCE, Router
from handoff.trace import note

REGISTRY = Registry(
    (
        Agent("baker", "Baker", "bread from the oven", ("bread",)),
        Agent("florist", "Florist", "roses and a bouquet", ("roses",)),
    )
)
LEXICON = build_lexicon([agent_text(agent) for agent in REGISTRY.agents])
THREE_PARTS = 2 * QUERIES_AT_ONCE + 5


class FailingEmbedder(ScriptedEmbedder):
    """Fails on every call that holds one of these texts, and notes what each call costs."""

    def __init__(self, *failing: str, cost_usd: float | None = 0.25) -> None:
        """Name the texts that fail."""
        super().__init__()
        self.failing = set(failing)
        self.cost_usd = cost_usd

    async def embed(self, texts):
        """Fail, or embed."""
        note(tokens=len(texts), cost_usd=self.cost_usd)
        self.failure = (
            ProviderUnavailableError("The embedder is down.") if self.failing & set(texts) else None
        )
        return await super().embed(texts)

    @property
    def queries(self) -> list[str]:
        """Every query that it was asked for, in order, once for every time."""
        return [text for call in self.calls for text in call if text.startswith("case ")]


def make_router(embedder, fallback=None):
    """Join scripted parts."""
    tagger = ScriptedTagExtractor(REGISTRY)
    index = ExactIndex(REGISTRY, embedder)
    return Router(REGISTRY, embedder, tagger, index, LEXICON, SimulatedRunner(), fallback)


def make_cases(number):
    """Return so many cases, each with a query of its own, every third one for nobody."""
    agents = ("baker", "florist", None)
    return [Case(f"case {row} bread", agents[row % 3], "", line=row + 2) for row in range(number)]


def gather(router, cases, earlier=None, most=None):
    """Return every run that was yielded, up to so many."""

    async def collect():
        runs = []
        async for run in gather_cases(router, cases, earlier):
            runs.append(run)
            if len(runs) == most:
                break
        return runs

    return asyncio.run(collect())


def test_the_run_grows_by_a_part_at_a_time():
    """Whoever shows progress hears of every hundred cases, in order, and of the rest."""
    cases = make_cases(THREE_PARTS)

    runs = gather(make_router(ScriptedEmbedder()), cases)

    assert [run.tried for run in runs] == [QUERIES_AT_ONCE, 2 * QUERIES_AT_ONCE, THREE_PARTS]
    assert [len(run.rows) for run in runs] == [run.tried for run in runs]
    assert all(run.cases == tuple(cases) for run in runs)


def test_a_whole_run_holds_every_case_in_order():
    """Evidence and labels belong together, row by row."""
    cases = make_cases(THREE_PARTS)

    run = gather(make_router(ScriptedEmbedder()), cases)[-1]

    assert run.rows == tuple(range(THREE_PARTS))
    assert run.evidence.queries == tuple(case.query for case in cases)
    assert run.judged_cases == tuple(cases)
    assert run.failures == {}


def test_a_run_that_was_yielded_does_not_change_any_more():
    """Who keeps an early run keeps what it was."""
    first, *_ = gather(make_router(ScriptedEmbedder()), make_cases(THREE_PARTS))

    assert first.tried == len(first.evidence) == QUERIES_AT_ONCE


def test_failures_stand_beside_successes():
    """One part whose embedding fails is kept with its reason; the parts around it are gathered."""
    embedder = FailingEmbedder("case 150 bread")

    failed = range(QUERIES_AT_ONCE, 2 * QUERIES_AT_ONCE)

    run = gather(make_router(embedder), make_cases(THREE_PARTS))[-1]

    assert run.failures == dict.fromkeys(failed, "The embedder is down.")
    assert run.rows == (*range(QUERIES_AT_ONCE), *range(2 * QUERIES_AT_ONCE, THREE_PARTS))
    assert run.tried == THREE_PARTS
    assert run.evidence.queries == tuple(case.query for case in run.judged_cases)


def test_a_failed_part_is_told_from_one_that_was_not_tried():
    """After the first part of three, nothing has failed and the rest is simply missing."""
    (first,) = gather(make_router(FailingEmbedder("case 150 bread")), make_cases(205), most=1)

    assert first.failures == {}
    assert first.tried == QUERIES_AT_ONCE


def test_a_stopped_run_goes_on_with_what_is_missing():
    """Handed in again, no provider is asked for a case that was gathered before."""
    cases = make_cases(THREE_PARTS)
    (stopped,) = gather(make_router(ScriptedEmbedder()), cases, most=1)
    embedder = FailingEmbedder()
    router = make_router(embedder)

    rest = [case.query for case in cases[QUERIES_AT_ONCE:]]

    runs = gather(router, cases, stopped)

    assert embedder.queries == rest
    assert [query for call in router.tagger.calls for query in call] == rest
    assert [run.tried for run in runs] == [2 * QUERIES_AT_ONCE, THREE_PARTS]
    assert runs[-1].rows == tuple(range(THREE_PARTS))


def test_a_run_with_failures_asks_for_the_failed_ones_again():
    """And for nothing else; the evidence then holds every case once."""
    cases = make_cases(THREE_PARTS)
    embedder = FailingEmbedder("case 150 bread")
    router = make_router(embedder)
    broken = gather(router, cases)[-1]
    embedder.failing.clear()
    before = len(embedder.queries)

    mended = gather(router, cases, broken)[-1]

    assert embedder.queries[before:] == [case.query for case in cases[100:200]]
    assert mended.failures == {}
    assert sorted(mended.rows) == list(range(THREE_PARTS))
    assert mended.evidence.queries == tuple(case.query for case in mended.judged_cases)


def test_a_run_that_fails_again_keeps_what_it_had():
    """The failures are still failures, and counted once."""
    cases = make_cases(THREE_PARTS)
    embedder = FailingEmbedder("case 150 bread")
    router = make_router(embedder)
    broken = gather(router, cases)[-1]

    again = gather(router, cases, broken)[-1]

    assert again.failures == broken.failures
    assert again.rows == broken.rows
    assert again.tried == THREE_PARTS


def test_a_whole_run_handed_in_again_asks_nobody():
    """There is nothing missing."""
    cases = make_cases(5)
    whole = gather(make_router(ScriptedEmbedder()), cases)[-1]
    embedder = FailingEmbedder()

    gather(make_router(embedder), cases, whole)

    assert embedder.calls == []


def test_cases_keep_their_order_when_parts_come_in_another_one():
    """A part that was gathered last stands in its cases' places, with their labels."""
    cases = make_cases(THREE_PARTS)
    embedder = FailingEmbedder("case 0 bread")
    router = make_router(embedder)
    broken = gather(router, cases)[-1]
    embedder.failing.clear()
    mended = gather(router, cases, broken)[-1]
    numbers = {"baker": 0, "florist": 1, None: NOBODY}

    labelled = label_run(mended, REGISTRY)

    assert mended.rows == tuple(range(THREE_PARTS))
    assert labelled.evidence.queries == tuple(case.query for case in cases)
    assert labelled.expected.tolist() == [numbers[cases[row].expected] for row in mended.rows]


def test_the_fallback_is_not_used():
    """Scores of two embedders do not stand on one scale: what fails is a failure."""
    other = FailingEmbedder()
    router = make_router(FailingEmbedder("case 0 bread"), fallback=make_router(other))

    run = gather(router, make_cases(3))[-1]

    assert other.calls == []
    assert run.failures == dict.fromkeys(range(3), "The embedder is down.")


def test_a_mistake_in_the_code_is_no_failed_part():
    """Only a provider's failure stands beside successes."""

    class Broken(ScriptedEmbedder):
        async def embed(self, texts):
            raise ZeroDivisionError(str(len(texts)))

    with pytest.raises(ZeroDivisionError):
        gather(make_router(Broken()), make_cases(3))


def test_tags_that_are_down_degrade_and_do_not_fail():
    """A set without its tagger is still gathered, and every case of it says so."""
    router = make_router(ScriptedEmbedder())
    router.tagger.failure = ProviderError("The tagger is down.")

    run = gather(router, make_cases(3))[-1]

    assert run.failures == {}
    assert run.evidence.degraded == (("extract_tags",),) * 3


def test_a_run_costs_what_its_parts_cost():
    """Two batches of queries and the registry, at a quarter of a dollar each."""
    run = gather(make_router(FailingEmbedder()), make_cases(QUERIES_AT_ONCE + 1))[-1]

    assert run.cost_usd == 0.75


def test_a_run_without_a_bill_costs_nothing():
    """The embedded model has no price, and that is known."""
    assert gather(make_router(ScriptedEmbedder()), make_cases(3))[-1].cost_usd == 0


def test_the_cost_is_unknown_where_a_parts_is():
    """Tokens of a model without a price make the whole sum unknown, not smaller."""
    run = gather(make_router(FailingEmbedder(cost_usd=None)), make_cases(3))[-1]

    assert run.cost_usd is None
    assert Run((), (Part((0,), None, "x", 0.5), Part((1,), None, "x", None))).cost_usd is None


def test_a_failed_part_that_was_billed_costs_too():
    """What was spent before the failure is spent."""
    run = gather(make_router(FailingEmbedder("case 0 bread")), make_cases(3))[-1]

    assert run.failures != {}
    assert run.cost_usd >= 0.25


def test_what_a_failed_part_cost_survives_that_it_is_tried_again():
    """Money that is spent is not unspent: the retry's bill is added to it."""
    cases = make_cases(3)
    embedder = FailingEmbedder("case 0 bread")
    router = make_router(embedder)
    broken = gather(router, cases)[-1]
    embedder.failing.clear()

    mended = gather(router, cases, broken)[-1]

    assert mended.failures == {}
    assert mended.tried == 3
    assert mended.cost_usd > broken.cost_usd > 0


def test_failures_that_are_forgotten_count_as_not_tried():
    """What succeeded stays as it is, and so does what the failed part cost."""
    run = Run(tuple(make_cases(2)), (Part((0,), None, "x", 0.5), Part((1,), None, "y", None)))

    forgotten = forget_failures(run)

    assert forgotten.failures == {}
    assert forgotten.tried == 0
    assert [part.cost_usd for part in forgotten.parts] == [0.5, None]
    assert forgotten.cases == run.cases


def test_nothing_gathered_is_one_sentence_that_says_why():
    """The reason is that of the first failure."""
    run = gather(make_router(FailingEmbedder("case 0 bread")), make_cases(3))[-1]

    with pytest.raises(CasesError, match=r"^The embedder is down\.$"):
        label_run(run, REGISTRY)


def test_nothing_tried_is_one_sentence_that_says_what_to_do():
    """A run that was stopped before its first part has no reason to give."""
    with pytest.raises(CasesError, match=r"^No case was gathered: run it again\.$"):
        label_run(Run(tuple(make_cases(3))), REGISTRY)


def test_a_set_that_does_not_fit_is_refused_with_what_does(monkeypatch):
    """The sentence says how many cases such a registry allows, rounded down."""
    monkeypatch.setattr("handoff.evaluation.run.MOST_CELLS", 5_000)

    check_size(1_666, 3)
    with pytest.raises(CasesError) as complaint:
        check_size(1_667, 3)

    assert str(complaint.value) == (
        "1,667 cases on 3 agents are more than can be analysed at once: use at most 1,666 cases."
    )


def test_a_hundred_thousand_cases_on_a_usual_registry_fit():
    """On 150 agents they do; on 77 times as many they do not."""
    check_size(100_000, 150)

    with pytest.raises(CasesError, match="100,000 cases on 11,550 agents"):
        check_size(100_000, 11_550)


def test_a_set_that_does_not_fit_is_refused_before_anybody_is_asked(monkeypatch):
    """No provider hears of it."""
    monkeypatch.setattr("handoff.evaluation.run.MOST_CELLS", 9)
    embedder = ScriptedEmbedder()

    with pytest.raises(CasesError, match="use at most 4 cases"):
        gather(make_router(embedder), make_cases(5))

    assert embedder.calls == []


def test_joining_keeps_every_field_in_order():
    """Rows of the second part follow those of the first, in all arrays and lists."""
    parts = [
        replace(
            evidence_set(
                REGISTRY,
                [[0.1 * at, 0.2], [0.3, 0.4 * at]],
                tags=[("bread",), (f"t{at}",)],
                lexical=[[0.5, 0.1 * at]] * 2,
                positions=[[0, 1], [1, at]],
            ),
            degraded=((), (f"stage {at}",)),
            queries=(f"first of {at}", f"second of {at}"),
        )
        for at in range(2)
    ]

    joined = join(parts)

    assert len(joined) == 4
    for at, (one, other) in enumerate(zip(joined, [*parts[0], *parts[1]], strict=True)):
        assert (one.query, one.tags, one.degraded) == (other.query, other.tags, other.degraded), at
        assert one.vector.tolist() == other.vector.tolist()
        assert one.similarities.tolist() == other.similarities.tolist()
        assert one.lexical.tolist() == other.lexical.tolist()
        assert one.positions.tolist() == other.positions.tolist()
    assert (joined.embedder, joined.tagger, joined.fingerprint) == ("e", "t", REGISTRY.fingerprint)


def test_joining_parts_with_all_agents_has_no_positions():
    """None stays None."""
    part = evidence_set(REGISTRY, [[0.1, 0.2]])

    joined = join([part, part])

    assert joined.positions is None
    assert joined.similarities.shape == (2, 2)
    assert np.array_equal(joined.similarities[0], joined.similarities[1])


def test_a_run_says_why_cases_got_no_tags():
    """As the tagger said it first, whatever the later parts met; nothing where all were asked."""
    router = make_router(ScriptedEmbedder())
    assert gather(router, make_cases(3))[-1].untagged == ""

    router.tagger.failure = ProviderError("The key was refused.")
    run = gather(router, make_cases(3))[-1]

    assert run.untagged == "The key was refused."
    assert run.evidence.degraded == (("extract_tags",),) * 3
