"""What of an answer is said aloud."""

import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st

from handoff.providers.openai.thinking import Spoken, without_thinking

PIECES = [
    "<think>",
    "</think>",
    "<THINK>",
    "<thi",
    "nk>",
    "</",
    "<think a=b",
    "</think ",
    ">",
    "<|START_RESPONSE|>",
    "[THINK]",
    "[/THINK]",
    " ",
    "a",
    "<",
]


def told(pieces, **known):
    """Return what was shown, what the answer is, and how it was heard."""
    spoken = Spoken(**known)
    shown = "".join([*map(spoken.hear, pieces), spoken.end()])
    return shown, spoken.text, spoken


@pytest.mark.parametrize(
    ("text", "aloud"),
    [
        pytest.param("Bread, at eight.", "Bread, at eight.", id="none"),
        pytest.param("<think>\nHm.\n</think>\n\nBread.", "Bread.", id="first"),
        pytest.param("<think>\n\n</think>\n\nBread.", "Bread.", id="empty"),
        pytest.param("Well, <think>hm</think>bread.", "Well, bread.", id="between"),
        pytest.param("<Thinking>Hm.</THINKING>Bread.", "Bread.", id="other letters"),
        pytest.param("[THINK]Hm.[/THINK]Bread.", "Bread.", id="square"),
        pytest.param("\u25c1think\u25b7Hm.\u25c1/think\u25b7Bread.", "Bread.", id="triangles"),
        pytest.param(
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>"
            "Bread.",
            "Bread.",
            id="channels",
        ),
        pytest.param("<|channel>thought\nHm.<channel|>Bread.", "Bread.", id="half channels"),
        pytest.param(
            "<|START_THINKING|>Hm.<|END_THINKING|>\n<|START_RESPONSE|>Bread.<|END_RESPONSE|>",
            "Bread.",
            id="response",
        ),
        pytest.param('<think type="x">Hm.</think >Bread.', "Bread.", id="attributes"),
        pytest.param("<think\n>Hm.</think\n>Bread.", "Bread.", id="blanks"),
        pytest.param("<thinker>Bread.</thinker>", "<thinker>Bread.</thinker>", id="another tag"),
        pytest.param("<think>a <think>b</think> c</think>Bread.", "Bread.", id="nested"),
        pytest.param("Hm, hm.</think>Bread.", "Bread.", id="never begun"),
        pytest.param("<think>Hm, and then", "", id="never ended"),
        pytest.param("1 < 2 and <b> and <thin", "1 < 2 and <b> and <thin", id="no mark"),
    ],
)
def test_thinking_is_no_part_of_an_answer(text, aloud):
    """However it is marked; whole and in single letters the answer is the same."""
    assert without_thinking(text).text == aloud
    assert told(text)[1] == aloud


@some
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.booleans(), st.data())
def test_where_an_answer_is_cut_into_pieces_does_not_matter(words, unannounced, data):
    """The same text in any pieces is the same answer."""
    text = "".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    whole, cut = told([text], unannounced=unannounced), told(pieces, unannounced=unannounced)

    assert whole[1] == cut[1]
    assert (whole[2].thought, whole[2].unannounced) == (cut[2].thought, cut[2].unannounced)


@some
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_what_was_shown_is_the_answer_unless_its_thinking_was_not_announced(words):
    """A person has read the answer when its last piece came."""
    shown, text, spoken = told(words)

    assert shown == text or spoken.unannounced


@some
@given(st.text("abc ", max_size=9), st.text("xyz", min_size=1, max_size=9), st.integers(1, 9))
def test_a_thinking_that_is_split_over_pieces_is_never_shown(thinking, answer, size):
    """Not a letter of it and not a part of its marks."""
    text = f"<think>{thinking}</think>{answer}"

    shown, _, spoken = told([text[at : at + size] for at in range(0, len(text), size)])

    assert shown == answer
    assert spoken.thought


def test_who_is_known_to_think_unannounced_is_held_back_until_that_ends():
    """Nothing is shown that the end of the thinking would take back."""
    shown, text, spoken = told(["Hm, ", "hm.</th", "ink>Br", "ead."], unannounced=True)

    assert shown == text == "Bread."
    assert spoken.unannounced


def test_who_did_not_think_this_time_is_heard_at_the_end():
    """An answer that was held back for nothing is shown whole."""
    shown, text, _ = told(["Bre", "ad."], unannounced=True)

    assert shown == text == "Bread."


def test_many_marks_are_passed_once():
    """Thousands of them, in pieces of three letters, leave what lies between."""
    text = "<think>a</think>b" * 2_000

    _, aloud, _ = told([text[at : at + 3] for at in range(0, len(text), 3)])

    assert aloud == "b" * 2_000
