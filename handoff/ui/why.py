"""Why an agent scores as it does for a query: the words that carry it, and what would turn it."""

import streamlit as st

from handoff.agents.explain import explain, smallest_flip
from handoff.core.decision import decide_by
from handoff.core.explain import Explanation, Flip
from handoff.core.model import Evidence, Policy
from handoff.core.ranking import rank_by
from handoff.report.explain_figures import shares_alt, shares_chart
from handoff.report.explain_words import carried_by, flip_in_words, share_rows
from handoff.report.markdown import plain
from handoff.report.numbers import rounded
from handoff.router import Router
from handoff.ui.opened import Opened
from handoff.ui.parts import chart_ink
from handoff.ui.prices import explaining_agreed
from handoff.ui.session import recalled, remember
from handoff.ui.set_parts import chart, table

MOST_EXPLAINED = 20


def why(opened: Opened, evidence: Evidence, policy: Policy, key: str) -> None:
    """Draw which words carry an agent's score for a query; raises ProviderError.

    With a paid provider the cost is shown first, and a button asks.

    Args:
        opened: Whose router gathered the evidence.
        evidence: Of the query.
        policy: How it is judged.
        key: Of the page, for the widgets.
    """
    router = opened.router.answering(evidence)
    registry = router.registry
    decision = decide_by(rank_by(evidence, registry, policy), policy)
    position = st.selectbox(
        "Agent",
        range(len(registry)),
        index=registry.positions[decision.best.agent.id],
        format_func=lambda at: registry.agents[at].name,
        key=f"{key}_agent_{registry.fingerprint}_{evidence.query}",
    )
    stands_on = _stands_on(router, evidence, policy, position)
    kept: tuple[Explanation, Flip | None] | None = recalled("why_explained", stands_on)
    if kept is None:
        if not explaining_agreed(router, evidence.query, registry.agents[position], key):
            return
        found = opened.bench.run(explain(router, evidence, policy, position))
        turned = opened.bench.run(smallest_flip(router, evidence, policy, position))
        kept = found, turned
        remember("why_explained", stands_on, kept, most=MOST_EXPLAINED)
    found, turned = kept
    name = registry.agents[position].name
    st.markdown(plain(f"{name} scores {rounded(found.score, 3)}."))
    for what, shares in (("query", found.query), ("description", found.description)):
        st.markdown(plain(carried_by(shares, what)))
        if shares:
            chart(shares_chart(shares, chart_ink()), shares_alt(shares, what), f"{key}_{what}")
            with st.expander(
                f"The words of the {what} as a table",
                key=f"{key}_{what}_table",
                type="compact",
                icon=":material/table_rows:",
            ):
                table(
                    share_rows(shares),
                    f"Words of the {what} with what each adds",
                    f"{key}_{what}_rows",
                )
    st.markdown(plain(flip_in_words(turned, name)))


def _stands_on(
    router: Router, evidence: Evidence, policy: Policy, position: int
) -> tuple[object, ...]:
    identity = router.embedder.identity, router.registry.fingerprint
    return *identity, evidence.query, evidence.tags, policy, position
