"""Pieces of a page that more than one screen draws."""

import math
from collections.abc import Sequence

import streamlit as st

from handoff.core.errors import HandoffError
from handoff.core.model import Outcome, Policy, Registry, ThresholdSource
from handoff.core.texts import agent_text, parse_number, shorten
from handoff.report.markdown import plain
from handoff.report.numbers import distance, milliseconds
from handoff.report.route_budget import BUDGET_MS
from handoff.report.route_words import STAGES_IN_WORDS, filter_note, headline, reason
from handoff.router import Route
from handoff.trace import Span
from handoff.ui import state

STAGE_ICONS = {
    "extract_tags": ":material/sell:",
    "embed_query": ":material/bubble_chart:",
    "embed_agents": ":material/groups:",
    "score": ":material/straighten:",
    "filter": ":material/filter_alt:",
    "select": ":material/alt_route:",
}


def chart_ink() -> str | None:
    """Return the colour of a chart's labels: the theme's own grey is too faint on white.

    Whoever toggles the theme sees this one until the next run, and can read it on either.
    """
    return None if st.context.theme.type == "dark" else "#566074"


def complain(error: HandoffError) -> None:
    """Show one sentence that says what is wrong and what to do."""
    st.error(plain(str(error)), icon=":material/error:")


def policy_in_use(opened: state.Opened) -> Policy:
    """Return the policy, after telling what is unusual about it and the registry.

    Raises:
        SettingsError: The policy cannot be read.
    """
    for told in opened.complaints:
        complain(told)
    if opened.complaints:
        st.caption("The page goes on with the agents that it read before.")
    policy, stale = state.policy(opened)
    if stale is not None:
        st.warning(
            plain(stale.passed_over),
            icon=":material/rule_settings:",
        )
        st.button("Use handoff.toml all the same", on_click=state.force_policy, args=(opened,))
    return policy


def own_files(note: str) -> None:
    """Draw where a visitor's own files are lent to the page."""
    revision = st.session_state.setdefault("files_revision", 0)
    with st.expander("Your own agents, for this visit", icon=":material/upload_file:"):
        st.caption(
            "CSV files, UTF-8: agents as id, name, description, tags (separated by ;) and, if "
            "wanted, threshold; cases as query, expected and, if wanted, chip. " + note
        )
        for kind in ("agents", "cases"):
            widget = f"{kind}_file_{revision}"
            st.file_uploader(
                kind.capitalize(),
                type="csv",
                key=widget,
                on_change=state.keep_file,
                args=(kind, widget),
            )
        lent = [file for kind in ("agents", "cases") if (file := state.own_file(kind)) is not None]
        if lent:
            named = " and ".join(shorten(file.name) for file in lent)
            st.caption(plain(f"In use: {named}."))
            st.button("Back to the default agents", on_click=state.forget_files)


def registry_agreed(opened: state.Opened, edited: Registry | None = None) -> bool:
    """Tell whether agents may be embedded; where that costs, ask the visitor first.

    Args:
        opened: The registry in use.
        edited: The agents that are to take its place, if not its own; what was embedded for these
            costs nothing again.
    """
    registry, known = edited or opened.router.registry, frozenset[str]()
    if edited is not None:
        known = frozenset(agent_text(agent) for agent in opened.router.registry.agents)
    cost_usd = state.cost_to_agree(opened, registry, known)
    if cost_usd is None:
        return True
    most = "an unknown sum" if math.isnan(cost_usd) else f"at most ${cost_usd:.4f}"
    st.warning(
        f"Embedding these {len(registry):,} agents on {opened.router.embedder.label} costs {most}, "
        "once.",
        icon=":material/payments:",
    )
    st.button("Embed them", on_click=state.agree, args=(registry,))
    return False


def queries_agreed(opened: state.Opened, number: int, what: str, key: str) -> bool:
    """Tell whether so many queries may be asked of a paid provider; ask the visitor first.

    Args:
        opened: The registry in use.
        number: How many queries are still to be asked.
        what: What asks, as the subject of the sentence.
        key: Of the button.
    """
    if not state.asks_first(opened, number):
        return True
    asked = " and ".join(opened.router.paid_by_query)
    st.warning(f"{what} asks {asked} about {number:,} queries.", icon=":material/payments:")
    st.button("Ask", on_click=state.agree_to_queries, key=key)
    return False


