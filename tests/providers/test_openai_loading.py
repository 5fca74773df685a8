"""A model that has to be loaded is waited for once, on a server that is not OpenAI's own."""

import pytest
from fake_openai import CHAT, EMBEDDINGS, Quirks
from openai_routes import QUERY, WHO, Clock, counted, extracted, routed, run_with

from handoff.core.errors import LoadingError, TimedOutError
from handoff.providers.openai.connection import OpenAIConnection
from handoff.providers.openai.prices import load_prices
from handoff.resilience.breaker import BreakerState
from handoff.resilience.spending import SpendingCap

QUERIES = [f"{QUERY} {number}" for number in range(9)]


@pytest.fixture
def patient(configure):
    """Return settings that give a first answer more time than any other one."""
    return configure(timeout_seconds=1, deadline_seconds=2, first_seconds=30)


def test_nine_queries_wait_for_one_that_waits_for_the_model(server, patient):
    """Not one request is given up and begun anew, though loading outlasts the time-out."""
    server.quirks = Quirks(loading_seconds=1.5)

    tags = extracted(patient, QUERIES)

    assert [set(each) for each in tags] == [{"bread", "wedding day"}] * 9
    assert counted(server) == {CHAT: 9}
    assert server.most_at_once[CHAT] <= 8


def test_both_models_are_loaded_at_the_same_time(server, patient):
    """A cold route asks three times, and once is waited for each model."""
    server.quirks = Quirks(loading_seconds=1.5)

    route = routed(patient)

    assert route.evidence.degraded == ()
    assert counted(server) == {CHAT: 1, EMBEDDINGS: 2}
    assert server.most_at_once == {CHAT: 1, EMBEDDINGS: 1}


def test_a_model_that_does_not_come_is_asked_once(server, configure):
    """Nine who waited are told the same, with the setting, after one request."""
    server.fail("chat", "hang", times=None)
    settings = configure(timeout_seconds=0.1, deadline_seconds=0.2, first_seconds=0.5)

    with pytest.raises(TimedOutError) as trouble:
        extracted(settings, QUERIES)

    assert str(trouble.value) == (
        f"{WHO} did not answer within 0.5 s, which is the time for loading a model: try again, or "
        "raise HANDOFF_OPENAI_FIRST_SECONDS."
    )
    assert counted(server) == {CHAT: 1}


class LoadingClock(Clock):
    """Has the server loaded when somebody slept long enough."""

    def __init__(self, server, seconds):
        super().__init__()
        self.server = server
        self.seconds = seconds

    async def sleep(self, seconds):
        """Let the time pass, and the model come."""
        await super().sleep(seconds)
        if self.now >= self.seconds:
            self.server.quirks = Quirks()


def loading(settings, server, seconds):
    """Return a connection to a server that says 503 for so long."""
    server.quirks = Quirks(loading_status=503)
    clock = LoadingClock(server, seconds)
    cap = SpendingCap(None, name="A test")
    return OpenAIConnection(settings.openai, load_prices(), cap, clock=clock, sleep=clock.sleep)


def test_a_server_that_says_that_it_is_loading_is_asked_every_second(server, patient):
    """And is no server that is down: its breaker stays as it is."""
    connection = loading(patient, server, 12)

    async def work(router, connection):
        tags = await router.tagger.extract(QUERIES)
        return tags, connection.breakers["chat"].state

    tags, state = run_with(patient, work, connection=connection)

    assert [set(each) for each in tags] == [{"bread", "wedding day"}] * 9
    assert counted(server) == {CHAT: 12 + 9}
    assert state is BreakerState.WORKING


def test_a_server_that_is_loading_for_ever_is_told(server, patient):
    """With its own words, after the time that a first answer has."""
    connection = loading(patient, server, 1_000)

    with pytest.raises(LoadingError) as trouble:
        extracted(patient, QUERIES, connection=connection)

    assert (
        str(trouble.value) == f"{WHO} is loading its model, “Loading model”: try again in a while."
    )
    assert 25 <= counted(server)[CHAT] <= 30


def test_openais_own_is_not_waited_for(server, at_openai):
    """All are asked at once, and none has more time than the settings say."""
    server.both_first = False

    async def work(router, connection):
        cold = connection.is_cold("chat"), connection.is_cold("embeddings")
        return cold, await router.tagger.extract(QUERIES)

    cold, _ = run_with(at_openai(first_seconds=30), work)

    assert cold == (False, False)
    assert counted(server) == {CHAT: 9}


def test_a_fault_of_the_first_answer_is_one_querys_alone(server, patient):
    """A refusal shows that the model is there, so the others ask for themselves."""
    server.fail("chat", "refusal")

    async def work(router, connection):
        assert connection.is_cold("chat")
        tags = await router.tagger.extract(QUERIES)
        return tags, connection.is_cold("chat")

    tags, cold = run_with(patient, work)

    assert tags.count(None) == 1
    assert not cold
