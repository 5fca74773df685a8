"""Batches that a server does not take, and texts that it cannot embed."""

import json
import math

import numpy as np
import pytest
from fake_openai import EMBEDDINGS, Quirks, Reply, answers, encoded, vector_of
from openai_routes import WHO, embedded, routed, run_with

from handoff.batch.routing import route_texts
from handoff.core.errors import (
    ProviderError,
    ProviderRejectedError,
    ProviderReplyError,
    ProviderUnavailableError,
)
from handoff.evaluation.run import gather_cases
from handoff.files.cases import Case
from handoff.files.policy import load_policy
from handoff.resilience.breaker import BreakerState
from handoff.router import Route
from handoff.trace import Trace

POLICY = load_policy(None, 0.0)


def sizes(server):
    """Return how many texts each request held."""
    return [len(one.body["input"]) for one in server.requests if one.path == EMBEDDINGS]


def texts(number, bad=()):
    """Return so many texts, some of which cannot be embedded."""
    return [f"{'poison' if at in bad else 'text'} number {at}" for at in range(number)]


def expected(given):
    """Return the rows that the server has for texts."""
    return np.stack([vector_of(text, 1536, 8) for text in given])


@pytest.fixture
def short(configure):
    """Return `configure` for short vectors and a busy machine."""
    return lambda **changes: configure(
        dimensions=8, timeout_seconds=20, deadline_seconds=60, **changes
    )


@pytest.mark.parametrize(
    ("most", "status"), [(1, 400), (10, 413), (32, 422), (64, 400), (100, 413)]
)
def test_a_limit_of_texts_is_found_by_halving_and_kept(server, short, most, status):
    """Rows stay in order, refusals are as many as there are halvings, and none comes again."""
    server.quirks = Quirks(most_texts=most, batch_status=status)
    given = texts(210)

    async def work(router, connection):
        rows = await router.embedder.embed(given)
        first = sizes(server)
        server.clear()
        await router.embedder.embed(texts(500)[210:])
        return rows, first, sizes(server), connection

    rows, first, second, connection = run_with(short(), work, on_disk=False)
    kept = connection.dialects.of("embeddings", "text-embedding-3-small").most_texts

    assert rows == pytest.approx(expected(given), abs=1e-5)
    assert sum(size > most for size in first) <= math.ceil(math.log2(210 / most))
    assert most / 2 < kept <= most
    assert max(second) == kept
    assert len(second) == math.ceil(290 / kept)


def test_small_portions_are_asked_for_at_the_same_time(server, short):
    """A server that takes ten texts is not waited for hundreds of times, one after the other."""
    server.quirks = Quirks(most_texts=10)
    server.embeddings_delay_seconds = 0.05

    embedded(short(concurrency=4), texts(210))

    assert 1 < server.most_at_once[EMBEDDINGS] <= 4


def test_a_limit_of_tokens_is_found_by_halving(server, short):
    """The number of texts that fit stands for it."""
    server.quirks = Quirks(most_tokens=100)
    given = texts(210)

    assert embedded(short(), given) == pytest.approx(expected(given), abs=1e-5)
    assert len(sizes(server)) < 30


@pytest.mark.parametrize("on_disk", [True, False], ids=["cached", "not cached"])
@pytest.mark.parametrize("bad", [{0}, {37}, {99}, {0, 1}, {5, 50, 98}], ids=str)
def test_texts_that_cannot_be_embedded_fail_alone(server, short, bad, on_disk):
    """All others have their rows, and the requests are bounded by the halvings of each."""
    server.quirks = Quirks(cannot_embed="poison")
    given = texts(100, bad)

    with pytest.raises(ProviderRejectedError) as trouble:
        embedded(short(), given, on_disk=on_disk)

    others = [text for at, text in enumerate(given) if at not in bad]
    assert set(trouble.value.partly.reasons) == bad
    assert trouble.value.partly.rows == pytest.approx(expected(others), abs=1e-5)
    assert str(trouble.value).startswith(f"{len(bad)} of 100 texts could not be embedded, the")
    assert len(server.requests) <= 1 + 2 * len(bad) * math.ceil(math.log2(100))


def test_a_text_that_fails_with_a_status_of_success_fails_alone(server, short):
    """The error stands where the vectors would, and says nothing of the other texts."""
    server.quirks = Quirks(cannot_embed="poison", failing_status=200)

    with pytest.raises(ProviderReplyError) as trouble:
        embedded(short(), texts(100, {37}))

    assert set(trouble.value.partly.reasons) == {37}
    assert "\u201ccannot embed this input\u201d" in trouble.value.partly.reasons[37]
    assert len(trouble.value.partly.rows) == 99
    assert len(server.requests) <= 1 + 2 * math.ceil(math.log2(100))


