"""The way of a query, with providers that follow a script.

One file: all follow the same scripted providers from query to answer.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from handoff.background import BackgroundLoop
from handoff.core.errors import ProviderError
from handoff.core.lexical import build_lexicon, lexical_scores
from handoff.core.model import (
    Agent,
    EvidenceSet,
    Outcome,
    Policy,
    Registry,
    ThresholdSource,
)
from handoff.index.exact import ExactIndex
from handoff.providers.scripted import ScriptedEmbedder, ScriptedTagExtractor, SimulatedRunner
from handoff.router import Router, judge
from handoff.trace import Trace

REGISTRY = Registry(
    (
        Agent("coder", "Coder", "Reviews code and fixes bugs.", ("code", "bug"), 0.9),
        Agent("biller", "Biller", "Refunds orders and explains invoices.", ("refund",)),
        Agent("trainer", "Trainer", "Trains models.", ("model", "code")),
    )
)
AGENT_TEXTS = (
    "Coder: Reviews code and fixes bugs.",
    "Biller: Refunds orders and explains invoices.",
    "Trainer: Trains models.",
)
LEXICON = build_lexicon(AGENT_TEXTS)
CODE = "who reviews code and fixes bugs"
QUERIES = [CODE, "explains invoices and refunds orders", "the weather on mars", "trains models"]
POLICY = Policy(0.5, ThresholdSource.EMBEDDER)


class YieldingEmbedder(ScriptedEmbedder):
    """Lets other tasks go first on every call, as an embedder on a network does."""

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Embed a moment later."""
        for _ in range(10):
            await asyncio.sleep(0)
        return await super().embed(texts)


@dataclass
class RecordingRunner:
    """Answers everything, and keeps what it was asked."""

    handoffs: list[tuple[str, str]] = field(default_factory=list)

    async def run(
        self,
        handoffs: Sequence[tuple[Agent, str]],
        on_text: object = None,  # noqa: ARG002 - its answers come whole
    ) -> list[str]:
        """Note each handoff."""
        self.handoffs += [(agent.id, query) for agent, query in handoffs]
        return [f"{agent.name} says yes." for agent, _ in handoffs]


@dataclass
class Meeting:
    """An embedder and a tagger in one, which both wait until the other has started."""

    identity: str = "meeting"
    default_threshold: float = 0.5
    scripts: frozenset[str] | None = None
    embedding: asyncio.Event = field(default_factory=asyncio.Event)
    tagging: asyncio.Event = field(default_factory=asyncio.Event)

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Wait for the tagger."""
        self.embedding.set()
        await self.tagging.wait()
        return np.eye(len(texts), 8, dtype=np.float32)

    async def extract(self, queries: Sequence[str]) -> list[tuple[str, ...]]:
        """Wait for the embedder."""
        self.tagging.set()
        await self.embedding.wait()
        return [("code",)] * len(queries)


@pytest.fixture
def embedder() -> ScriptedEmbedder:
    """Make an embedder that counts its calls."""
    return YieldingEmbedder()


@pytest.fixture
def tagger() -> ScriptedTagExtractor:
    """Make a tagger that counts its calls."""
    return ScriptedTagExtractor(REGISTRY)


@pytest.fixture
def runner() -> RecordingRunner:
    """Make a runner that keeps what it was asked."""
    return RecordingRunner()


@pytest.fixture
def router(embedder, tagger, runner) -> Router:
    """Join the three."""
    return Router(REGISTRY, embedder, tagger, ExactIndex(REGISTRY, embedder), LEXICON, runner)


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    """Start a loop, and stop it afterwards."""
    with BackgroundLoop() as started:
        yield started


def loop_threads() -> set[threading.Thread]:
    """Return the threads of all loops that run."""
    return {thread for thread in threading.enumerate() if thread.name == "handoff-loop"}


def test_gathering_fills_every_field_of_the_evidence(router):
    """What the outside world said, and who said it about which registry."""
    evidence = asyncio.run(router.gather(CODE, Trace()))

    vectors = asyncio.run(ScriptedEmbedder().embed([CODE, *AGENT_TEXTS]))

    assert evidence.query == CODE
    assert evidence.embedder == "scripted-embedder-1-64"
    assert evidence.tagger == "scripted-tagger-1"
    assert evidence.fingerprint == REGISTRY.fingerprint
    assert evidence.tags == ("code",)
    assert evidence.vector.tolist() == vectors[0].tolist()
    assert evidence.similarities.tolist() == pytest.approx((vectors[1:] @ vectors[0]).tolist())
    assert evidence.lexical.tolist() == lexical_scores([CODE], LEXICON)[0].tolist()
    assert evidence.lexical[0] > evidence.lexical[1] > evidence.lexical[2] == 0
    assert evidence.degraded == ()
    assert evidence.positions is None


class FewIndex(ExactIndex):
    """Returns two of the agents, as a large index would: the last one and the first one."""

    async def search(
        self, vectors: np.ndarray, queries: list[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find all, return columns 2 and 0."""
        similarities, _ = await super().search(vectors, queries)
        positions = np.tile(np.array([2, 0]), (len(vectors), 1))
        return np.take_along_axis(similarities, positions, axis=1), positions


