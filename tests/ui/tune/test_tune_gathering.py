"""Gathering a set on the Tune page: it fails, is stopped, or costs."""

import pytest
import streamlit as st
from fake_openai import FakeOpenAI, Quirks
from ten_cases import buttons, cases_shown, figures, press, sentences

from handoff.core.errors import ProviderError
from handoff.router import Router
from handoff.workbench import Workbench


def many(count):
    """Return a file with so many cases, all different."""
    rows = [f"bread number {number},baker" for number in range(count)]
    return "\n".join(["query,expected", *rows, ""])


def test_a_part_that_fails_is_told_and_gathered_again(page, folder, monkeypatch):
    """The other parts are judged; `Go on` asks for what is missing only."""
    (folder / "cases.csv").write_text(many(250))
    batches = []
    real = Router.gather_many

    async def gather_many(self, queries, trace):
        batches.append(len(queries))
        if len(batches) == 2:
            raise ProviderError("The server is away: try again.")
        return await real(self, queries, trace)

    monkeypatch.setattr(Router, "gather_many", gather_many)
    page.run()
    told = sentences(page)
    failed = page.get("plotly_chart")[0].proto.alt
    press(page, "Go on")

    assert batches == [100, 100, 50, 100]
    assert "100 cases of 250 were not gathered" in told
    assert "100 cases could not be gathered: The server is away: try again." in told
    assert "100 failed." in failed
    assert "not gathered" not in sentences(page)
    assert "0 failed." in page.get("plotly_chart")[0].proto.alt
    assert len(cases_shown(page)) == 250


def test_a_provider_that_is_down_is_one_sentence(page, monkeypatch):
    """Where nothing was gathered the page says why, and offers to try again."""
    down = [True]
    real = Router.gather_many

    async def gather_many(self, queries, trace):
        if down[0]:
            raise ProviderError("The server is away: try again.")
        return await real(self, queries, trace)

    monkeypatch.setattr(Router, "gather_many", gather_many)
    page.run()
    told = [error.value.replace("\\", "") for error in page.error]
    down[0] = False
    press(page, "Go on")

    assert told == ["10 cases could not be gathered: The server is away: try again."]
    assert figures(page)["Accuracy"][0] == "50.0 %"


def test_a_stopped_run_keeps_what_it_has(page, folder, monkeypatch, asked):
    """Figures of what was gathered are shown, and `Go on` asks for the rest."""
    (folder / "cases.csv").write_text(many(250))
    real = Workbench.each

    def stop_after_one(bench, growing):
        for grown in real(bench, growing):
            yield grown
            st.session_state["set_stopped"] = grown.cases
            return

    monkeypatch.setattr(Workbench, "each", stop_after_one)
    page.run()
    told, judged = sentences(page), len(cases_shown(page))
    monkeypatch.setattr(Workbench, "each", real)
    page.slider(key="t").set_value(0.2).run()
    before_going_on = len(asked)
    press(page, "Go on")

    assert "150 cases of 250 were not gathered" in told
    assert judged == 100
    assert before_going_on == 1
    assert [len(batch) for batch in asked] == [100, 100, 50]
    assert len(cases_shown(page)) == 250


@pytest.fixture
def server(monkeypatch, folder):  # noqa: ARG001 - its settings are replaced
    """Run the server that speaks OpenAI's format, and let the page use it."""
    with FakeOpenAI() as running:
        monkeypatch.delenv("HANDOFF_EMBEDDER")
        monkeypatch.delenv("HANDOFF_TAGGER")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-SECRETKEY")
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("HANDOFF_OPENAI_TIMEOUT_SECONDS", "5")
        yield running
        st.cache_resource.clear()


def test_a_large_set_asks_before_it_costs(page, folder, server):
    """Nothing is sent before the visitor agreed; afterwards the set is gathered."""
    (folder / "cases.csv").write_text(many(201))
    page.run()
    before, told = len(server.requests), sentences(page)
    press(page, "Ask")

    assert before == 0
    assert "This asks the server of OPENAI_BASE_URL about 201 queries." in told
    assert len(server.requests) > 0
    assert len(cases_shown(page)) == 201
    assert "SECRETKEY" not in str(page)


def test_a_small_set_does_not_ask(page, folder, server):
    """Two hundred queries are gathered at once."""
    (folder / "cases.csv").write_text(many(200))
    page.run()

    assert "Ask" not in buttons(page)
    assert len(server.requests) > 0
    assert len(cases_shown(page)) == 200


def test_a_case_that_cannot_be_embedded_stands_aside(page, folder, server):
    """The others are judged, the page says why one is not, and so does the recommendation."""
    server.quirks = Quirks(cannot_embed="number 57", most_texts=32)
    (folder / "cases.csv").write_text(many(60))
    page.run()

    told = sentences(page)

    assert len(cases_shown(page)) == 59
    assert "1 case could not be gathered: The server of OPENAI_BASE_URL cannot embed" in told
    assert "1 case failed and had no say in this." in told
