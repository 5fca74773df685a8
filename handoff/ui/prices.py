"""The questions about prices: what costs a visitor's money is told first, and agreed to."""

import math

import streamlit as st

from handoff.core.agent_rows import texts_of
from handoff.core.explain import texts_to_explain
from handoff.core.model import Agent, Registry
from handoff.core.texts import agent_text
from handoff.report.markdown import plain
from handoff.router import Router
from handoff.ui.opened import Opened

FREE_QUERIES = 200
"""More are asked of a paid provider only after the visitor agreed."""

FREE_AGENTS = 200
"""A registry of more is embedded by a paid provider only after the visitor agreed."""


def registry_agreed(opened: Opened, edited: Registry | None = None) -> bool:
    """Tell whether agents may be embedded; where that costs, ask the visitor first.

    Args:
        opened: The registry in use.
        edited: The agents that are to take its place, if not its own; what was embedded for these
            costs nothing again. Where they are the same agents there is nothing to agree to.
    """
    registry, known = edited or opened.router.registry, frozenset[str]()
    if edited is not None:
        if edited.agents is opened.router.registry.agents:
            return True
        known = frozenset(agent_text(agent) for agent in opened.router.registry.agents)
    cost_usd = _cost_to_agree(opened, registry, known)
    if cost_usd is None:
        return True
    most = "an unknown sum" if math.isnan(cost_usd) else f"at most ${cost_usd:.4f}"
    st.warning(
        f"Embedding these {len(registry):,} agents on {opened.router.embedder.label} costs {most}, "
        "once.",
        icon=":material/payments:",
    )
    st.button("Embed them", on_click=_agree, args=(registry,))
    return False


def queries_agreed(opened: Opened, number: int, what: str, key: str) -> bool:
    """Tell whether so many queries may be asked of a paid provider; ask the visitor first.

    Args:
        opened: The registry in use.
        number: How many queries are still to be asked.
        what: What asks, as the subject of the sentence.
        key: Of the button.
    """
    if not _asks_first(opened, number):
        return True
    asked = " and ".join(opened.router.paid_by_query)
    st.warning(f"{what} asks {asked} about {number:,} queries.", icon=":material/payments:")
    st.button("Ask", on_click=_agree_to_queries, key=key)
    return False


def explaining_agreed(router: Router, query: str, agent: Agent, key: str) -> bool:
    """Tell whether one agent's score may be explained; a paid provider waits for the button.

    Args:
        router: Whose embedder is asked.
        query: What was routed.
        agent: Whose score it is.
        key: Of the page, for the button.
    """
    if not router.embedder.paid:
        return True
    texts = texts_to_explain(query, agent)
    cost_usd = router.embedder.cost_usd(texts)
    most = "an unknown sum" if cost_usd is None else f"at most ${cost_usd:.5f}"
    st.caption(
        plain(
            f"Leaving out one word at a time embeds {len(texts):,} texts on "
            f"{router.embedder.label} in one batch: {most}. Looking for the "
            "smallest edit takes up to four more batches."
        )
    )
    return st.button("Explain", icon=":material/psychology:", key=f"{key}_ask")


def _cost_to_agree(opened: Opened, registry: Registry, known: frozenset[str]) -> float | None:
    """Return what embedding a registry may cost, if this visitor has to agree to it first.

    Args:
        opened: Whose embedder names the price.
        registry: Its agents.
        known: Texts that were embedded already.

    Returns:
        US dollars, NaN where the price is not known; None where there is nothing to agree to.
    """
    new = tuple(agent for agent in registry.agents if agent_text(agent) not in known)
    agreed: set[str] = st.session_state.get("price_agreed", set())
    if len(new) <= FREE_AGENTS or registry.fingerprint in agreed:
        return None
    cost_usd = opened.router.embedder.cost_usd(texts_of(new).texts)
    return math.nan if cost_usd is None else cost_usd or None


def _agree(registry: Registry) -> None:
    """Remember that this visitor agreed to embed a registry."""
    st.session_state["price_agreed"] = st.session_state.get("price_agreed", set()) | {
        registry.fingerprint
    }


def _asks_first(opened: Opened, number: int) -> bool:
    """Tell whether a paid provider would be asked so much that the visitor has to agree first."""
    paid_by = opened.router.paid_by_query
    return (
        bool(paid_by) and number > FREE_QUERIES and not st.session_state.get("price_agreed_queries")
    )


def _agree_to_queries() -> None:
    """Remember that this visitor agreed to ask a paid provider."""
    st.session_state["price_agreed_queries"] = True
