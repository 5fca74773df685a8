"""Who carries an extracted tag."""

import numpy as np
from given import TAGS, UNKNOWN_TAG, registries, registry_of, some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.tags import carriers_of

extracted = st.lists(st.sampled_from([*TAGS, UNKNOWN_TAG]), unique=True).map(tuple)


@some
@given(registry=registries(), tags=extracted)
def test_carriers_are_the_agents_that_share_a_tag(registry, tags):
    """One common tag is enough."""
    expected = [bool(set(agent.tags) & set(tags)) for agent in registry.agents]

    assert carriers_of(tags, registry).tolist() == expected


@some
@given(registry=registries())
def test_no_tags_have_no_carriers(registry):
    """Whether that means nobody or everybody is for the ranking to say."""
    assert not carriers_of((), registry).any()


@some
@given(registry=registries(), tags=extracted, data=st.data())
def test_positions_pick_from_the_carriers(registry, tags, data):
    """An index that returned some agents is told about these, in its own order."""
    positions = data.draw(st.permutations(range(len(registry))), label="positions")[:3]
    expected = [bool(set(registry.agents[position].tags) & set(tags)) for position in positions]

    carries = carriers_of(tags, registry, np.array(positions, dtype=np.intp))

    assert carries.tolist() == expected


def test_a_tag_that_nobody_carries_is_passed_over():
    """It neither adds nor removes a carrier, and is no error."""
    registry = registry_of([("model",), ("billing",)])

    assert carriers_of((UNKNOWN_TAG, "billing"), registry).tolist() == [False, True]


def test_tags_are_matched_whole():
    """A tag is not found inside a longer one."""
    registry = registry_of([("release notes",), ("release",)])

    assert carriers_of(("release",), registry).tolist() == [False, True]
