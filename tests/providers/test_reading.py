"""Tags out of replies, however they are written down."""

import json
from functools import partial

import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st

from handoff.providers.openai.reading import Reading, read_tags

VOCABULARY = ("billing", "web search", "sales", "credit_card", "c++", "c#", "spare parts, used")

BOTH = ("billing", "web search")


def fenced(text, word="json"):
    """Return a text in a fence."""
    return f"```{word}\n{text}\n```"


LIST = '["billing", "web search"]'

OBJECT = '{"tags": ["billing", "web search"]}'


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(OBJECT, id="as asked"),
        pytest.param(fenced(OBJECT), id="fence"),
        pytest.param(fenced(OBJECT, ""), id="bare fence"),
        pytest.param(f"```json\n{OBJECT}", id="fence without end"),
        pytest.param(f"Here you are:\n\n{fenced(OBJECT)}\n\nAnything else?", id="fence in prose"),
        pytest.param(f"I think of {OBJECT}, since it is [an] invoice.", id="prose"),
        pytest.param(f"(See [1 and {OBJECT})", id="bracket left open"),
        pytest.param(f"[1] says so: {OBJECT}", id="footnote"),
        pytest.param('{"Tags": ["Billing", "WEB SEARCH"]}', id="capitals"),
        pytest.param('{"tags": ["#billing", "web_search"]}', id="other joins"),
        pytest.param('{"tags": ["billing", "web-search", "invoices"]}', id="stranger"),
        pytest.param(LIST, id="bare list"),
        pytest.param('[["billing"], ["web search"]]', id="list of lists"),
        pytest.param('{"tags": {"billing": true, "web search": 0.7, "sales": 0}}', id="yes and no"),
        pytest.param('{"billing": "yes", "web search": "yes", "sales": "no"}', id="bare yes"),
        pytest.param('{"tags": [{"name": "billing"}, {"name": "web search"}]}', id="names"),
        pytest.param('[{"tag": "billing", "id": 1}, {"tag": "web search"}]', id="tag objects"),
        pytest.param('{"tags": "billing, web search"}', id="text where a list was asked"),
        pytest.param(f'{{"result": {OBJECT}}}', id="object in an object"),
        pytest.param(f'{{"answer": {LIST}}}', id="another name"),
        pytest.param(json.dumps(OBJECT), id="text of JSON"),
        pytest.param("{'tags': ['billing', 'web search']}", id="single quotes"),
        pytest.param('{"tags": ["billing", "web search",]}', id="comma too many"),
        pytest.param('{"tags": ["billing", "web search"] // both\n}', id="comment"),
        pytest.param('{"tags": ["billing", "web search"', id="brackets left open"),
        pytest.param('{"tags": []} or rather {"tags": ["billing", "web search"]}', id="second"),
        pytest.param("billing, web search", id="commas"),
        pytest.param("Tags: Billing, Web Search.", id="named commas"),
        pytest.param("1. **billing**\n2. `web search`", id="numbered"),
        pytest.param("These fit:\n- billing\n- web search\n\nAs it is an invoice.", id="bullets"),
        pytest.param("\ufeff" + OBJECT, id="byte order mark"),
        pytest.param('{"tags": ["billing", "billing", "web search", "Billing"]}', id="twice"),
    ],
)
def test_the_tags_are_found_wherever_they_stand(reply):
    """In the reply's order, each once."""
    assert read_tags(reply, VOCABULARY).tags == BOTH


@pytest.mark.parametrize(
    "reply",
    [
        '{"tags": []}',
        "[]",
        "{}",
        '{"tags": null}',
        '{"tags": ["none"]}',
        '{"tags": "None"}',
        "None.",
        fenced("[]"),
        '{"billing": false, "sales": 0}',
    ],
)
def test_no_tag_is_an_answer(reply):
    """It says that none fits."""
    assert read_tags(reply, VOCABULARY) == Reading(())


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Happy to help: it is about an invoice.",
        "Of billing, sales and the others I would take the first.",
        "The tags billing, sales, web search are what I may choose from.",
        '{"type": "object", "properties": {"tags": {"items": {"enum": ["billing"]}}}}',
        "[1]",
        "It is an [unpaid] invoice.",
        "It is an invoice (see [1 and {2).",
        "{]}[",
        "<html><body>Sign in</body></html>",
    ],
)
def test_what_is_no_answer_is_not_read_as_one(reply):
    """Not even where a tag's word stands in it, and not as an answer that no tag fits."""
    reading = read_tags(reply, VOCABULARY)

    assert reading is None or (not reading.tags and reading.strangers)


