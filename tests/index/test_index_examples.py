"""Examples in the pipeline: embedded in one batch, never helping to answer themselves.

One file: the checks share a registry, its examples, and an index by hand to hold it against.
"""

import asyncio
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from fake_openai import CHAT, EMBEDDINGS, FakeOpenAI

from handoff.bootstrap import build_connection, build_router, open_registry
from handoff.core.agent_rows import compare, texts_of
from handoff.core.learning import NO_OWNER, Lessons, learn, score_queries
from handoff.core.model import Agent, Example, Registry
from handoff.core.texts import agent_text
from handoff.evaluation.run import Run, gather_cases
from handoff.files.cases import Case
from handoff.files.policy import load_policy
from handoff.files.settings import OpenAISettings, load_settings
from handoff.index.exact import ExactIndex
from handoff.index.learned import HeldOutIndex, LearnedIndex
from handoff.providers.scripted import ScriptedEmbedder
from handoff.trace import Trace

AGENTS = (
    Agent("money", "Money Desk", "Invoices refunds receipts.", ("billing", "payments")),
    Agent("garden", "Garden Desk", "Roses tulips soil.", ("plants", "soil care")),
    Agent("weather", "Weather Desk", "Rain wind sunshine.", ("forecast",)),
)
EXAMPLES = (
    Example("my card was charged twice", "money"),
    Example("why did you take my cash again", "money"),
    Example("the leaves have yellow spots", "garden"),
    Example("something eats my lettuce", "garden"),
    Example("do I need an umbrella", "weather"),
    Example("will it be icy on the roads", "weather"),
    Example("who won the chess match", None),
    Example("translate this poem", None),
)
PLAIN = Registry(AGENTS)
TAUGHT = Registry(AGENTS, EXAMPLES)
NEARLY = "My card was charged twice!"
OTHER = "invoice for the roses"


@pytest.fixture
def settings(tmp_path):
    """Return settings of the embedded model, with a cache of their own."""
    (tmp_path / "agents.csv").write_text("id,name,description,tags\na,A,Does a.,x\n")
    environ = {"HANDOFF_CACHE_DIR": str(tmp_path / "cache")}
    return load_settings(environ, tmp_path / "agents.csv")


def gathered(router, queries):
    """Gather evidence as routing does."""
    return asyncio.run(router.gather_many(queries, Trace()))


def evaluated(router, queries):
    """Gather evidence as an evaluation does."""
    cases = [Case(query, None, "", row + 2) for row, query in enumerate(queries)]

    async def collect():
        run = Run(())
        async for run in gather_cases(router, cases):  # noqa: B007 - the last one is whole
            pass
        return run.evidence

    return asyncio.run(collect())


def taught_by(embedder):
    """Return an index that learns from the examples."""
    return LearnedIndex(ExactIndex(TAUGHT, embedder), TAUGHT, embedder)


class FewIndex(ExactIndex):
    """Returns two of the agents, as a large index would: the last one and the first one."""

    async def search(self, vectors, queries):
        """Find all, return columns 2 and 0."""
        scores, _ = await super().search(vectors, queries)
        positions = np.tile(np.array([2, 0]), (len(vectors), 1))
        return np.take_along_axis(scores, positions, axis=1), positions


def searching(index, queries):
    """Embed queries and search for them."""

    async def search():
        await index.prepare()
        return (await index.search(await ScriptedEmbedder().embed(queries), queries))[0]

    return asyncio.run(search())


def test_agents_and_examples_are_embedded_in_one_batch():
    """The agents' texts first, then the examples; the second time nothing is asked."""
    embedder = ScriptedEmbedder()
    index = taught_by(embedder)

    asyncio.run(index.prepare())
    asyncio.run(index.prepare())

    assert embedder.calls == [
        (*(agent_text(agent) for agent in AGENTS), *(example.query for example in EXAMPLES))
    ]


def test_preparing_at_once_learns_once():
    """Whoever comes second waits for the first."""
    embedder = ScriptedEmbedder()
    index = taught_by(embedder)

    async def twice():
        await asyncio.gather(index.prepare(), index.prepare())

    asyncio.run(twice())

    assert len(embedder.calls) == 1


