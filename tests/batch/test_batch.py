"""A batch: rows in order, once each, whatever ends it, and on what ground."""

from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routes import GROUND, POLICY, Lost, lanes, route, written

from handoff.batch.checkpoint import batch_ground, checkpoint_of, load_checkpoint
from handoff.batch.routing import (
    COLUMNS,
    judge_many,
    trimmed,
)
from handoff.batch.run import Lanes, run_batch
from handoff.core.decision import decide_by
from handoff.core.errors import BatchError, ProviderUnavailableError
from handoff.core.model import Agent, EvidenceSet, Policy, Registry, ThresholdSource
from handoff.core.ranking import rank_by

TAGS = ("billing", "model", "release notes")


@pytest.mark.parametrize(("rows", "in_flight"), [(1, 1), (2, 1), (2, 3), (100, 4)])
def test_rows_are_written_in_order_once_each(source, target, rows, in_flight):
    """Chunks and those under way at once change nothing of the output."""
    progress = list(run_batch(source, target, GROUND, lanes(rows, in_flight), resume=False))

    assert [row["id"] for row in written(target)] == [str(at) for at in range(7)]
    assert [row["agent"] for row in written(target)] == [f"agent of query {at}" for at in range(7)]
    assert [row["line"] for row in written(target)] == [str(at + 2) for at in range(7)]
    assert (progress[-1].rows, progress[-1].selected, progress[-1].failed) == (7, 7, 0)


def test_a_finished_batch_leaves_no_checkpoint(source, target):
    """Only the output is left."""
    list(run_batch(source, target, GROUND, lanes(), resume=False))

    assert not checkpoint_of(target).exists()


@pytest.mark.parametrize("lost_after", [0, 1, 2, 3])
def test_a_lost_process_is_gone_on_with(source, target, lost_after):
    """What was in flight is routed again, what was done before is not, and no row is twice."""
    with pytest.raises(Lost):
        list(run_batch(source, target, GROUND, lanes(lost_after=lost_after), resume=False))
    # The process may die in the middle of a write, too.
    with target.open("a") as file:
        file.write("half a ro")

    begun, *_, last = run_batch(source, target, GROUND, lanes(), resume=True)

    assert begun.rows == min(2 * lost_after, 7)
    assert last.rows == 7
    assert last.resumed == begun.rows
    assert [row["id"] for row in written(target)] == [str(at) for at in range(7)]


def test_what_a_killed_batch_left_half_written_is_removed(source, target):
    """A checkpoint that was never renamed is of no use to anybody."""
    half = target.with_name(".out.csv.checkpoint.abcdefgh.tmp")
    half.write_text("{")

    list(run_batch(source, target, GROUND, lanes(), resume=False))

    assert sorted(path.name for path in target.parent.iterdir()) == ["in.csv", "out.csv"]


def test_resuming_what_never_began_begins(source, target):
    """A script may always say --resume."""
    list(run_batch(source, target, GROUND, lanes(), resume=True))

    assert len(written(target)) == 7


def test_an_unfinished_batch_is_not_overwritten(source, target):
    """Without --resume its rows would be lost."""
    with pytest.raises(Lost):
        list(run_batch(source, target, GROUND, lanes(lost_after=1), resume=False))

    with pytest.raises(BatchError, match="add --resume to go on"):
        list(run_batch(source, target, GROUND, lanes(), resume=False))


def test_a_finished_batch_is_not_resumed(source, target):
    """Where there is no checkpoint nobody knows what the rows were routed with."""
    list(run_batch(source, target, GROUND, lanes(), resume=False))

    with pytest.raises(BatchError, match="leave --resume out"):
        list(run_batch(source, target, GROUND, lanes(), resume=True))


@pytest.mark.parametrize("part", ["input", "registry", "policy", "embedder", "tagger"])
def test_a_batch_of_something_else_is_not_resumed(source, target, part):
    """Rows of two inputs, registries, policies or models do not belong into one file."""
    with pytest.raises(Lost):
        list(run_batch(source, target, GROUND, lanes(lost_after=1), resume=False))
    other = replace(GROUND, **{part: "other"})

    with pytest.raises(BatchError, match=f"another {part}"):
        list(run_batch(source, target, other, lanes(), resume=True))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"schema": 2}',
        b'{"schema": 1, "ground": {}, "rows": 1, "selected": 0, "failed": 0, "bytes": 1}',
        b'{"schema": 1, "ground": [], "rows": 1, "selected": 0, "failed": 0, "bytes": 1}',
    ],
)
def test_a_damaged_checkpoint_is_one_sentence(source, target, content):
    """It says how to start over."""
    checkpoint_of(target).write_bytes(content)

    with pytest.raises(BatchError, match="delete it to start over"):
        list(run_batch(source, target, GROUND, lanes(), resume=True))


def test_an_output_shorter_than_its_checkpoint_is_refused(source, target):
    """Somebody cut it: what is missing is not known."""
    with pytest.raises(Lost):
        list(run_batch(source, target, GROUND, lanes(lost_after=2), resume=False))
    target.write_bytes(b"line")

    with pytest.raises(BatchError, match="shorter than its checkpoint"):
        list(run_batch(source, target, GROUND, lanes(), resume=True))


def test_a_provider_that_fails_keeps_what_was_done(source, target):
    """The error comes out, and the next run goes on behind the last chunk."""
    started = []

    def submit(texts):
        future = Future()
        started.append(texts)
        if len(started) > 1:
            future.set_exception(ProviderUnavailableError("Nobody answers: try again."))
        else:
            future.set_result([route(text) for text in texts])
        return future

    with pytest.raises(ProviderUnavailableError):
        list(run_batch(source, target, GROUND, Lanes(submit, 2, 1), resume=False))

    assert load_checkpoint(target).rows == 2