def test_a_limit_and_a_text_that_fails_are_told_apart(server, short):
    """A portion that was halved for one text's sake sets no limit."""
    server.quirks = Quirks(most_texts=32, cannot_embed="poison")

    async def work(router, connection):
        with pytest.raises(ProviderRejectedError) as trouble:
            await router.embedder.embed(texts(210, {7}))
        return trouble.value, connection.dialects.of("embeddings", "text-embedding-3-small")

    trouble, dialect = run_with(short(), work)

    assert set(trouble.partly.reasons) == {7}
    assert 16 < dialect.most_texts <= 32


def test_an_unmeasured_model_is_asked_for_few_at_first(server, configure):
    """While nobody knows how long a vector is, a reply is bounded by asking for 64."""
    server.quirks = Quirks(width=8)

    rows = embedded(configure(embedding_model="mine", timeout_seconds=20), texts(210))

    assert rows.shape == (210, 8)
    assert sizes(server) == [64, 146]


def test_a_vector_without_meaning_is_one_texts(server, short):
    """A reply says itself whose it is: nobody is asked again."""
    server.fail("embeddings", "nan")

    with pytest.raises(ProviderReplyError) as trouble:
        embedded(short(), texts(10))

    assert trouble.value.partly.reasons == {
        9: f"{WHO} returned a vector without meaning for this text: put it otherwise."
    }
    assert trouble.value.partly.rows == pytest.approx(expected(texts(9)), abs=1e-5)
    assert sizes(server) == [10]


@pytest.mark.parametrize("number", [1, 2, 3, 100])
def test_a_server_that_refuses_every_text_is_given_up(server, short, number):
    """The sentence is the server's, not a text's, and comes after a bounded number of requests."""
    server.quirks = Quirks(cannot_embed="text")

    with pytest.raises(ProviderRejectedError, match="cannot take a text, with status 500"):
        embedded(short(), texts(number))

    assert len(server.requests) <= 2 * math.ceil(math.log2(number) + 5)


def test_a_refusal_of_something_else_is_not_halved(server, short):
    """A model that is refused is refused for a hundred texts as for one."""
    server.fail("embeddings", "bad_request", times=None)

    with pytest.raises(ProviderRejectedError, match="status 400"):
        embedded(short(), texts(100))

    assert sizes(server) == [100]


def test_a_text_that_makes_a_server_fail_does_not_open_its_breaker(server, short):
    """A status of its own failure that names the text is no outage, and is not retried."""
    server.quirks = Quirks(cannot_embed="poison")

    async def work(router, connection):
        with pytest.raises(ProviderRejectedError):
            await router.embedder.embed(texts(100, {0}))
        return connection.breakers["embeddings"].state

    assert run_with(short(), work) is BreakerState.WORKING
    assert sizes(server).count(100) == 1


def test_what_was_embedded_is_kept_and_only_the_rest_asked_again(server, short):
    """A second try sends the text that failed, and fails for that one alone."""
    server.quirks = Quirks(cannot_embed="poison")
    reasons = []

    async def work(router, _):
        for _ in range(2):
            server.clear()
            with pytest.raises(ProviderRejectedError) as trouble:
                await router.embedder.embed([*texts(20, {3}), "poison number 3"])
            reasons.append(set(trouble.value.partly.reasons))

    run_with(short(), work)

    assert reasons == [{3, 20}] * 2
    assert sizes(server) == [1]


def test_one_case_fails_beside_209(server, short):
    """A labelled set keeps all the evidence that there is, in order, and says what is missing."""
    server.quirks = Quirks(cannot_embed="poison", most_texts=64)
    cases = [Case(text, "baker", "", 1) for text in texts(210, {150})]

    async def work(router, _):
        return [run async for run in gather_cases(router, cases)]

    runs = run_with(short(tagger="local"), work)
    last = runs[-1]

    assert [run.tried for run in runs] == [100, 200, 210]
    assert set(last.failures) == {150}
    assert last.failures[150] == (
        f"{WHO} cannot embed this text and answers with status 500, \u201cfailed to encode "
        "response: json: unsupported value: NaN\u201d: put it otherwise, or shorter."
    )
    assert last.rows == tuple(at for at in range(210) if at != 150)
    assert last.evidence.queries == tuple(cases[at].query for at in last.rows)
    assert last.evidence.vectors == pytest.approx(expected(last.evidence.queries), abs=1e-5)


