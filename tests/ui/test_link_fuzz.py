"""Random parameters in a link to the page: the controls stand somewhere that they may."""

import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

NUMBERS = ("0.5", "-0.5", "-1", "1", "2", "-0", ".5", "5.", "1e-3", "+0.1", "0.5,0.6", "0,5")
values = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(
        ["", "nan", "inf", "-inf", "1e999", "9" * 5_000, "x" * 5_000, "\0", "%", "[", "٣"]
    ),
    st.sampled_from(["true", "false", "True", "1", "0", "yes", "on"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)


def controls():
    """Draw the controls alone, over two agents."""
    import streamlit as st  # noqa: PLC0415 - this function is a script

    from handoff.core.model import Agent, Policy, Registry, ThresholdSource  # noqa: PLC0415
    from handoff.ui.controls import policy_controls  # noqa: PLC0415

    agents = (Agent("a", "A", "Does.", threshold=0.2), Agent("b", "B", "Does too."))
    policy = Policy(0.3, ThresholdSource.EMBEDDER)
    st.session_state["judging"] = policy_controls(policy, Registry(agents))


@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(link=st.dictionaries(st.sampled_from(["t", "m", "l", "f", "a", "q", "r", "?"]), values))
def test_30_links_give_a_policy_in_range(link):
    """No error page, and no figure that nothing could be judged by."""
    page = AppTest.from_function(controls, default_timeout=60)
    for name, value in link.items():
        page.query_params[name] = value
    page.run()

    assert not page.exception
    judging = page.session_state["judging"]
    assert -1 <= judging.threshold <= 1
    assert 0 <= judging.margin <= 0.5
    assert 0 <= judging.lexical_weight <= 0.5
    assert not math.isnan(judging.threshold)
