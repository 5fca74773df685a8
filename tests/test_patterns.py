"""Regular expressions meet texts from outside: none takes time that grows with their square."""

import ast
import importlib
import itertools
import re
from pathlib import Path

import pytest
from pattern_steps import Matcher

ROOT = Path(__file__).resolve().parents[1]
SHORT = 30
MOST_GROWTH = 2.5
"""Twice as long a text takes twice as many steps; where time grows with the square, four times."""

OF_TEXTS = "a1 .,:;+-/#&'\"_=\n\t"
BEFORE, BEHIND = ("", ":"), ("", "a", "!")


def modules():
    """Yield each module of the package that uses `re`, as its name and its syntax."""
    for path in sorted((ROOT / "handoff").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(each, ast.Import) and each.names[0].name == "re" for each in tree.body):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), tree


def patterns():
    """Yield every compiled pattern of the package with its name, those of fields among them."""
    for name, _ in modules():
        module = importlib.import_module(name.removesuffix(".__init__"))
        for given, value in vars(module).items():
            for held in itertools.chain.from_iterable(
                each if isinstance(each, tuple) else [each]
                for each in (value if isinstance(value, tuple) else [value])
            ):
                found = getattr(held, "naming", held)
                if isinstance(found, re.Pattern):
                    yield pytest.param(found, id=f"{name}.{given} {found.pattern[:30]!a}")


def texts(length):
    """Yield texts that repeat one or two characters, with something else at either end."""
    units = [*OF_TEXTS, *map("".join, itertools.permutations("a1 .:+", 2))]
    for unit, before, behind in itertools.product(units, BEFORE, BEHIND):
        yield before + (unit * length)[:length] + behind


def steepest(pattern):
    """Return by how much the steps grow at most where a text is twice as long, and the text."""
    matcher = Matcher(pattern)
    worst = (0.0, "")
    for short, long in zip(texts(SHORT), texts(2 * SHORT), strict=True):
        matcher.spans(short)
        before = matcher.steps
        matcher.spans(long)
        worst = max(worst, (matcher.steps / before, short))
        if worst[0] > MOST_GROWTH:
            break
    return worst


def test_patterns_are_compiled_where_they_are_found():
    """A pattern inside a call would escape these tests."""
    loose = [
        f"{name}:{each.lineno}"
        for name, tree in modules()
        for each in ast.walk(tree)
        if isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and isinstance(each.func.value, ast.Name)
        and each.func.value.id == "re"
        and each.func.attr not in {"compile", "escape"}
    ]

    assert loose == []
    assert len(list(patterns())) > 15


@pytest.mark.slow
@pytest.mark.parametrize("pattern", [*patterns()])
def test_steps_grow_with_the_text_and_not_with_its_square(pattern):
    """Whatever is repeated in a text, twice of it takes about twice the steps."""
    growth, text = steepest(pattern)

    assert growth < MOST_GROWTH, text


@pytest.mark.slow
@pytest.mark.parametrize("pattern", [*patterns()])
def test_the_steps_are_those_of_the_pattern(pattern):
    """The matcher that counts finds exactly what `re` finds."""
    matcher = Matcher(pattern)

    for text in texts(7):
        assert matcher.spans(text) == [found.span() for found in pattern.finditer(text)], text


@pytest.mark.parametrize(
    "slow", [r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$", r"\s+(?=[,.;])", r"(a+)+!"]
)
def test_a_slow_pattern_is_told(slow):
    """The first held the server for a minute; the count shows it on thirty characters."""
    pattern = re.compile(slow)

    if slow == "(a+)+!":
        matcher = Matcher(pattern)
        matcher.spans("a" * 6)
        before = matcher.steps
        matcher.spans("a" * 12)
        assert matcher.steps > 30 * before
    else:
        assert steepest(pattern)[0] > MOST_GROWTH