def test_phrases_are_embedded_with_the_agents_and_pooled():
    """With examples and without: an agent of several phrases is compared by these as well."""
    agents = (replace(AGENTS[0], description="Invoices, refunds; receipts."), *AGENTS[1:])
    texts = texts_of(agents)
    vectors = asyncio.run(ScriptedEmbedder().embed([OTHER]))
    rows = texts.rows(asyncio.run(ScriptedEmbedder().embed(texts.texts)))
    embedder = ScriptedEmbedder()
    taught = Registry(agents, EXAMPLES)
    index = LearnedIndex(ExactIndex(taught, embedder), taught, embedder)

    plain = searching(ExactIndex(Registry(agents), ScriptedEmbedder()), [OTHER])
    corrected = searching(index, [OTHER])

    wholes = [agent_text(agent) for agent in agents]
    asked = [*wholes, "Invoices", "refunds", "receipts", *(each.query for each in EXAMPLES)]
    assert embedder.calls == [tuple(asked)]
    assert plain.tobytes() == compare(vectors, rows).tobytes()
    assert corrected.tobytes() == score_queries(vectors, [OTHER], index.learned).tobytes()


def test_without_examples_nothing_is_learned():
    """The index scores by the plain cosine."""
    index = ExactIndex(PLAIN, ScriptedEmbedder())
    scores = searching(index, [OTHER])
    vectors = asyncio.run(
        ScriptedEmbedder().embed([OTHER, *(agent_text(agent) for agent in AGENTS)])
    )

    assert index.learned is None
    assert scores == pytest.approx(vectors[:1] @ vectors[1:].T, abs=1e-6)


def test_the_index_learns_what_the_core_learns():
    """Owners by position, nobody's examples as nobody's."""
    index = taught_by(ScriptedEmbedder())
    scores = searching(index, [OTHER])
    rows = asyncio.run(
        ScriptedEmbedder().embed(
            [*(agent_text(agent) for agent in AGENTS), *(example.query for example in EXAMPLES)]
        )
    )
    agents = texts_of(AGENTS).rows(rows[:3])
    texts = tuple(example.query for example in EXAMPLES)
    owners = np.array([0, 0, 1, 1, 2, 2, NO_OWNER, NO_OWNER])

    learned = learn(agents, Lessons(texts, rows[3:], owners))

    assert index.learned.held_out == pytest.approx(learned.held_out, abs=1e-5)
    assert scores.shape == (1, 3)