def test_one_row_of_a_batch_fails_beside_the_others(server, short):
    """Its cells say why, and those around it stay in their places."""
    server.quirks = Quirks(cannot_embed="poison")

    async def work(router, _):
        rows = await route_texts(router, POLICY, ["", *texts(20, {7})])
        alone = await route_texts(router, POLICY, ["poison alone"])
        return rows, alone

    rows, alone = run_with(short(tagger="local"), work)

    assert [at for at, cells in enumerate(rows) if cells[1] == "failed"] == [0, 8]
    assert "cannot embed this text" in rows[8][-1]
    assert "cannot embed this text" in alone[0][-1]


def test_a_batch_ends_where_no_text_can_be_embedded(server, short):
    """Thousands of rows are not written as failed one by one."""
    server.quirks = Quirks(cannot_embed="text")

    with pytest.raises(ProviderRejectedError):
        run_with(short(tagger="local"), lambda router, _: route_texts(router, POLICY, texts(50)))


def test_routes_of_many_are_errors_where_a_query_fails(server, short):
    """Each route stands in its query's place."""
    server.quirks = Quirks(cannot_embed="poison")

    async def work(router, _):
        return [type(one) async for one in router.route_many(texts(5, {2}), POLICY)]

    kinds = run_with(short(tagger="local"), work)

    assert kinds == [Route, Route, ProviderRejectedError, Route, Route]


def test_whoever_wants_all_is_told_which_query_failed(server, short):
    """The sentence says which of them, since there are several, and does not repeat it."""
    server.quirks = Quirks(cannot_embed="poison")

    async def work(router, _):
        await router.gather_many(texts(5, {2}), Trace())

    with pytest.raises(ProviderError, match=r"^Query 3 of 5 could not be embedded\. The server"):
        run_with(short(tagger="local"), work)


def test_an_agent_that_cannot_be_embedded_is_named(server, short):
    """No route is made on the other agents alone."""
    server.quirks = Quirks(cannot_embed="Florist")

    with pytest.raises(ProviderError, match=r"texts could not be embedded, .* 'Florist: Binds"):
        routed(short(tagger="local"))


def test_vectors_that_change_their_length_end_in_a_sentence(server, configure):
    """Those of two replies are never compared; nothing is learned twice."""
    server.quirks = Quirks(width=24)

    async def work(router, _):
        await router.embedder.embed(["fresh bread"])
        server.quirks = Quirks(width=16)
        with pytest.raises(ProviderReplyError) as trouble:
            await router.embedder.embed(["an oven"])
        return str(trouble.value)

    assert run_with(configure(embedding_model="mine"), work, on_disk=False) == (
        "The model's vectors have 16 numbers where 24 were expected: set "
        "HANDOFF_OPENAI_DIMENSIONS=16."
    )


def test_a_batch_of_longer_vectors_than_expected_is_told_as_such(server, configure):
    """The wish for short vectors does not make an answer without end of the others' numbers."""
    server.quirks = Quirks(ignores_dimensions=True, lists=True)

    with pytest.raises(ProviderReplyError, match=r"have 1536 numbers where 8 were expected"):
        embedded(configure(dimensions=8, timeout_seconds=20, deadline_seconds=60), texts(200))


def test_rows_that_were_kept_are_not_mixed_with_those_of_another_length(server, configure):
    """The next process finds the agents' rows and a model that changed; the setting mends it."""
    settings = configure(embedding_model="mine", tagger="local")
    server.quirks = Quirks(width=24)
    routed(settings)
    server.quirks = Quirks(width=16)

    async def work(router, _):
        for query in ("Who has bread?", "Who has an oven?"):
            with pytest.raises(ProviderReplyError, match="HANDOFF_OPENAI_DIMENSIONS=16"):
                await router.decide(query, POLICY)

    run_with(settings, work)
    route = routed(configure(embedding_model="mine", tagger="local", dimensions=16))

    assert route.evidence.vector.shape == (16,)


def test_a_next_process_knows_the_rows_of_an_unknown_model(server, configure):
    """Nothing is embedded again, and the model's name for evidence stays the same."""
    settings = configure(embedding_model="mine", tagger="local")
    server.quirks = Quirks(width=24)
    before = routed(settings)
    server.clear()
    after = routed(settings)

    assert not server.requests
    assert after.evidence.embedder == before.evidence.embedder
    assert after.evidence.embedder.startswith("openai-mine-own-")
    assert np.array_equal(after.evidence.similarities, before.evidence.similarities)


@pytest.mark.parametrize("index", ["zero", "missing"])
def test_vectors_that_are_not_numbered_are_taken_in_order(server, short, index):
    """Where each has the number 0 or none, each text has its own vector all the same."""
    given = texts(3)
    server.quirks = Quirks(index=index)

    rows = embedded(short(), given)

    assert rows == pytest.approx(expected(given), abs=1e-6)


