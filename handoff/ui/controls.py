"""The controls of a policy: the same on every page, in the address, and kept between pages."""

import streamlit as st

from handoff.core.model import Policy, Registry, ThresholdSource
from handoff.core.texts import parse_number

CONTROLS = ("t", "f", "m", "l", "a")


def policy_controls(policy: Policy, registry: Registry) -> Policy:
    """Draw the controls of a policy; return it as they stand.

    Every page uses the same keys, so that what is tuned on one holds on the others.
    """
    _restore_controls()
    _follow(policy)
    threshold = st.slider(
        "Threshold",
        # A recommendation, taken over or linked to, may lie below 0.
        min_value=min(0.0, policy.threshold, st.session_state.get("t", 0.0), _linked_threshold()),
        max_value=1.0,
        value=policy.threshold,
        step=0.01,
        key="t",
        bind="query-params",
        help="The lowest similarity at which the best agent gets the query.",
    )
    use_tags = st.toggle("Tag filter", value=True, key="f", bind="query-params")
    with st.expander("More controls", type="compact", icon=":material/tune:"):
        margin = st.slider(
            "Margin",
            max_value=max(0.5, policy.margin),
            value=policy.margin,
            step=0.01,
            key="m",
            bind="query-params",
            help="If the best agent leads the runner-up by less than this, nobody gets the query.",
        )
        lexical_weight = st.slider(
            "Lexical weight",
            max_value=max(0.5, policy.lexical_weight),
            value=policy.lexical_weight,
            step=0.05,
            key="l",
            bind="query-params",
            help="How much shared words add to the similarity.",
        )
        per_agent = st.toggle(
            "Agents' own thresholds",
            value=policy.per_agent,
            key="a",
            bind="query-params",
            disabled=not registry.thresholds,
            help="An agent's own threshold, if its row has one, takes precedence.",
        )
    _remember_controls()
    return Policy(
        threshold,
        policy.source if threshold == policy.threshold else ThresholdSource.ARGUMENT,
        margin,
        use_tags=use_tags,
        per_agent=per_agent,
        lexical_weight=lexical_weight,
        # No control: a line of handoff.toml.
        known_scripts_only=policy.known_scripts_only,
    )


def _follow(policy: Policy) -> None:
    """Move what nobody touched along, where another policy has come into use beneath it."""
    before: Policy = st.session_state.get("policy_drawn", policy)
    st.session_state["policy_drawn"] = policy
    for key, stood, stands in (
        ("t", before.threshold, policy.threshold),
        ("m", before.margin, policy.margin),
        ("l", before.lexical_weight, policy.lexical_weight),
        ("a", before.per_agent, policy.per_agent),
    ):
        if stood != stands and st.session_state.get(key) == stood:
            st.session_state[key] = stands


def _linked_threshold() -> float:
    """Return the threshold of the address where it is below 0 and can be meant."""
    linked = parse_number(st.query_params.get("t", ""))
    return linked if -1 < linked < 0 else 0.0


def _remember_controls() -> None:
    """Keep what the controls say: Streamlit forgets what an address set when the page changes."""
    kept = {key: st.session_state[key] for key in CONTROLS if key in st.session_state}
    st.session_state["policy_controls"] = kept


def _restore_controls() -> None:
    """Set the controls as they stood on another page, but for what the address says."""
    for key, value in st.session_state.get("policy_controls", {}).items():
        if key not in st.session_state and key not in st.query_params:
            st.session_state[key] = value
