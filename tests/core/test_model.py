"""The values of routing."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from given import TAGS, evidence_of, registries, registry_of, some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.errors import RegistryError
from handoff.core.model import Agent, EvidenceSet, Registry
from handoff.core.ranking import rank

EDITOR = Agent("editor", "Editor", "Edits.", ("writing", "style"), 0.4)
CODER = Agent("coder", "Coder", "Codes.", ("code",))


def test_a_registry_without_agents_is_refused():
    """There would be nobody to rank."""
    with pytest.raises(RegistryError, match="at least one agent"):
        Registry(())


def test_an_id_used_twice_is_refused():
    """Decisions, cases and thresholds name agents by id."""
    with pytest.raises(RegistryError, match="same id"):
        Registry((EDITOR, CODER, replace(CODER, id="editor")))


def test_agents_may_share_everything_but_the_id():
    """Equal names and descriptions are unwise, yet no error."""
    assert len(Registry((EDITOR, replace(EDITOR, id="editor-2")))) == 2


@some
@given(registry=registries())
def test_positions_lead_from_id_to_agent(registry):
    """Each id points at the place of its agent."""
    assert [registry.agents[registry.positions[agent.id]] for agent in registry.agents] == list(
        registry.agents
    )


@some
@given(registry=registries())
def test_carriers_lead_from_tag_to_agents(registry):
    """Every tag in use lists the positions of its carriers, ascending; no other tag is there."""
    expected = {
        tag: [at for at, agent in enumerate(registry.agents) if tag in agent.tags]
        for tag in TAGS
        if any(tag in agent.tags for agent in registry.agents)
    }

    assert {tag: carriers.tolist() for tag, carriers in registry.carriers.items()} == expected


@some
@given(registry=registries())
def test_the_vocabulary_is_every_tag_in_use_sorted(registry):
    """Each tag is there once, whoever carries it."""
    used = {tag for agent in registry.agents for tag in agent.tags}

    assert list(registry.vocabulary) == sorted(used)


def test_thresholds_name_only_agents_that_have_one():
    """An own threshold of 0.0 is one; None is none."""
    zero = replace(CODER, id="zero", threshold=0.0)

    assert Registry((EDITOR, CODER, zero)).thresholds == {"editor": 0.4, "zero": 0.0}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param((replace(EDITOR, id="editor-2"), CODER), id="id"),
        pytest.param((replace(EDITOR, name="Editor 2"), CODER), id="name"),
        pytest.param((replace(EDITOR, description="Edits!"), CODER), id="description"),
        pytest.param((replace(EDITOR, tags=("writing",)), CODER), id="a tag less"),
        pytest.param((replace(EDITOR, tags=("writing style",)), CODER), id="tags run together"),
        pytest.param((replace(EDITOR, name="EditorE", description="dits."), CODER), id="a shift"),
        pytest.param((CODER, EDITOR), id="order"),
        pytest.param((EDITOR,), id="an agent less"),
        pytest.param((EDITOR, CODER, replace(CODER, id="coder-2")), id="an agent more"),
    ],
)
def test_the_fingerprint_changes_with_what_is_embedded_or_filtered(changed):
    """Id, name, description, tags and order make the registry what it is."""
    assert Registry(changed).fingerprint != Registry((EDITOR, CODER)).fingerprint


def test_the_fingerprint_does_not_change_with_thresholds():
    """A threshold changes how evidence is judged, not the evidence."""
    other = Registry((replace(EDITOR, threshold=None), replace(CODER, threshold=0.0)))

    assert other.fingerprint == Registry((EDITOR, CODER)).fingerprint


def test_the_fingerprint_is_a_sha256_in_hexadecimal():
    """It is a name of fixed length that another process arrives at as well."""
    assert Registry((CODER,)).fingerprint == (
        "5449d027346359cbd4b511313ab0a88949b96a1205cb3ac9915792ed80adcd49"
    )


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param(EDITOR, "threshold", id="agent"),
        pytest.param(Registry((EDITOR,)), "agents", id="registry"),
        pytest.param(evidence_of(Registry((EDITOR,)), [0.5]), "tags", id="evidence"),
    ],
)
def test_values_are_frozen(value, field):
    """Many visitors share them, so nobody can write to them."""
    with pytest.raises(FrozenInstanceError):
        setattr(value, field, ())


@some
@given(data=st.data(), cases=st.integers(1, 4), returned=st.integers(1, 3), some_only=st.booleans())
def test_rows_of_a_set_equal_what_went_in(data, cases, returned, some_only):
    """One row is one query's evidence: each array's row and each tuple's member."""
    figures = st.lists(st.floats(-1, 1, width=32), min_size=returned, max_size=returned)
    similarities = data.draw(st.lists(figures, min_size=cases, max_size=cases), label="cosines")
    lexical = data.draw(st.lists(figures, min_size=cases, max_size=cases), label="lexical")
    positions = [list(range(case, case + returned)) for case in range(cases)]
    together = EvidenceSet(
        queries=tuple(f"query {case}" for case in range(cases)),
        embedder="e",
        tagger="t",
        fingerprint="f",
        tags=tuple((f"tag {case}",) for case in range(cases)),
        vectors=np.eye(cases, dtype=np.float32),
        similarities=np.array(similarities, dtype=np.float32),
        lexical=np.array(lexical, dtype=np.float32),
        degraded=tuple(("extract_tags",) * (case % 2) for case in range(cases)),
        positions=np.array(positions, dtype=np.intp) if some_only else None,
    )

    rows = list(together)

    assert len(rows) == len(together) == cases
    for case, row in enumerate(rows):
        assert row.query == f"query {case}"
        assert (row.embedder, row.tagger, row.fingerprint) == ("e", "t", "f")
        assert row.tags == (f"tag {case}",)
        assert row.vector.tolist() == [float(at == case) for at in range(cases)]
        assert row.similarities.tolist() == similarities[case]
        assert row.lexical.tolist() == lexical[case]
        assert row.degraded == ((), ("extract_tags",))[case % 2]
        assert (row.positions is None) != some_only
        if some_only:
            assert row.positions.tolist() == positions[case]


def test_a_ranks_score_says_all_that_is_shown():
    """Agent, figures, whether it was kept, and which extracted tags it carries."""
    registry = registry_of([("model",), ("billing", "c++")])
    ranking = rank(evidence_of(registry, [0.75, 0.25], ("c++", "billing")), registry)

    best, removed = ranking

    assert (best.agent.id, best.score, best.lexical, best.kept) == ("a1", 0.25, 1.0, True)
    assert best.matched_tags == ("c++", "billing")
    assert (removed.agent.id, removed.score, removed.kept) == ("a0", 0.75, False)
    assert removed.matched_tags == ()