def test_the_output_may_not_be_the_input(source):
    """It would be cut off before it is read."""
    with pytest.raises(BatchError, match="choose another output"):
        list(run_batch(source, source, GROUND, lanes(), resume=False))


def test_an_output_that_cannot_be_written_is_one_sentence(source, tmp_path):
    """It names the file and the reason."""
    (tmp_path / "folder").mkdir()

    for target in (tmp_path / "none" / "out.csv", tmp_path / "folder"):
        with pytest.raises(BatchError, match=r" cannot be written .*: choose another place"):
            list(run_batch(source, target, GROUND, lanes(), resume=False))
        assert not checkpoint_of(target).exists()


def test_a_process_that_ends_before_the_first_chunk_is_gone_on_with(source, target):
    """An output is never without a checkpoint before it is whole."""
    batch = run_batch(source, target, GROUND, lanes(), resume=False)
    next(batch)
    batch.close()

    list(run_batch(source, target, GROUND, lanes(), resume=True))

    assert len(written(target)) == 7


@st.composite
def judged_sets(draw):
    """Draw agents with tags and thresholds, evidence on them, and a policy."""
    cosines = st.one_of(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0]), st.floats(-1, 1, width=32))
    tags = st.lists(st.sampled_from(TAGS), unique=True, max_size=2).map(tuple)
    own = st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.6]))
    agents = draw(st.lists(st.tuples(tags, own), min_size=1, max_size=6))
    registry = Registry(
        tuple(Agent(f"a{at}", f"A{at}", "Does.", *each) for at, each in enumerate(agents))
    )
    count = draw(st.integers(1, 4))
    rows = st.lists(cosines, min_size=len(registry), max_size=len(registry))
    similarities = draw(st.lists(rows, min_size=count, max_size=count))
    chosen = st.lists(st.sampled_from([*TAGS, "nobody's"]), unique=True, max_size=2).map(tuple)
    evidence = EvidenceSet(
        queries=tuple(draw(st.sampled_from(["q", "Ποιος;"])) for _ in range(count)),
        embedder="e",
        tagger="t",
        fingerprint=registry.fingerprint,
        tags=tuple(draw(chosen) for _ in range(count)),
        vectors=np.zeros((count, 2), dtype=np.float32),
        similarities=np.array(similarities, dtype=np.float32),
        lexical=np.full((count, len(registry)), 0.5, dtype=np.float32),
        degraded=((),) * count,
        scripts=draw(st.sampled_from([None, frozenset({"Latin"})])),
    )
    policy = Policy(
        threshold=draw(st.sampled_from([-1.0, 0.0, 0.25, 0.3])),
        source=ThresholdSource.ARGUMENT,
        margin=draw(st.sampled_from([0.0, 0.1, 0.25])),
        use_tags=draw(st.booleans()),
        per_agent=draw(st.booleans()),
        lexical_weight=draw(st.sampled_from([0.0, 0.5])),
        known_scripts_only=draw(st.booleans()),
    )
    return evidence, registry, policy


@settings(max_examples=100, deadline=None)
@given(drawn=judged_sets())
def test_a_batch_decides_as_a_route_does(drawn):
    """Whole matrices and the best two of a row come to the same as ranking each query."""
    evidence, registry, policy = drawn

    rows = judge_many(evidence, registry, policy)

    for row, one in zip(rows, evidence, strict=True):
        decision = decide_by(rank_by(one, registry, policy), policy)
        cells = dict(zip(COLUMNS, row, strict=True))
        assert cells["agent"] == ("" if decision.agent is None else decision.agent.id)
        assert cells["outcome"] == decision.outcome.value
        assert np.float32(cells["score"]) == np.float32(decision.best.score)
        assert cells["unknown_script"] == (decision.unknown_script or "")
        assert float(cells["threshold"]) == decision.threshold
        assert (cells["margin"] == "") == (decision.margin is None)
        if decision.margin is not None:
            assert np.float32(cells["margin"]) == np.float32(decision.margin)


def test_a_batch_leaves_out_what_its_policy_does_not_use(router):
    """Words are not counted unless they have a weight, and no other embedder takes over."""
    spare = replace(router, fallback=router)

    assert not trimmed(spare, POLICY).lexicon.postings
    assert trimmed(spare, replace(POLICY, lexical_weight=0.1)).lexicon is router.lexicon
    assert trimmed(spare, POLICY).fallback is None
    assert trimmed(spare, replace(POLICY, lexical_weight=0.1)).fallback is None


def test_the_ground_tells_inputs_and_policies_apart(router, source, tmp_path):
    """A byte or a threshold makes another batch; own thresholds count where they are used."""
    other = tmp_path / "other.csv"
    other.write_bytes(source.read_bytes() + b"7,more\n")
    ground = batch_ground(source, router, POLICY)
    agents = tuple(replace(agent, threshold=0.5) for agent in router.registry.agents)
    stricter = replace(router, registry=Registry(agents))
    per_agent = replace(POLICY, per_agent=True)

    assert batch_ground(source, router, POLICY) == ground
    assert batch_ground(other, router, POLICY).input != ground.input
    assert batch_ground(source, router, replace(POLICY, margin=0.1)).policy != ground.policy
    assert batch_ground(source, stricter, POLICY) == ground
    any_script = replace(POLICY, known_scripts_only=False)
    assert batch_ground(source, router, any_script).policy != ground.policy
    assert (
        batch_ground(source, stricter, per_agent).policy
        != batch_ground(source, router, per_agent).policy
    )
