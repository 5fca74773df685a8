"""What the fuzzers put into files: a valid file with random edits, and what those are made of."""

import random

import hypothesis
from hypothesis import strategies as st

TOKENS = (
    *(
        "",
        "\n",
        "\r",
        "\r\n",
        ",",
        ";",
        "\t",
        '"',
        '""',
        "'",
        " ",
        "\\",
        "=",
        "[",
        "]",
        "{",
        "}",
        ":",
    ),
    *("\0", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "\u2028", "\x85", "\ud800", "é", "漢", "😀"),
    *("0", "-1", "1e999", "-1e999", "nan", "NaN", "Infinity", "-Infinity", "9" * 400, "0x1", "1_0"),
    *("true", "null", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", '"\\ud800"'),
    *("x" * 81, "x" * 2_001, "x" * 20_001, "[" * 2_000, "query", "expected", "id", "threshold"),
)


def edited(*valid):
    """Return a strategy for the bytes of one of some valid texts after up to six random edits.

    All edits of an input follow from one number: drawing each of them takes ten times as long.
    """
    return st.integers(0, 2**32).map(lambda seed: _edited(random.Random(seed), valid))  # noqa: S311


def _edited(rng, valid):
    text = rng.choice(valid)
    for _ in range(rng.choice([0, 1, 1, 2, 3, 6])):
        at = rng.randint(0, len(text))
        until = min(len(text), at + rng.choice([0, 0, 1, 2, 10, 100]))
        text = text[:at] + rng.choice([rng.choice(TOKENS), text[at:until] * 2]) + text[until:]
    data = text.encode("utf-8", "surrogatepass")
    begin = rng.choice([b""] * 9 + [b"\xff", b"PK\x03\x04", b"\xff\xfe"])
    return begin + data[: rng.choice([len(data), len(data), len(data), rng.randint(0, len(data))])]


def inputs(number):
    """Return settings that try so many inputs, the same ones in every run."""
    return hypothesis.settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


def read_or_told(error, read):
    """Return what is read, or None where the complaint of this type is one sentence with a mend."""
    try:
        return read()
    except error as told:
        if not is_one_sentence(str(told)):
            raise AssertionError(str(told)) from None
        return None


def is_one_sentence(text):
    """Tell whether a text is one printable line of bearable length that ends as a sentence does."""
    return text.isprintable() and text.endswith(".") and 10 < len(text) < 600
