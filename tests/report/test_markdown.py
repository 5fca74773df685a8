"""Untrusted text in Markdown: it reads as it stands, and nothing in it comes alive."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.report.markdown import plain

JOINER = "\u2060"
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
PUNCTUATION = [chr(code) for code in range(33, 127) if not chr(code).isalnum()]


def read(markdown):
    """Return what a reader sees: escapes resolved, joiners unseen."""
    return ESCAPED.sub(r"\1", markdown).replace(JOINER, "")


@pytest.mark.parametrize("sign", PUNCTUATION)
def test_every_sign_that_could_be_markup_is_escaped(sign):
    """A backslash stands before it, and it is read as itself."""
    assert plain(f"a{sign}b").startswith(f"a\\{sign}")
    assert read(plain(f"a{sign}b")) == f"a{sign}b"


@pytest.mark.parametrize(
    "text", ["", "plain words", "Zürich 東京 😀", "12 of 34", "two  spaces", "non\u00a0breaking"]
)
def test_a_text_without_markup_stays_as_it_is(text):
    """Letters, digits and spaces need no escape."""
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("**b**", r"\*\*b\*\*", id="bold"),
        pytest.param("a|b", r"a\|b", id="a cell's end"),
        pytest.param("`x`", r"\`x\`", id="code"),
        pytest.param("<b>", r"\<b\>", id="a tag"),
        pytest.param("[a](b)", r"\[a\]\(b\)", id="a link"),
        pytest.param("![a](b)", r"\!\[a\]\(b\)", id="a picture"),
        pytest.param("&lt;", r"\&lt\;", id="an entity"),
        pytest.param("$x$", r"\$x\$", id="a formula"),
        pytest.param("~~x~~", r"\~\~x\~\~", id="struck through"),
        pytest.param("# x", r"\# x", id="a heading"),
        pytest.param("1. x", r"1\. x", id="a list"),
        pytest.param("- x", r"\- x", id="a bullet"),
        pytest.param("> x", r"\> x", id="a quotation"),
        pytest.param("\\", r"\\", id="a backslash"),
        pytest.param("\\|", r"\\\|", id="an escape"),
    ],
)
def test_markup_is_text(text, shown):
    """Each construct loses its meaning and keeps its looks."""
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("text", "live"),
    [
        pytest.param("https://example.com", "://", id="an address"),
        pytest.param("FTP://example.com", "://", id="an address in capitals"),
        pytest.param("www.example.com", "www.", id="a bare address"),
        pytest.param("WWW.example.com", "WWW.", id="a bare address in capitals"),
        pytest.param("someone@example.com", "@example", id="an e-mail address"),
        pytest.param("thanks @someone", "@someone", id="a mention"),
        pytest.param("mailto:a@b.example", "@b", id="a mail link"),
        pytest.param(":smile:", ":smile", id="a named sign"),
        pytest.param(":material/home:", ":material", id="a named icon"),
        pytest.param(":+1:", ":+1", id="a thumb"),
        pytest.param("#12", "#12", id="an issue"),
        pytest.param("someone/thing#12", "#12", id="an issue of another repository"),
        pytest.param("GH-12", "GH-12", id="an issue by its short name"),
        pytest.param("see gh-12", "gh-12", id="the short name in small letters"),
    ],
)
def test_what_lives_even_when_escaped_is_broken(text, live):
    """A joiner that is not seen stands in it; a reader still reads the same."""
    shown = ESCAPED.sub(r"\1", plain(text))

    assert live in text
    assert live not in shown
    assert read(plain(text)) == text


@pytest.mark.parametrize("text", ["# 12", "#general", "high-12", "GH-x", "12#"])
def test_what_only_resembles_an_issue_is_left_whole(text):
    """Nothing is put where GitHub links nothing."""
    assert JOINER not in plain(text)


@settings(max_examples=300)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters=JOINER), max_size=60))
def test_nothing_is_lost(text):
    """Whatever a text holds, a reader sees it as it stood."""
    assert read(plain(text)) == text


@settings(max_examples=300)
@given(text=st.text("ab:/@w.|`<>[]()!\\*_#&+-1 ", max_size=40))
def test_no_sign_is_left_alone(text):
    """Every sign has its own backslash, and no backslash belongs to another one."""
    rest = ESCAPED.sub("", plain(text))

    assert not any(sign in rest for sign in PUNCTUATION)
