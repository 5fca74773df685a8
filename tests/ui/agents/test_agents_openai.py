"""The Agents page on a paid provider: what an edit asks for, and what is agreed to first."""

import pytest
from agents_page import cell, press, sentences, typed
from fake_openai import FakeOpenAI


@pytest.fixture
def upstream(monkeypatch):
    """Put the fake OpenAI server in the place of the embedded model."""
    with FakeOpenAI() as running:
        monkeypatch.delenv("HANDOFF_EMBEDDER")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-SECRETKEY")
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        yield running


def test_one_edit_is_one_request(page, upstream):
    """A description is one text to embed; looking again, and discarding, ask for nothing."""
    page.run()
    upstream.clear()
    typed(page, **cell(0, description="horseshoes and nails"))

    assert [request.path for request in upstream.requests] == ["/v1/embeddings"]
    assert upstream.requests[0].body["input"] == ["Baker: horseshoes and nails"]
    page.run()
    page.slider(key="t").set_value(0.5).run()
    press(page, "Discard")
    assert len(upstream.requests) == 1


def test_a_provider_that_fails_loses_no_edit(page, upstream):
    """The page says so, and another run tries again."""
    page.run()
    upstream.fail("embeddings", "unauthorized", times=1)
    typed(page, **cell(0, description="horseshoes and nails"))

    assert "refused the key" in sentences(page)
    assert "Not saved" in sentences(page)
    page.run()
    assert "accuracy" in sentences(page)


def test_many_new_agents_on_a_paid_provider_are_agreed_to_first(page, upstream):
    """Two hundred texts are more than an edit, and cost what the page says."""
    page.run()
    upstream.clear()
    typed(
        page,
        added_rows=[
            {"id": f"a{at}", "name": f"Agent {at}", "description": "does things", "tags": "iron"}
            for at in range(201)
        ],
    )

    assert "on the server of OPENAI_BASE_URL costs at most $" in sentences(page)
    assert not upstream.requests
    press(page, "Embed them")
    assert "Embedding" not in sentences(page)
    assert {request.path for request in upstream.requests} == {"/v1/embeddings"}


def test_a_large_registry_without_labels_is_agreed_to_first(page, folder, upstream):
    """The price comes with a button; once it was pressed the agents are compared."""
    rows = [f"a{at},Agent {at},does thing {at},iron" for at in range(201)]
    (folder / "agents.csv").write_text("\n".join(["id,name,description,tags", *rows]))
    (folder / "cases.csv").unlink()
    page.run()

    assert "on the server of OPENAI_BASE_URL costs at most $" in sentences(page)
    assert not upstream.requests
    press(page, "Embed them")
    assert not page.exception
    assert any("as they are saved" in each.value for each in page.subheader)
    assert upstream.requests


def test_explaining_on_a_paid_provider_is_asked_for(page, upstream):
    """The cost stands there first, and nothing is embedded until the button is pressed."""
    page.session_state["agents_detail"] = "Why this agent"
    page.run()
    page.selectbox(key="why_query").set_value("bread from the oven please").run()
    upstream.clear()
    page.run()

    assert "texts on the server of OPENAI_BASE_URL in one batch: at most $0.0000" in sentences(page)
    assert not upstream.requests
    press(page, "Explain")
    assert "Baker scores" in sentences(page)
