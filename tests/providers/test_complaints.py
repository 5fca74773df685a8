"""What is quoted of a server's own words."""

import json

import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st

from handoff.providers.openai.complaints import quote_complaint

KEY = "sk-test-SECRETKEY123"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"error": {"message": "No such field.", "code": None}}, id="OpenAI"),
        pytest.param({"error": "No such field"}, id="Ollama"),
        pytest.param({"detail": [{"loc": ["body", "x"], "msg": "No such field"}]}, id="pydantic"),
        pytest.param([{"error": {"code": 400, "message": "No such field"}}], id="Google"),
        pytest.param({"object": "error", "message": "No such field", "code": 400}, id="vLLM"),
        pytest.param({"message": {"detail": "No such\n  field."}}, id="nested"),
    ],
)
def test_a_message_is_found_in_every_shape(said):
    """In one line, without its full stop."""
    assert quote_complaint(json.dumps(said)) == "\u201cNo such field\u201d"


def test_plain_text_is_a_message():
    """As Go's own servers put it."""
    assert quote_complaint("404 page not found\n") == "\u201c404 page not found\u201d"


@pytest.mark.parametrize(
    "said", ["", "  ", "<html><body>Sign in</body></html>", "{}", '{"error": null}', '{"error": {']
)
def test_what_says_nothing_in_words_is_not_quoted(said):
    """Neither a page nor half an object."""
    assert quote_complaint(said) == ""


@pytest.mark.parametrize(
    "said",
    [
        f"Incorrect API key provided: {KEY}.",
        "Incorrect API key provided: sk-te***********Y123.",
        "No such host: http://me:hunter2SECRET@example.invalid/v1",
        "Got 'Authorization: Bearer SECRETKEY123'",
        f"{'x' * 195}{KEY}",
    ],
)
def test_a_secret_is_cut_out(said):
    """The key, what looks like a key, and the password in an address."""
    quoted = quote_complaint(json.dumps({"error": {"message": said}}), (KEY,))

    assert "SECRET" not in quoted
    assert "Y123" not in quoted
    assert "\u2026" in quoted


@some
@given(st.text(max_size=20), st.sampled_from(["{}", '{{"error": "{}"}}', "[[{}]]"]))
def test_a_quotation_is_one_short_line(text, form):
    """Whatever a server says, nothing in it breaks a line or steers a terminal."""
    quoted = quote_complaint(form.replace("{}", text * 50))

    assert quoted.isprintable()
    assert len(quoted) <= 202