def policy_controls(policy: Policy, registry: Registry) -> Policy:
    """Draw the controls of a policy; return it as they stand.

    Every page uses the same keys, so that what is tuned on one holds on the others.
    """
    state.restore_controls()
    threshold = st.slider(
        "Threshold",
        # A recommendation, taken over or linked to, may lie below 0.
        min_value=min(0.0, policy.threshold, st.session_state.get("t", 0.0), _linked_threshold()),
        max_value=1.0,
        value=policy.threshold,
        step=0.01,
        key="t",
        bind="query-params",
        help="The least similarity at which the best agent gets the query.",
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
            help="Closer than this to the runner-up, nobody gets the query: better to ask.",
        )
        lexical_weight = st.slider(
            "Lexical weight",
            max_value=max(0.5, policy.lexical_weight),
            value=policy.lexical_weight,
            step=0.05,
            key="l",
            bind="query-params",
            help="How much words in common add to the similarity.",
        )
        per_agent = st.toggle(
            "Agents' own thresholds",
            value=policy.per_agent,
            key="a",
            bind="query-params",
            disabled=not registry.thresholds,
            help="An agent's own threshold, where its row has one, comes first.",
        )
    state.remember_controls()
    return Policy(
        threshold,
        policy.source if threshold == policy.threshold else ThresholdSource.ARGUMENT,
        margin,
        use_tags=use_tags,
        per_agent=per_agent,
        lexical_weight=lexical_weight,
    )


def _linked_threshold() -> float:
    """Return the threshold of the address where it is below 0 and can be meant."""
    linked = parse_number(st.query_params.get("t", ""))
    return linked if -1 < linked < 0 else 0.0


def verdict(route: Route) -> None:
    """Draw who takes the query, and why."""
    show, icon = {
        Outcome.SELECTED: (st.success, ":material/check_circle:"),
        Outcome.BELOW_THRESHOLD: (st.warning, ":material/block:"),
        Outcome.AMBIGUOUS: (st.warning, ":material/help:"),
    }[route.decision.outcome]
    show(plain(reason(route)), title=plain(headline(route.decision)), icon=icon)


def three_numbers(route: Route) -> None:
    """Draw the best score, and how far it is from the threshold and from the runner-up."""
    decision = route.decision
    with st.grid(3, min_column_width=90):
        st.metric("Best", f"{decision.best.score:.2f}")
        st.metric("To threshold", distance(decision.best.score, decision.threshold))
        lead = "none" if decision.margin is None else distance(decision.margin, 0.0)
        st.metric("To runner-up", lead)


def stage_strip(spans: Sequence[Span]) -> None:
    """Draw each stage's latency up to the decision, beside what the design note grants it."""
    ms = {span.name: span.ms for span in spans}
    with st.grid(len(STAGE_ICONS), min_column_width=100, gap="xsmall"):
        for name, icon in STAGE_ICONS.items():
            st.metric(
                STAGES_IN_WORDS[name],
                milliseconds(ms[name]),
                delta=f"of {BUDGET_MS[name]:,.0f} ms",
                delta_color="off",
                delta_arrow="off",
                icon=icon,
                border=True,
                height="stretch",
            )


def tag_row(route: Route) -> None:
    """Draw the extracted tags and what the filter made of them."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Tags found" if route.evidence.tags else "No tags found", width="content")
        for tag in route.evidence.tags:
            st.badge(plain(tag), icon=":material/sell:", color="blue")
        st.caption(plain(filter_note(route)), width="content")


def answer(route: Route) -> None:
    """Draw what the agent answered, and how long that took."""
    (span,) = (span for span in route.spans if span.name == "hand_off")
    st.info(plain(route.answer or ""), icon=":material/forum:")
    st.caption(f"The hand-off took {milliseconds(span.ms)}.")