def test_a_name_that_no_agent_carries_is_a_stranger():
    """It is counted, so that nothing but strangers is not taken for none."""
    assert read_tags('{"tags": ["invoices", "refunds"]}', VOCABULARY) == Reading((), 2)


def test_never_more_than_five_are_taken():
    """The first five of the reply."""
    many = tuple(f"tag {number}" for number in range(9))

    assert read_tags(json.dumps({"tags": many}), many).tags == many[:5]
    assert read_tags("\n".join(many), many).tags == many[:5]


MANY = tuple(f"tag {number:02}" for number in range(20))


@pytest.mark.parametrize("write", [json.dumps, "\n".join, partial(json.dumps, indent=1)])
@pytest.mark.parametrize("said", [MANY, MANY[::-1], MANY[:12]], ids=["all", "backwards", "cut"])
def test_the_vocabulary_said_again_is_no_choice(write, said):
    """Neither its first five nor an answer that none fits; what is chosen behind it is."""
    reply = write(said)

    assert read_tags(reply, MANY) is None
    assert read_tags(f'{reply}\n{{"tags": ["tag 07"]}}', MANY).tags == ("tag 07",)


def test_many_tags_that_are_chosen_are_not_the_vocabulary_said_again():
    """Twelve of twenty in an order of their own: the first five are taken."""
    assert read_tags(json.dumps(MANY[12:0:-1]), MANY).tags == MANY[12:7:-1]


def test_tags_that_differ_by_a_join_alone_are_written_as_they_are():
    """A third form is neither."""
    twins = ("on call", "on-call")

    assert read_tags('["on-call"]', twins).tags == ("on-call",)
    assert read_tags('["on_call"]', twins).tags == ()


def test_signs_that_belong_to_a_tag_stay():
    """And a comma may be one of them."""
    reply = '["C#", "C++", "Spare parts, used", "C"]'

    assert read_tags(reply, VOCABULARY).tags == ("c#", "c++", "spare parts, used")


PARTS = st.sampled_from(
    [
        '"',
        "'",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\\",
        "\n",
        "```",
        "tags",
        "billing",
        "sales",
        "1",
        " ",
    ]
)


@some
@given(st.lists(PARTS, max_size=25).map("".join) | st.text(max_size=15))
def test_whatever_a_reply_is_its_tags_are_of_the_vocabulary(reply):
    """At most five, each once, and nothing is raised."""
    reading = read_tags(reply, VOCABULARY)

    tags = () if reading is None else reading.tags
    assert set(tags) <= set(VOCABULARY)
    assert len(tags) == len(set(tags)) <= 5


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.sampled_from(VOCABULARY) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["tags", "name", "enum", *VOCABULARY]), inner, max_size=4)
    ),
    max_leaves=20,
)


@some
@given(JSON)
def test_whatever_json_a_reply_is_its_tags_are_of_the_vocabulary(value):
    """As above, for what parses."""
    reading = read_tags(json.dumps(value), VOCABULARY)

    assert set(() if reading is None else reading.tags) <= set(VOCABULARY)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param("`" * 4_000_000, id="fence"),
        pytest.param("```json\n" * 500_000, id="fences"),
        pytest.param("[" * 4_000_000, id="lists"),
        pytest.param('{"a":' * 800_000, id="objects"),
        pytest.param("[" * 30_000 + "]" * 30_000, id="deep"),
        pytest.param("[]" * 2_000_000, id="empty lists"),
        pytest.param('["' * 2_000_000, id="quotes"),
        pytest.param("\"'" * 2_000_000, id="both quotes"),
        pytest.param("\\" * 4_000_000, id="backslashes"),
        pytest.param('["\\' * 1_000_000, id="escapes"),
        pytest.param("\n" * 4_000_000 + "x", id="lines"),
        pytest.param("x\n" * 2_000_000, id="short lines"),
        pytest.param(f'["{"9" * 100_000}", {"9" * 10_000}]', id="digits"),
        pytest.param(json.dumps({"tags": [f"no {n}" for n in range(10_000)]}), id="strangers"),
    ],
)
def test_a_hostile_reply_is_read_to_its_bound(reply):
    """No recursion, no square of its length: the test ends."""
    reading = read_tags(reply, VOCABULARY)

    assert reading is None or reading.tags == ()


def test_of_ten_thousand_tags_five_are_taken():
    """Whatever the length of the list."""
    reply = json.dumps({"tags": [{"name": VOCABULARY[n % 7]} for n in range(10_000)]})

    assert read_tags(reply, VOCABULARY).tags == VOCABULARY[:5]