def test_lexical_scores_stand_beside_the_agents_that_a_large_index_returned(router, embedder):
    """Each column's lexical score is that of the agent at its position."""
    index = FewIndex(REGISTRY, embedder)

    evidence = asyncio.run(replace(router, index=index).gather_many(QUERIES, Trace()))
    whole = lexical_scores(QUERIES, LEXICON)

    assert evidence.positions.tolist() == [[2, 0]] * 4
    assert evidence.lexical.tolist() == whole[:, [2, 0]].tolist()
    assert whole.any()


def test_lexical_help_reaches_the_decision_of_a_route(router):
    """With a weight, the score that is judged is the similarity and so much of the words."""
    plain = asyncio.run(router.route(CODE, POLICY))
    helped = asyncio.run(router.route(CODE, replace(POLICY, lexical_weight=0.5)))

    assert helped.decision.best.score == float(
        plain.evidence.similarities[0] + np.float32(0.5) * plain.evidence.lexical[0]
    )
    assert helped.decision.best.score > plain.decision.best.score


def test_gathering_records_its_four_stages(router):
    """Judging and handing off come later, each time anew."""
    trace = Trace()

    asyncio.run(router.gather(CODE, trace))

    assert [span.name for span in trace.spans] == [
        "extract_tags",
        "embed_query",
        "embed_agents",
        "score",
    ]


def test_a_route_goes_from_the_query_to_the_answer(router, runner):
    """The best agent reaches the threshold, gets the query, and its answer is kept."""
    route = asyncio.run(router.route(CODE, POLICY))

    assert route.decision.outcome is Outcome.SELECTED
    assert route.decision.agent == REGISTRY.agents[0]
    assert route.answer == "Coder says yes."
    assert runner.handoffs == [("coder", CODE)]


def test_a_route_has_a_span_for_every_stage(router):
    """In their order, the hand-off last."""
    route = asyncio.run(router.route(CODE, POLICY))

    assert [span.name for span in route.spans] == [
        "extract_tags",
        "embed_query",
        "embed_agents",
        "score",
        "filter",
        "select",
        "hand_off",
    ]


def test_the_filter_says_how_many_candidates_it_left(router):
    """Two of the three agents carry the extracted tag."""
    route = asyncio.run(router.route(CODE, POLICY))

    (filtering,) = (span for span in route.spans if span.name == "filter")

    assert filtering.facts.count == 2


def test_nobody_selected_is_a_route_without_an_answer(router, runner):
    """It is no error, and no agent hears of it."""
    route = asyncio.run(router.route("the weather on mars", POLICY))

    assert route.decision.outcome is Outcome.BELOW_THRESHOLD
    assert route.answer is None
    assert runner.handoffs == []
    assert "hand_off" not in [span.name for span in route.spans]


@pytest.mark.parametrize(
    ("threshold", "handoffs"),
    [pytest.param(-1.0, [("coder", CODE)], id="selected"), pytest.param(1.0, [], id="refused")],
)
def test_only_a_selected_agent_is_handed_the_query(router, runner, threshold, handoffs):
    """Handing off what nobody was selected for does nothing."""

    async def judged_then_handed_off() -> None:
        evidence = await router.gather(CODE, Trace())
        policy = replace(POLICY, threshold=threshold)
        await router.hand_off(judge(evidence, REGISTRY, policy, Trace()))

    asyncio.run(judged_then_handed_off())

    assert runner.handoffs == handoffs


def test_an_ambiguous_query_is_not_handed_off(router, runner):
    """A margin that the lead does not reach keeps the query back."""
    route = asyncio.run(router.route(CODE, replace(POLICY, margin=2.0)))

    assert route.decision.outcome is Outcome.AMBIGUOUS
    assert runner.handoffs == []


def test_handing_off_leaves_the_judged_route_as_it_was(router):
    """A new route comes back, with the answer and one span more."""

    async def both():
        evidence = await router.gather(CODE, Trace())
        judged = judge(evidence, REGISTRY, POLICY, Trace())
        return judged, await router.hand_off(judged)

    judged, handed = asyncio.run(both())

    assert judged.answer is None
    assert handed.answer == "Coder says yes."
    assert [span.name for span in handed.spans] == ["filter", "select", "hand_off"]
    assert handed.evidence is judged.evidence


