"""What an edit does to a labelled set, and how the agents stand beside one another."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from handoff.agents.edit import EditGround, edit_agents, lay_ground, new_texts
from handoff.agents.overlap import Overlap, candidate_scores, find_overlap
from handoff.core.model import FloatArray, Policy, Registry
from handoff.core.texts import agent_text
from handoff.evaluation.analysis import Analysis, analyse
from handoff.evaluation.compare import Comparison, compare
from handoff.evaluation.judged import Labelled
from handoff.protocols import TagChooser
from handoff.ui.labelled_set import LabelledSet
from handoff.ui.opened import Opened
from handoff.ui.session import remembered

MOST_VECTORS = 5_000


def needs_gathering(opened: Opened, before: LabelledSet, registry: Registry) -> bool:
    """Tell whether an edit's evidence has to be gathered anew, query by query.

    So it is where it changes tags that only their extractor can find.
    """
    chooser = _chooser(opened, before)
    return chooser is None or chooser.new_tags(registry) is None


def ground(opened: Opened, before: LabelledSet) -> EditGround:
    """Return what edits that need no gathering are measured on, laid out once for a set."""

    def lay() -> EditGround:
        router, tagging = opened.router, _chooser(opened, before)
        if tagging is None:
            raise RuntimeError("needs_gathering() comes before ground()")
        learned = None
        if router.registry.examples:
            opened.bench.run(router.index.prepare())
            learned = router.index.learned
        expected = [case.expected for case in before.run.judged_cases]
        return lay_ground(before.labelled, expected, tagging, learned)

    return remembered("agents_ground", (before.labelled,), lay)


def _chooser(opened: Opened, before: LabelledSet) -> TagChooser | None:
    """Return what chooses a set's tags again, made ready once; raises ProviderError."""
    return remembered(
        "agents_chooser",
        (before.labelled,),
        lambda: opened.bench.run(opened.router.tagger.choose_again(before.labelled.evidence)),
    )


def edited(opened: Opened, before: LabelledSet, registry: Registry) -> Labelled:
    """Return the set as it would be on an edited registry; only new texts are embedded.

    Raises:
        ProviderError: They could not be embedded.
    """
    laid = ground(opened, before)
    return remembered(
        "agents_edited",
        (laid, registry),
        lambda: edit_agents(laid, registry, vectors(opened, new_texts(laid, registry))),
    )


def effect(before: LabelledSet, after: Labelled, policy: Policy) -> Comparison:
    """Judge the set before and after an edit by the same policy."""
    return compare(
        analyse(before.labelled, policy, before.failed), analyse(after, policy, before.failed)
    )


def vectors(opened: Opened, texts: Sequence[str]) -> dict[str, FloatArray]:
    """Return each text's unit row; a text that was embedded in this session is not asked for.

    Raises:
        ProviderError: They could not be embedded.
    """
    model = opened.router.embedder.identity
    kept: dict[tuple[str, str], FloatArray] = st.session_state.get("agents_vectors", {})
    found = {text: kept[model, text] for text in texts if (model, text) in kept}
    missing = [text for text in dict.fromkeys(texts) if text not in found]
    if missing:
        found |= zip(missing, opened.bench.embed(missing), strict=True)
        asked = {(model, text): row for text, row in found.items()}
        # What was asked for last stays in any case.
        st.session_state["agents_vectors"] = (
            kept | asked if len(kept) + len(missing) <= MOST_VECTORS else asked
        )
    return found


def agent_vectors(opened: Opened) -> FloatArray:
    """Return the agents' unit rows, shape (agents, dimensions); raises ProviderError."""
    texts = [agent_text(agent) for agent in opened.router.registry.agents]
    rows = vectors(opened, texts)
    return np.stack([rows[text] for text in texts])


def overlap(
    opened: Opened, agents: FloatArray, before: LabelledSet | None, policy: Policy
) -> Overlap:
    """Compare agents with one another, on a labelled set where there is one.

    Args:
        opened: The registry in use.
        agents: Its unit rows, shape (agents, dimensions).
        before: The set.
        policy: How it is ranked.

    Raises:
        RegistryError: There are too many.
    """
    labelled = None if before is None else before.labelled

    def find() -> Overlap:
        scores = None if labelled is None else candidate_scores(labelled, policy)
        return find_overlap(agents, scores)

    ranked = policy.use_tags, policy.lexical_weight
    embedded = opened.router.registry.agents, opened.router.embedder.identity
    return remembered("agents_overlap", (labelled, *ranked, *embedded), find)


def analysis_of(before: LabelledSet | None, policy: Policy) -> Analysis | None:
    """Judge a labelled set, where there is one."""
    return None if before is None else analyse(before.labelled, policy, before.failed)