def test_an_example_helps_its_owner_when_it_is_routed():
    """Asked again, what was labelled goes where it was labelled to."""
    index = taught_by(ScriptedEmbedder())
    owned = [(example.query, row // 2) for row, example in enumerate(EXAMPLES[:6])]

    scores = searching(index, [query for query, _ in owned])

    assert scores.argmax(axis=1).tolist() == [owner for _, owner in owned]


@pytest.mark.parametrize("query", [EXAMPLES[0].query, NEARLY, "my cards was charge twice"])
def test_held_out_an_example_scores_as_if_it_were_none(query):
    """Near-duplicates of it too: nothing is counted twice."""
    index = taught_by(ScriptedEmbedder())
    routed = searching(index, [query])

    scores = searching(HeldOutIndex(index), [query])

    assert scores[0].tolist() == index.learned.held_out[0].tolist()
    assert scores[0, 0] < routed[0, 0]


def test_held_out_other_queries_score_as_they_are_routed():
    """Examples help whoever did not teach."""
    index = taught_by(ScriptedEmbedder())
    queries = [OTHER, EXAMPLES[3].query, "unheard of"]

    held_out, routed = searching(HeldOutIndex(index), queries), searching(index, queries)

    assert held_out[[0, 2]].tobytes() == routed[[0, 2]].tobytes()
    assert held_out[1].tobytes() != routed[1].tobytes()


def test_without_examples_held_out_is_the_same():
    """There is nothing to hold out."""
    index = ExactIndex(PLAIN, ScriptedEmbedder())

    assert searching(HeldOutIndex(index), [OTHER]).tobytes() == searching(index, [OTHER]).tobytes()


def test_a_held_out_index_shares_what_was_learned():
    """It embeds and learns nothing by itself."""
    embedder = ScriptedEmbedder()
    index = taught_by(embedder)
    held_out = HeldOutIndex(index)

    asyncio.run(held_out.prepare())

    assert held_out.learned is index.learned is not None
    assert len(embedder.calls) == 1


def test_examples_correct_whatever_index_is_inside():
    """One that returns some of the agents gets the same scores for these, held out too."""
    embedder = ScriptedEmbedder()
    few = LearnedIndex(FewIndex(TAUGHT, embedder), TAUGHT, embedder)
    queries = [OTHER, EXAMPLES[3].query]

    for wrap in (lambda index: index, HeldOutIndex):
        scores = searching(wrap(few), queries)
        every = searching(wrap(taught_by(ScriptedEmbedder())), queries)

        assert scores.tobytes() == np.ascontiguousarray(every[:, [2, 0]]).tobytes()


def test_the_index_scores_as_the_core_does():
    """Bit for bit, many queries at once as one."""
    index = taught_by(ScriptedEmbedder())
    queries = [OTHER, EXAMPLES[3].query, "unheard of"]
    for asked in (queries, queries[:1]):
        scores = searching(index, asked)
        vectors = asyncio.run(ScriptedEmbedder().embed(asked))

        assert scores.tobytes() == score_queries(vectors, asked, index.learned).tobytes()


def test_an_index_that_did_not_learn_yet_says_so():
    """Searching before learning is a mistake in the code, not a cosine."""
    with pytest.raises(RuntimeError, match="prepare"):
        asyncio.run(taught_by(ScriptedEmbedder()).search(np.zeros((1, 64)), ["q"]))


def test_rows_that_are_at_hand_are_not_embedded_again():
    """Whoever embedded the agents hands their rows in; the examples are still to be embedded."""
    embedder = ScriptedEmbedder()
    described = texts_of(AGENTS)
    rows = described.rows(asyncio.run(ScriptedEmbedder().embed(described.texts)))
    index = taught_by(embedder)

    asyncio.run(index.prepare(rows))

    assert embedder.calls == [tuple(example.query for example in EXAMPLES)]
    assert index.learned.agents is rows


def test_an_evaluation_is_scored_held_out(settings):
    """The cases that are examples, and no others, score less there than they are routed by."""
    router = build_router(settings, TAUGHT, None)
    queries = [example.query for example in EXAMPLES] + [OTHER]
    routed = gathered(router, queries)

    evidence = evaluated(router, queries)

    assert evidence.similarities[:8].tobytes() == router.index.learned.held_out.tobytes()
    assert evidence.similarities[8] == pytest.approx(routed.similarities[8], abs=1e-6)
    assert np.abs(evidence.similarities[:8] - routed.similarities[:8]).max() > 0.1


def test_tags_in_an_evaluation_do_not_leak(settings):
    """The held-out tagger sees held-out scores: the first tag is the best agent's by these."""
    router = build_router(settings, TAUGHT, None)
    queries = [example.query for example in EXAMPLES]

    held_out = evaluated(router, queries)
    routed = gathered(router, queries)

    assert router.held_out is not None
    assert router.held_out.tagger is not router.tagger
    for row in range(6):
        best = AGENTS[int(held_out.similarities[row].argmax())]
        if held_out.tags[row]:
            assert held_out.tags[row][0] in best.tags
        taught = AGENTS[int(routed.similarities[row].argmax())]
        if routed.tags[row]:
            assert routed.tags[row][0] in taught.tags
    assert held_out.tags != routed.tags


def test_held_out_tags_are_those_of_the_agents_that_are_best_without_the_example(settings):
    """With one example a registry, what is held out is tagged as by the descriptions."""
    query = "someone emptied my wallet"
    single = Registry(AGENTS, (Example(query, "weather"), Example("frost tonight", "weather")))
    taught, plain = build_router(settings, single, None), build_router(settings, PLAIN, None)

    held_out = evaluated(taught, [query])

    assert held_out.similarities[0] == pytest.approx(
        evaluated(plain, [query]).similarities[0], abs=0.1
    )
    assert held_out.similarities[0, 2] < gathered(taught, [query]).similarities[0, 2]


def test_a_router_without_examples_has_no_held_out_one(settings):
    """An evaluation then runs as routing does."""
    assert build_router(settings, PLAIN, None).held_out is None


def test_a_held_out_router_shares_the_registry_and_its_identity(settings):
    """What an evaluation finds stands on the same ground as what is routed on."""
    router = build_router(settings, TAUGHT, None)
    held_out = router.held_out

    assert held_out.registry is router.registry
    assert held_out.embedder is router.embedder
    assert held_out.tagger.identity == router.tagger.identity
    assert held_out.held_out is None


def test_the_fingerprint_without_examples_is_what_it_was():
    """SHA-256 over the rows alone: thresholds that were stored before still hold."""
    rows = hashlib.sha256()
    for agent in AGENTS:
        rows.update(json.dumps([agent.id, agent.name, agent.description, agent.tags]).encode())

    assert PLAIN.fingerprint == Registry(AGENTS, ()).fingerprint == rows.hexdigest()


def test_the_fingerprint_differs_with_examples():
    """Any of them, their labels and their order count: stored thresholds notice."""
    fingerprints = {
        PLAIN.fingerprint,
        TAUGHT.fingerprint,
        Registry(AGENTS, EXAMPLES[:-1]).fingerprint,
        Registry(AGENTS, EXAMPLES[::-1]).fingerprint,
        Registry(AGENTS, (*EXAMPLES[:-1], replace(EXAMPLES[-1], agent="money"))).fingerprint,
    }

    assert len(fingerprints) == 5


def test_examples_beside_the_registry_are_opened(settings, tmp_path):
    """Where they are not there, or left out, the registry has none."""
    path = tmp_path / "examples.csv"
    path.write_text("query,agent\npay,a\nsing,\nfly,nobody's\n")

    registry, found = open_registry(load_settings({}, tmp_path / "agents.csv"))
    plain, nothing = open_registry(settings)

    assert registry.examples == found.examples == (Example("pay", "a"), Example("sing", None))
    assert len(found.failed) == 1
    assert plain.examples == nothing.examples == ()


@pytest.fixture
def server():
    """Serve OpenAI's embeddings on loopback."""
    with FakeOpenAI() as serving:
        yield serving


def test_openai_embeds_agents_and_examples_in_one_request(settings, server):
    """The same code as with the embedded model, and one request for the registry."""
    openai = OpenAISettings("sk-test", base_url=server.base_url)
    remote = replace(settings, embedder="openai", openai=openai)

    async def route():
        connection = build_connection(remote)
        try:
            router = build_router(remote, TAUGHT, connection)
            await router.index.prepare()
            prepared = [request.body["input"] for request in server.requests]
            routed = await router.gather_many([example.query for example in EXAMPLES], Trace())
            return prepared, routed, router.index.learned
        finally:
            await connection.close()

    prepared, routed, learned = asyncio.run(route())

    assert prepared == [
        [*(agent_text(agent) for agent in AGENTS), *(example.query for example in EXAMPLES)]
    ]
    assert {request.path for request in server.requests} == {EMBEDDINGS}
    assert routed.similarities[:6].argmax(axis=1).tolist() == [0, 0, 1, 1, 2, 2]
    assert learned.held_out.shape == (8, 3)
    assert np.abs(routed.similarities).max() <= 1


def test_openais_examples_are_held_out_in_an_evaluation(settings, server):
    """And the cache spares them: queries that are examples cost no second request."""
    openai = OpenAISettings("sk-test", base_url=server.base_url)
    remote = replace(settings, embedder="openai", openai=openai)
    cases = [Case(example.query, example.agent, "", 2) for example in EXAMPLES]

    async def evaluate():
        connection = build_connection(remote)
        try:
            router = build_router(remote, TAUGHT, connection)
            await router.index.prepare()
            async for run in gather_cases(router, cases):
                evidence = run.evidence
            return evidence, router.index.learned
        finally:
            await connection.close()

    evidence, learned = asyncio.run(evaluate())

    assert evidence.similarities.tobytes() == learned.held_out.tobytes()
    assert len(server.requests) == 1


def choices_offered(settings, server, registry, query):
    """Evaluate a query, and return the tags that OpenAI could choose from."""
    openai = OpenAISettings("sk-test", base_url=server.base_url)
    remote = replace(settings, tagger="openai", openai=openai)
    server.clear()

    async def evaluate():
        connection = build_connection(remote)
        try:
            router = build_router(remote, registry, connection, on_disk=False)
            async for _ in gather_cases(router, [Case(query, None, "", 2)]):
                pass
        finally:
            await connection.close()

    asyncio.run(evaluate())
    (asked,) = [request.body for request in server.requests if request.path == CHAT]
    return {tag for tag in registry.vocabulary if json.dumps(tag) in json.dumps(asked)}


def test_openais_shortlist_in_an_evaluation_does_not_leak(settings, server):
    """Of a vocabulary too long to be weighed, an example's own label brings in no tag."""
    agents = tuple(
        Agent(f"a{at}", f"Agent {at}", f"Does thing{at}.", tuple(f"t{at}x{n}" for n in range(5)))
        for at in range(60)
    )
    query = "someone emptied my wallet"
    rest = (Example("water the lawn", "a2"), Example("sing to me", "a1"))
    without = choices_offered(settings, server, Registry(agents, rest), query)
    left_out = next(agent for agent in agents if not set(agent.tags) & without)

    evaluated = choices_offered(
        settings, server, Registry(agents, (*rest, Example(query, left_out.id))), query
    )

    assert not set(left_out.tags) & evaluated


def test_a_route_with_examples_answers(settings):
    """Routing goes through, and the strongest example is one of the agent's."""
    router = build_router(settings, TAUGHT, None)

    route = asyncio.run(router.route("my card was charged three times", load_policy(None, 0.2)))

    assert route.decision.agent is not None
    assert route.decision.agent.id == "money"