def test_the_simulated_runner_says_that_nobody_is_connected():
    """One sentence a handoff, in order, with the agent's name."""
    pairs = [(REGISTRY.agents[1], "x"), (REGISTRY.agents[0], "y")]

    answers = asyncio.run(SimulatedRunner().run(pairs))

    assert [answer.startswith("Simulated hand-off: ") for answer in answers] == [True, True]
    assert ["Biller" in answers[0], "Coder" in answers[1]] == [True, True]


def test_tags_that_are_down_degrade_the_route(router, tagger):
    """All agents stay, and the evidence says which stage was skipped."""
    tagger.failure = ProviderError("The tagger is down.")

    route = asyncio.run(router.route(CODE, POLICY))

    assert route.evidence.tags == ()
    assert route.evidence.degraded == ("extract_tags",)
    assert route.ranking.candidates == 3
    assert not route.ranking.widened
    assert route.decision.agent == REGISTRY.agents[0]


def test_tags_that_are_down_degrade_every_query_of_a_batch(router, tagger):
    """One failure for all of them, and none of them is lost."""
    tagger.failure = ProviderError("The tagger is down.")

    evidence = asyncio.run(router.gather_many(QUERIES, Trace()))

    assert evidence.tags == ((),) * 4
    assert evidence.degraded == (("extract_tags",),) * 4


def test_a_tagger_that_breaks_otherwise_is_an_error(router, tagger):
    """Only a provider's failure degrades; a mistake in the code is not covered up."""
    tagger.failure = ZeroDivisionError("a mistake")

    with pytest.raises(ZeroDivisionError, match="a mistake"):
        asyncio.run(router.route(CODE, POLICY))


def test_an_embedder_that_is_down_is_a_provider_error(router, embedder, runner):
    """The error itself is raised, not a group of errors, and nothing is handed off."""
    embedder.failure = ProviderError("The embedder is down.")

    with pytest.raises(ProviderError, match="The embedder is down") as caught:
        asyncio.run(router.route(CODE, POLICY))

    assert caught.value is embedder.failure
    assert runner.handoffs == []


def test_an_embedder_that_comes_back_is_used_again(router, embedder):
    """A failed first route leaves nothing half done."""
    embedder.failure = ProviderError("The embedder is down.")
    with pytest.raises(ProviderError):
        asyncio.run(router.route(CODE, POLICY))

    embedder.failure = None
    route = asyncio.run(router.route(CODE, POLICY))

    assert route.decision.agent == REGISTRY.agents[0]


def test_tags_and_vectors_are_fetched_at_the_same_time():
    """Each provider waits for the other one to start; in sequence neither would ever end."""

    async def meet() -> EvidenceSet:
        provider = Meeting()
        index = ExactIndex(REGISTRY, provider)
        router = Router(REGISTRY, provider, provider, index, LEXICON, SimulatedRunner())
        async with asyncio.timeout(10):
            return await router.gather_many(["q"], Trace())

    evidence = asyncio.run(meet())

    assert evidence.tags == (("code",),)
    assert evidence.similarities.tolist() == [[1, 0, 0]]


def test_the_registry_is_embedded_once_in_one_batch(router, embedder):
    """The first route embeds all agents in one call; later ones embed their query only."""
    for query in QUERIES:
        asyncio.run(router.route(query, POLICY))

    assert [call for call in embedder.calls if set(call) & set(AGENT_TEXTS)] == [AGENT_TEXTS]
    assert len(embedder.calls) == 1 + len(QUERIES)


def test_two_first_routes_at_once_embed_the_registry_once(router, embedder):
    """The second one waits for the first one's batch."""

    async def both() -> None:
        await asyncio.gather(*(router.route(query, POLICY) for query in QUERIES[:2]))

    asyncio.run(both())

    assert embedder.calls.count(AGENT_TEXTS) == 1
    assert len(embedder.calls) == 3


def test_later_routes_say_that_all_agents_were_known(router):
    """The span of the agents counts them as cached from the second route on."""
    asyncio.run(router.route(CODE, POLICY))

    route = asyncio.run(router.route(CODE, POLICY))

    (agents,) = (span for span in route.spans if span.name == "embed_agents")

    assert (agents.facts.count, agents.facts.cached) == (3, 3)


def test_an_index_that_was_not_prepared_says_so(embedder):
    """Searching before embedding is a mistake in the code, not an empty answer."""
    index = ExactIndex(REGISTRY, embedder)

    with pytest.raises(RuntimeError, match="prepare"):
        asyncio.run(index.search(np.zeros((1, 64), dtype=np.float32), ["q"]))


