"""The rule for tags as it is said in words, against the arrays that carry it out."""

import numpy as np
from given import cosines, registries, some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core import tagging
from handoff.core.tagging import choose_tags, pair_tags


@st.composite
def questions(draw):
    """Draw a registry, the query's cosines with agents and tags' names, and its content."""
    registry = draw(registries())
    agents = draw(st.lists(cosines, min_size=len(registry), max_size=len(registry)))
    count = len(registry.vocabulary)
    names = draw(st.lists(cosines, min_size=count, max_size=count))
    arrays = [np.array(values, dtype=np.float32) for values in (agents, names)]
    return registry, *arrays, draw(st.floats(0, 60))


def by_the_rule(registry, agents, names, content):
    """Choose tags for a query that names none, one agent after the other."""
    likeliest = registry.agents[int(np.argmax(agents))]
    if not likeliest.tags:
        return ()
    evidence = {
        (at, tag): tagging.weigh_pairs(agents[at], names[registry.vocabulary.index(tag)])
        for at, agent in enumerate(registry.agents)
        for tag in agent.tags
    }
    best = max(evidence.values())
    floor = tagging.FLOOR * float(np.sqrt(np.log1p(len(evidence))))
    belief = {
        pair: float(np.exp((each - best) / np.float32(tagging.SPREAD)))
        for pair, each in evidence.items()
        if each - best >= np.float32(-tagging.LEAD)
    }
    chosen = []
    while belief:
        eligible = registry.vocabulary if chosen else likeliest.tags
        gains = {
            tag: sum(each for (_, named), each in belief.items() if named == tag)
            for tag in eligible
        }
        chosen.append(max(gains, key=gains.get))
        nearest = float(max(each for (_, tag), each in evidence.items() if tag == chosen[-1]))
        likely = nearest * content / (content + tagging.DOUBT) >= floor
        if not likely or len(chosen) > tagging.ENOUGH_TAGS:
            return ()
        belief = {
            (at, tag): each
            for (at, tag), each in belief.items()
            if chosen[-1] not in registry.agents[at].tags
        }
    return tuple(chosen)


@some
@given(question=questions())
def test_the_arrays_come_to_what_the_rule_says(question):
    """Whatever the registry, covering agents by subtraction chooses the same tags."""
    registry, agents, names, content = question
    expected = by_the_rule(registry, agents, names, content)

    tags = choose_tags(pair_tags(registry), "", agents, names, content)

    assert tags == expected
