"""Random files of every kind that a person writes: a value that comes back, or one sentence."""

import dataclasses
from datetime import date

import pytest
from hostile import edited, inputs, is_one_sentence, read_or_told
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.errors import CasesError, ExamplesError, RegistryError, SettingsError
from handoff.core.model import Agent, Registry
from handoff.files.cases import Case, append_cases, parse_cases
from handoff.files.examples import format_examples, parse_examples
from handoff.files.policy import Found, Ground, format_policy, load_policy
from handoff.files.registry import format_registry, parse_registry
from handoff.providers.openai.prices import load_prices

AGENTS = """\
id,name,description,tags,threshold
baker,Baker,"Bakes bread, and cakes",bread;oven,0.25
help desk,Help Desk,Answers questions,,
"""
CASES = """\
query,expected,chip
"a loaf, warm",baker,Loaf
what is the time,,
it hurts,help desk,
"""
OLD_CASES = "\ufeff\r\n,,\r\nexample,expected,query\r\nLoaf,baker,a loaf\r\n"
EXAMPLES = "query,agent\na loaf,baker\nwhat is the time,\n"
POLICY = """\
threshold = 0.4
margin = 0.05
per_agent = true
lexical_weight = 0.1
known_scripts_only = false
[found]
date = 2026-01-31
embedder = "scripted"
registry = "abc"
goal = "accuracy"
cases = 10
accuracy = 0.9
coverage = 0.8
"""
PRICES = '["gpt-4o-mini"]\ninput = 0.15\noutput = 0.6\n[other]\ninput = 1\noutput = 0\n'
REGISTRY = Registry(
    (Agent("baker", "Baker", "Bakes bread."), Agent("help desk", "Help", "Answers."))
)
NEW = (Case("a roll", "baker", "", 0), Case("the moon, please", None, "", 0))


@inputs(300)
@given(data=edited(AGENTS, AGENTS.replace("\n", "\r\n")))
def test_300_registries_come_back_or_are_one_sentence(data):
    """What was read is written and read again as the same agents."""
    registry = read_or_told(RegistryError, lambda: parse_registry(data, "agents.csv"))
    if registry is not None:
        assert parse_registry(format_registry(registry).encode(), "agents.csv") == registry


def read_cases(data):
    """Return the cases of a file without lines, and how many rows are none."""
    read = parse_cases(data, "cases.csv", REGISTRY)
    assert all(is_one_sentence(failed.reason) for failed in read.failed)
    return [(case.query, case.expected, case.chip) for case in read.cases], len(read.failed)


@inputs(400)
@given(data=edited(CASES, CASES.replace("\n", "\r"), OLD_CASES))
def test_400_sets_of_cases_take_more_cases_or_are_one_sentence(data):
    """Whatever can be read keeps its cases, bytes and all, and holds the new ones behind them."""
    read = read_or_told(CasesError, lambda: read_cases(data))
    if read is not None:
        held, failed = read
        grown = append_cases(data, "cases.csv", NEW).encode()
        assert grown.startswith(data)
        new = [(case.query, case.expected, case.chip) for case in NEW]
        assert read_cases(grown) == (held + new, failed)


@inputs(300)
@given(data=edited(EXAMPLES, EXAMPLES.replace("\n", "\r\n")))
def test_300_sets_of_examples_come_back_or_are_one_sentence(data):
    """What was read is written and read again as the same examples."""
    read = read_or_told(ExamplesError, lambda: parse_examples(data, "examples.csv", REGISTRY))
    if read is not None:
        assert all(is_one_sentence(reason) for reason in read.failed)
        again = parse_examples(format_examples(read.examples).encode(), "examples.csv", REGISTRY)
        assert (again.examples, again.failed, again.repeated) == (read.examples, (), 0)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return where a file is written again and again."""
    return tmp_path_factory.mktemp("fuzz") / "file.toml"


@inputs(300)
@given(data=edited(POLICY, "threshold = 0.2\n", "margin = 0.1\nper_agent = true\n"))
def test_300_policies_come_back_or_are_one_sentence(place, data):
    """What was read is in range, is written, and is read again as the same policy."""
    place.write_bytes(data)
    policy = read_or_told(SettingsError, lambda: load_policy(place, 0.2))
    if policy is None:
        return
    assert -1 <= policy.threshold <= 1
    assert 0 <= policy.margin <= 2
    assert 0 <= policy.lexical_weight <= 1
    found = Found(Ground("scripted", "abc"), date(2026, 1, 31), "by hand", 1, 1.0, 1.0)
    place.write_text(format_policy(policy, found), encoding="utf-8")
    again = load_policy(place, 0.9)
    assert dataclasses.replace(again, source=policy.source) == policy


@inputs(300)
@given(data=edited(PRICES))
def test_300_price_tables_are_prices_or_one_sentence(place, data):
    """No model costs less than nothing or without end."""
    place.write_bytes(data)
    prices = read_or_told(SettingsError, lambda: load_prices(place))
    if prices is not None:
        costs = [price.cost_usd(1_000_000, 1_000_000) for price in prices.values()]
        assert all(0 <= cost <= 2e6 for cost in costs)


@inputs(200)
@given(data=st.binary(max_size=200))
def test_200_files_of_random_bytes_are_one_sentence_each(data):
    """Neither reader takes noise for a table, and none ends otherwise."""
    readers = (
        (RegistryError, lambda: parse_registry(data, "file.csv")),
        (CasesError, lambda: parse_cases(data, "file.csv", REGISTRY)),
        (ExamplesError, lambda: parse_examples(data, "file.csv", REGISTRY)),
    )
    for error, read in readers:
        assert read_or_told(error, read) is None