def test_judging_makes_no_call(router, embedder, tagger, runner):
    """Other thresholds, margins and switches are tried on evidence that is there already."""
    evidence = asyncio.run(router.gather(CODE, Trace()))
    calls = (list(embedder.calls), list(tagger.calls))

    for policy in (
        POLICY,
        replace(POLICY, threshold=0.99),
        replace(POLICY, margin=1.0),
        replace(POLICY, use_tags=False),
        replace(POLICY, per_agent=True),
    ):
        judge(evidence, REGISTRY, policy, Trace())

    assert (embedder.calls, tagger.calls) == calls
    assert runner.handoffs == []


def test_judging_follows_the_policy(router):
    """The switches of a policy reach the ranking and the decision."""
    evidence = asyncio.run(router.gather(CODE, Trace()))

    strict = judge(evidence, REGISTRY, replace(POLICY, threshold=0.99), Trace())
    unfiltered = judge(evidence, REGISTRY, replace(POLICY, use_tags=False), Trace())

    assert strict.decision.outcome is Outcome.BELOW_THRESHOLD
    assert judge(evidence, REGISTRY, POLICY, Trace()).ranking.candidates == 2
    assert unfiltered.ranking.candidates == 3


@pytest.mark.parametrize(
    ("per_agent", "threshold", "source"),
    [
        pytest.param(False, 0.5, ThresholdSource.CONFIG, id="switched off"),
        pytest.param(True, 0.9, ThresholdSource.AGENT, id="switched on"),
    ],
)
def test_an_own_threshold_counts_only_where_it_is_switched_on(router, per_agent, threshold, source):
    """The route says which threshold judged and who set it."""
    policy = Policy(0.5, ThresholdSource.CONFIG, per_agent=per_agent)

    route = asyncio.run(router.route(CODE, policy))

    assert route.decision.best.agent.id == "coder"
    assert route.decision.threshold == threshold
    assert route.threshold_source is source


def test_many_at_once_are_decided_as_one_by_one(router):
    """A batch changes neither agent nor outcome, and similarities by a millionth at most."""

    async def both():
        together = await router.gather_many(QUERIES, Trace())
        return together, [await router.gather(query, Trace()) for query in QUERIES]

    together, alone = asyncio.run(both())

    for one, other in zip(together, alone, strict=True):
        batch, single = (judge(row, REGISTRY, POLICY, Trace()).decision for row in (one, other))

        assert (batch.outcome, batch.best.agent) == (single.outcome, single.best.agent)
        assert one.similarities == pytest.approx(other.similarities, abs=1e-6)
        assert (one.query, one.tags) == (other.query, other.tags)


def test_many_at_once_are_one_call_a_provider(router, embedder, tagger):
    """A batch of queries is one batch for everybody."""
    asyncio.run(router.gather_many(QUERIES, Trace()))

    assert sorted(embedder.calls, key=len) == [AGENT_TEXTS, tuple(QUERIES)]
    assert tagger.calls == [tuple(QUERIES)]


def test_a_background_loop_returns_the_result(loop):
    """A caller that is not async gets what the coroutine returned."""

    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    assert loop.run(answer()) == 42


def test_a_background_loop_raises_the_coroutines_error(loop):
    """The error itself, in the caller's thread; afterwards the loop still runs."""

    async def fail() -> None:
        raise ProviderError("The embedder is down.")

    async def answer() -> int:
        return 42

    with pytest.raises(ProviderError, match="The embedder is down"):
        loop.run(fail())

    assert loop.run(answer()) == 42


def test_a_background_loop_is_one_loop_for_all_calls(loop):
    """Clients and locks that belong to a loop survive from one call to the next."""

    async def running() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert loop.run(running()) is loop.run(running())


def test_a_background_loop_serves_several_threads(loop, router):
    """Visitors of a page route at the same time and embed the registry once."""
    routes = []

    def visit(query: str) -> None:
        routes.append(loop.run(router.route(query, POLICY)))

    visitors = [threading.Thread(target=visit, args=(query,)) for query in QUERIES]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()

    assert {route.evidence.query for route in routes} == set(QUERIES)
    assert router.embedder.calls.count(AGENT_TEXTS) == 1


def test_closing_a_background_loop_ends_its_thread():
    """Nothing of it is left."""
    before = loop_threads()
    started = BackgroundLoop()
    started.run(asyncio.sleep(0))
    (mine,) = loop_threads() - before

    started.close()

    assert not mine.is_alive()
    assert loop_threads() == before


def test_leaving_its_block_closes_a_background_loop():
    """Also when an error leaves it."""
    before = loop_threads()

    async def fail():
        raise ProviderError("The embedder is down.")

    with pytest.raises(ProviderError), BackgroundLoop() as started:
        started.run(fail())

    assert loop_threads() == before
