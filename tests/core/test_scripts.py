"""Scripts: which letters a text is in, and when nobody knows them."""

# ruff: noqa: RUF001 - letters that look like others are the point

import csv
import unicodedata

import pytest
from given import some
from hypothesis import example, given
from hypothesis import strategies as st

from handoff.core.model import Agent, Example, Registry
from handoff.core.scripts import count_scripts, scripts_in_use, unknown_script

LATIN = frozenset({"Latin"})
GREEK = "Πώς αλλάζω τον κωδικό μου;"
# Lone surrogates too: what comes from a file may hold any character.
anything = st.text(st.characters(codec=None, categories=None))
LETTERS = "aZéßŁğ" + "яЖ" + "αΩ" + "شع" + "कर" + "中文" + "のひ" + "カー" + "한글" + "ไทย" + "אב"


@pytest.mark.parametrize(
    ("text", "script"),
    [
        pytest.param("Как сбросить пароль?", "Cyrillic", id="Russian"),
        pytest.param(GREEK, "Greek", id="Greek"),
        pytest.param("كيف أعيد تعيين كلمة المرور؟", "Arabic", id="Arabic"),
        pytest.param("मैं अपना पासवर्ड कैसे बदलूँ?", "Devanagari", id="Hindi"),
        pytest.param("如何重置我的密码？", "Han", id="Chinese"),
        pytest.param("パスワードをリセットしたい", "Katakana", id="Japanese"),
        pytest.param("비밀번호를 어떻게 바꾸나요?", "Hangul", id="Korean"),
        pytest.param("ลืมรหัสผ่าน", "Thai", id="Thai"),
        pytest.param("שכחתי את הסיסמה", "Hebrew", id="Hebrew"),
        pytest.param("人々", "Han", id="an iteration mark"),
        pytest.param("ﾊﾟｽﾜｰﾄﾞ", "Katakana", id="half width"),
    ],
)
def test_a_text_in_letters_that_nobody_knows_is_told_by_its_script(text, script):
    """The script is called as Unicode calls it, and Chinese characters are Han."""
    assert unknown_script(text, LATIN) == script


def test_everyday_queries_are_told_by_their_language(root):
    """Of twelve languages six are in Latin letters; no query is in doubt, whatever it borrows."""
    with (root / "benchmarks" / "languages.csv").open(encoding="utf-8", newline="") as file:
        found = {
            (row["language"], unknown_script(row["query"], LATIN) is not None)
            for row in csv.DictReader(file)
        }

    latin = {"English", "German", "French", "Spanish", "Polish", "Turkish"}
    others = {"Russian", "Greek", "Arabic", "Hindi", "Chinese", "Japanese"}
    assert found == {(name, False) for name in latin} | {(name, True) for name in others}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Wie ändere ich mein Paßwort? Żółć, ığdır, œuvre", id="accents"),
        pytest.param("ｆｕｌｌ ｗｉｄｔｈ", id="full width"),
        pytest.param("𝐛𝐨𝐥𝐝 𝒔𝒄𝒓𝒊𝒑𝒕", id="bold"),
        pytest.param("１２３ €£ …؟。", id="digits and punctuation"),
        pytest.param("🙏🏽🔥👩‍💻", id="emoji"),
        pytest.param("́̈", id="marks without a letter"),
        pytest.param("\ud800\udfff", id="lone surrogates"),
        pytest.param("", id="nothing"),
        pytest.param("Is μ or σ wrong in the αβ test?", id="a few Greek letters"),
        pytest.param("ab αβ", id="half of the letters"),
    ],
)
def test_a_text_without_a_majority_of_unknown_letters_keeps_its_usual_way(text):
    """What is no letter counts for nothing, and half is not most."""
    assert unknown_script(text, LATIN) is None


def test_one_letter_more_than_half_is_most():
    """The share is exact."""
    assert unknown_script("ab αβγ 123456", LATIN) == "Greek"


def test_letters_of_several_unknown_scripts_count_together():
    """Neither of the two alone is most of it; the one with more letters is named."""
    assert unknown_script("abcd αβγ жд", LATIN) == "Greek"


def test_an_embedder_may_know_every_script():
    """Nothing changes for it."""
    assert unknown_script(GREEK, None) is None


def test_what_the_registry_is_written_in_is_known():
    """A Greek registry keeps its Greek queries, and gains no Arabic ones."""
    greek = Registry((Agent("a", "Λογιστήριο", "Τιμολόγια και επιστροφές χρημάτων."),))

    assert greek.scripts == {"Greek"}
    assert unknown_script(GREEK, LATIN, greek.scripts) is None
    assert unknown_script("كيف", LATIN, greek.scripts) == "Arabic"


def test_a_few_letters_do_not_make_a_script_known():
    """Three in a hundred do; examples count as the agents' texts do."""
    agents = (Agent("a", "Ab", "x" * 95),)

    assert Registry(agents, (Example("αβ", "a"),)).scripts == {"Latin"}
    assert Registry(agents, (Example("αβγ", "a"),)).scripts == {"Latin", "Greek"}


def test_a_registry_without_letters_has_no_script():
    """Nor has no text at all."""
    assert Registry((Agent("1", "1", "2"),)).scripts == frozenset()
    assert scripts_in_use([]) == frozenset()


@some
@given(text=anything, known=st.one_of(st.none(), st.sampled_from([LATIN, frozenset({"Greek"})])))
@example(text="".join(map(chr, range(0xD7F0, 0xE010))), known=LATIN)
def test_any_text_has_an_answer(text, known):
    """A script that the text holds and nobody knows, or none; nothing is raised."""
    found = unknown_script(text, known)

    assert found is None or (known is not None and found not in known)
    assert found is None or count_scripts([text])[found] > 0


@some
@given(text=st.text(st.characters(codec="ascii")), known=st.sampled_from([LATIN, frozenset()]))
def test_ascii_is_never_unknown(text, known):
    """Whatever an embedder says that it knows."""
    assert unknown_script(text, known) is None


@some
@given(text=anything)
def test_counting_is_counting_letter_by_letter(text):
    """The shorter ways come to the same; a letter counts once, anything else never."""
    counts = count_scripts([text])

    assert counts == sum((count_scripts([letter]) for letter in text), start=counts - counts)
    assert counts.total() <= sum(letter.isalpha() for letter in text)
    assert all(count >= 0 for count in counts.values())


@some
@given(texts=st.lists(st.text(st.sampled_from(LETTERS)), min_size=1))
def test_counting_texts_is_counting_all_their_letters(texts):
    """Where the texts part makes no difference, and every letter of a living script counts."""
    counts = count_scripts(texts)

    assert counts == count_scripts(["".join(texts)])
    assert counts.total() == len("".join(texts))


def test_the_names_of_letters_are_asked_for_once_each(monkeypatch):
    """A long text costs no more of them than a short one: the rest is counting."""
    asked = []
    name = unicodedata.name
    monkeypatch.setattr(unicodedata, "name", lambda *of: asked.append(of) or name(*of))

    unknown_script("ώψχ" * 1_300, LATIN)

    assert len(asked) <= len("ώψχ")
