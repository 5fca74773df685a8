"""What tokens cost: the shipped table, and a user's own in front of it."""

import pytest

from handoff.core.errors import SettingsError
from handoff.providers.openai.prices import Price, load_prices

NO_TABLE = (
    "mine.toml is no price table: give each model input and output in USD for a million tokens."
)
NEGATIVE = "mine.toml: a price must be at least 0."


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a price table and returns its path."""

    def write(text):
        path = tmp_path / "mine.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("model", "price"),
    [
        pytest.param("gpt-4o-mini", Price(0.15, 0.60), id="chat"),
        pytest.param("text-embedding-3-small", Price(0.02, 0.0), id="small embeddings"),
        pytest.param("text-embedding-3-large", Price(0.13, 0.0), id="large embeddings"),
    ],
)
def test_the_shipped_table_prices_the_default_models(model, price):
    """Both models that are asked without further settings have a price."""
    assert load_prices()[model] == price


def test_an_unknown_model_has_no_price():
    """No price is guessed for a model that the table does not name."""
    assert "some-model-of-mine" not in load_prices()


@pytest.mark.parametrize(
    ("tokens", "cost"),
    [
        pytest.param((0, 0), 0.0, id="nothing"),
        pytest.param((1_000_000, 0), 0.15, id="a million in"),
        pytest.param((0, 1_000_000), 0.60, id="a million out"),
        pytest.param((200, 10), 36e-6, id="a query"),
    ],
)
def test_a_price_counts_tokens_in_and_out(tokens, cost):
    """The cost is the sum of both sides, each at its rate for a million."""
    assert Price(0.15, 0.60).cost_usd(*tokens) == pytest.approx(cost)


def test_an_override_comes_before_the_shipped_rows(table):
    """A model of the override has the override's price, and the others keep theirs."""
    path = table('["gpt-4o-mini"]\ninput = 7\noutput = 8.5\n')

    prices = load_prices(path)

    assert prices["gpt-4o-mini"] == Price(7.0, 8.5)
    assert prices["text-embedding-3-small"] == load_prices()["text-embedding-3-small"]


def test_an_override_can_add_a_model(table):
    """A model that the shipped table lacks gets its price from the override."""
    prices = load_prices(table("[mine]\ninput = 0\noutput = 0\n"))

    assert prices["mine"] == Price(0.0, 0.0)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("# nothing yet\n", id="comment"),
    ],
)
def test_an_override_without_rows_changes_nothing(table, text):
    """An override may be empty."""
    assert load_prices(table(text)) == load_prices()


def test_a_table_may_begin_with_a_byte_order_mark(table):
    """Windows editors put one there."""
    prices = load_prices(table(b"\xef\xbb\xbf[mine]\ninput = 1\noutput = 2\n"))

    assert prices["mine"] == Price(1.0, 2.0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("input = ", NO_TABLE, id="no TOML"),
        pytest.param(b"\xff\xfe", NO_TABLE, id="no UTF-8"),
        pytest.param("mine = 3\n", NO_TABLE, id="a number for a row"),
        pytest.param('mine = "3"\n', NO_TABLE, id="a text for a row"),
        pytest.param("[[mine]]\ninput = 1\noutput = 1\n", NO_TABLE, id="a list of rows"),
        pytest.param("[mine]\ninput = 1\n", NO_TABLE, id="no output"),
        pytest.param("[mine]\noutput = 1\n", NO_TABLE, id="no input"),
        pytest.param("[gpt-5.5]\ninput = 1\noutput = 1\n", NO_TABLE, id="a dot without quotes"),
        pytest.param('[mine]\ninput = "cheap"\noutput = 1\n', NO_TABLE, id="a word"),
        pytest.param("[mine]\ninput = [1]\noutput = 1\n", NO_TABLE, id="a list"),
        pytest.param("[mine]\ninput = 2026-11-22\noutput = 1\n", NO_TABLE, id="a date"),
        pytest.param("[mine]\ninput = -1\noutput = 1\n", NEGATIVE, id="negative input"),
        pytest.param("[mine]\ninput = 1\noutput = -0.01\n", NEGATIVE, id="negative output"),
        pytest.param("[mine]\ninput = nan\noutput = 1\n", NEGATIVE, id="not a number"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_one_sentence(table, text, sentence):
    """The sentence names the file and what a row must hold."""
    with pytest.raises(SettingsError) as complaint:
        load_prices(table(text))

    assert str(complaint.value) == sentence


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("inf", id="infinite"),
        pytest.param("9" * 400, id="beyond every float"),
        pytest.param("true", id="true"),
    ],
)
def test_a_price_that_no_money_can_pay_is_refused(table, value):
    """A price is a finite number, or the cost of a call could not be counted."""
    path = table(f"[mine]\ninput = {value}\noutput = 1\n")

    with pytest.raises(SettingsError, match=r"^mine\.toml"):
        load_prices(path)


@pytest.mark.parametrize(
    "kind", [pytest.param("none", id="missing"), pytest.param("dir", id="dir")]
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, kind):
    """A path to nothing, or to a folder, gives the same sentence."""
    path = tmp_path / "mine.toml"
    if kind == "dir":
        path.mkdir()

    with pytest.raises(SettingsError) as complaint:
        load_prices(path)

    assert str(complaint.value) == NO_TABLE