@pytest.mark.parametrize(
    "indices",
    [
        pytest.param(["0", "1", "2", "3"], id="digits"),
        pytest.param([1, 2, 3, 4], id="from 1"),
        pytest.param([64, 65, 66, 67], id="over batches"),
        pytest.param([2, 3, 0, 1], id="shuffled"),
        pytest.param(["3", "4", "1", "2"], id="shuffled digits from 1"),
        pytest.param([None, 1, 2, 3], id="no zero"),
        pytest.param([2, 3, None, 1], id="shuffled without zero"),
        pytest.param([0, 1, 0, 1], id="of parts"),
        pytest.param([7, 7, 9, -1], id="at random"),
        pytest.param([[], {}, "x", 0.5], id="of other kinds"),
        pytest.param(["9" * 5000, "1", "2", "3"], id="endless"),
    ],
)
def test_vectors_numbered_in_another_way_are_each_texts_own(short, monkeypatch, indices):
    """Numbers that are one run, from anywhere, tell the order; others tell none."""
    answer = answers.embeddings_reply
    is_shuffled = indices[0] in (2, "3")

    def renumbered(body, fault):
        whole = json.loads(answer(body, fault).body)
        if is_shuffled:
            whole["data"] = whole["data"][2:] + whole["data"][:2]
        for row, index in zip(whole["data"], indices, strict=True):
            row["index"] = index
            if index is None:
                del row["index"]
        return Reply((encoded(whole),))

    monkeypatch.setattr("fake_openai.server.embeddings_reply", renumbered)

    assert embedded(short(), texts(4)) == pytest.approx(expected(texts(4)), abs=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", [1e30, 1e39, 1e300])
def test_a_vector_of_immense_numbers_has_no_meaning(short, monkeypatch, number):
    """It fails alone, in a sentence of ours, and numpy says nothing of it."""
    answer = answers.embeddings_reply

    def immense(body, fault):
        whole = json.loads(answer(body, fault).body)
        whole["data"][-1]["embedding"] = [number] * 8
        return Reply((encoded(whole),))

    monkeypatch.setattr("fake_openai.server.embeddings_reply", immense)

    with pytest.raises(ProviderReplyError) as trouble:
        embedded(short(), texts(3))

    assert set(trouble.value.partly.reasons) == {2}
    assert trouble.value.partly.rows == pytest.approx(expected(texts(2)), abs=1e-6)


def test_a_server_that_fails_at_many_texts_is_asked_for_fewer(server, short):
    """No word says why; the limit is found and kept, and the breaker stays closed."""
    server.quirks = Quirks(most_texts=2, batch_status=500)

    async def work(router, connection):
        rows = await router.embedder.embed(texts(12))
        server.clear()
        await router.embedder.embed(texts(24)[12:])
        return rows, connection.breakers["embeddings"].state

    rows, state = run_with(short(), work, on_disk=False)

    assert rows == pytest.approx(expected(texts(12)), abs=1e-5)
    assert state is BreakerState.WORKING
    assert max(sizes(server)) <= 2


def test_a_server_that_is_down_is_tried_with_one_text_more(server, short):
    """An outage of a hundred texts is no hundred requests, and keeps its sentence."""
    server.fail("embeddings", "server_error", times=None)

    with pytest.raises(ProviderUnavailableError, match="failed with status 500"):
        embedded(short(), texts(100))

    assert sizes(server) == [100] * 3 + [1] * 2


def test_openais_own_failure_is_not_halved(server, at_openai):
    """It says why where it is asked too much; three attempts are all, as ever."""
    server.fail("embeddings", "server_error", times=None)

    with pytest.raises(ProviderUnavailableError, match="failed with status 500"):
        embedded(at_openai(timeout_seconds=20, deadline_seconds=60), texts(100))

    assert sizes(server) == [100] * 3


@pytest.mark.parametrize("odd", [0, 2])
@pytest.mark.parametrize("model", ["mine", "text-embedding-3-small"])
def test_a_vector_of_another_length_is_one_texts(server, configure, monkeypatch, odd, model):
    """Where others have the right length it fails alone, also before any length is known."""
    answer = answers.embeddings_reply

    def with_a_short_one(body, fault):
        whole = json.loads(answer(body, fault).body)
        whole["data"][odd]["embedding"] = [1.0, 2.0]
        return Reply((encoded(whole),))

    monkeypatch.setattr("fake_openai.server.embeddings_reply", with_a_short_one)

    with pytest.raises(ProviderReplyError, match="without meaning") as trouble:
        embedded(configure(embedding_model=model, timeout_seconds=20), texts(3))

    assert set(trouble.value.partly.reasons) == {odd}
    assert trouble.value.partly.rows.shape == (2, 1536)
    assert len(server.requests) == 1
