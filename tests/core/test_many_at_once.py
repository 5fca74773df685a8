"""Tags and lexical scores of many queries at once: the same as one after the other."""

import numpy as np
from given import registries, some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.lexical import build_lexicon, lexical_scores
from handoff.core.lexical_many import lay_out_words, lexical_scores_of
from handoff.core.tagging import choose_tags, pair_tags, stems
from handoff.core.tagging_many import choose_tags_of_many, named_tags
from handoff.core.texts import agent_text
from handoff.files.registry import load_registry

WORDS = ["billing", "models", "CI/CD", "release", "notes", "C++", "weather", "Agent", "Does", "1"]

typed = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)


def one_by_one(pairs, queries, agents, names, content):
    """Choose each query's tags as a route does."""
    rows = zip(queries, agents, names, content.tolist(), strict=True)
    return [choose_tags(pairs, *row) for row in rows]


def at_once(pairs, queries, agents, names, content):
    """Choose all of them together."""
    named = named_tags(pairs, [stems(query) for query in queries])
    return choose_tags_of_many(pairs, named, agents, names, content)


@some
@given(
    registry=registries(), queries=st.lists(typed, min_size=1, max_size=8), seed=st.integers(0, 99)
)
def test_many_queries_get_the_tags_that_each_gets_alone(registry, queries, seed):
    """With ties, names in queries, and agents without tags, in any mixture."""
    pairs = pair_tags(registry)
    draw = np.random.default_rng(seed)
    # Few different figures make ties common.
    figures = np.array([-0.25, 0.0, 0.1, 0.25, 0.5, 1.0], dtype=np.float32)
    agents = draw.choice(figures, (len(queries), len(registry)))
    names = draw.choice(figures, (len(queries), len(registry.vocabulary)))
    content = draw.uniform(0, 30, len(queries)).astype(np.float32)

    found = at_once(pairs, queries, agents, names, content)

    assert found == one_by_one(pairs, queries, agents, names, content)


def test_real_registries_get_the_same_tags_and_scores(data):
    """From 20 agents to four thousand, with one tag an agent or many: not one tag differs."""
    for name in ("clinc150", "hwu64", "metatool", "sealtools"):
        registry = load_registry(data / name / "agents.csv")
        draw = np.random.default_rng(0)
        queries = [agent.description for agent in registry.agents[:150]]
        size = (len(queries), len(registry))
        agents = draw.normal(0.1, 0.15, size).astype(np.float32)
        names = draw.normal(0.1, 0.1, (len(queries), len(registry.vocabulary))).astype(np.float32)
        content = draw.uniform(0, 30, len(queries)).astype(np.float32)
        pairs = pair_tags(registry)
        lexicon = build_lexicon([agent_text(agent) for agent in registry.agents])

        found = at_once(pairs, queries, agents, names, content)
        scores = lexical_scores_of(lay_out_words([stems(query) for query in queries]), lexicon)

        assert found == one_by_one(pairs, queries, agents, names, content), name
        assert np.array_equal(scores, lexical_scores(queries, lexicon)), name


@some
@given(registry=registries(), queries=st.lists(typed, max_size=8))
def test_many_queries_get_the_lexical_scores_that_each_gets_alone(registry, queries):
    """Bit for bit, with empty queries and with words that no agent has."""
    lexicon = build_lexicon([agent_text(agent) for agent in registry.agents])

    found = lexical_scores_of(lay_out_words([stems(query) for query in queries]), lexicon)

    assert np.array_equal(found, lexical_scores(queries, lexicon))


def test_agents_without_a_word_score_nothing():
    """A text of marks alone has no words, and no query matches it."""
    found = lexical_scores_of(lay_out_words([stems("any words")]), build_lexicon([": -"]))

    assert found.tolist() == [[0.0]]
