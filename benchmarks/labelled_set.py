"""A public set as the benchmark of learning needs it: embedded, split in halves, made examples."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.embedded import LOCAL, embedded
from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router
from handoff.core.agent_rows import AgentRows, texts_of
from handoff.core.learning import Lessons, lessons_of
from handoff.core.model import Example, IntArray, Registry
from handoff.core.word_overlap import normal_form
from handoff.evaluation.proof import MOST_TO_LEARN
from handoff.evaluation.run import Run, gather_cases
from handoff.files.cases import Case, load_cases
from handoff.files.examples import LabelledQuery, collect_examples
from handoff.files.registry import load_registry
from handoff.files.settings import Settings, load_settings
from handoff.router import Router

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HANDOFF_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True, slots=True, eq=False)
class Set:
    """One public set, embedded.

    Attributes:
        registry: Its agents.
        settings: The embedded model for both providers.
        cases: Its labelled queries.
        agents: The agents' unit rows.
        lessons: All cases as arrays.
    """

    registry: Registry
    settings: Settings
    cases: tuple[Case, ...]
    agents: AgentRows
    lessons: Lessons

    @property
    def owners(self) -> IntArray:
        """Who should take each case, or `NO_OWNER`, shape (cases,)."""
        return self.lessons.owners


def load_set(folder: Path, cache_dir: Path, loop: BackgroundLoop) -> Set:
    """Read a folder's registry and cases, and embed both."""
    settings = load_settings(LOCAL | {"HANDOFF_CACHE_DIR": str(cache_dir)}, folder / "agents.csv")
    registry = load_registry(settings.registry)
    cases = load_cases(folder / "cases.csv", registry).cases
    described = texts_of(registry.agents)
    texts = described.texts
    queries = tuple(case.query for case in cases)
    rows = loop.run(embedded().embed([*texts, *queries]))
    examples = [Example(case.query, case.expected) for case in cases]
    lessons = lessons_of(examples, rows[len(texts) :], registry)
    return Set(registry, settings, cases, described.rows(rows[: len(texts)]), lessons)


def halves(owners: IntArray, seed: int) -> tuple[IntArray, IntArray]:
    """Return the rows to learn from, at most `MOST_TO_LEARN`, and the rows of the other half.

    Thinned out, the rows keep each owner's share, which an order does and a mask of half the rows,
    as `evaluation` splits, cannot. The figures in docs/learning.md stand on these very halves.
    """
    random = np.random.default_rng(seed)
    learning = np.sort(stratified(owners, random)[: len(owners) // 2])
    test = np.setdiff1d(np.arange(len(owners)), learning)
    if len(learning) > MOST_TO_LEARN:
        learning = learning[stratified(owners[learning], random)[:MOST_TO_LEARN]]
    return np.sort(learning), test


def stratified(owners: IntArray, random: np.random.Generator) -> IntArray:
    """Return all rows in an order whose every beginning holds each owner's share."""
    keys = np.empty(len(owners))
    shuffled = random.permutation(len(owners))
    for owner in np.unique(owners):
        members = shuffled[owners[shuffled] == owner]
        keys[members] = (np.arange(len(members)) + random.random()) / len(members)
    return np.argsort(keys, kind="stable")


def distinct(data: Set, rows: IntArray) -> IntArray:
    """Return the first rows of near-duplicates."""
    first: dict[str, int] = {}
    for row in rows.tolist():
        first.setdefault(normal_form(data.lessons.texts[row]), row)
    return np.array(list(first.values()), dtype=np.intp)


def examples_of(data: Set, rows: IntArray) -> tuple[Example, ...]:
    """Return cases as examples, the way a file of them is read: near-duplicates count once."""
    lines = (
        LabelledQuery(data.cases[row].line, data.cases[row].query, data.cases[row].expected)
        for row in rows.tolist()
    )
    return collect_examples(lines, "cases.csv").examples


def taught_router(data: Set, rows: IntArray, *, on_disk: bool = True) -> Router:
    """Join the package's own parts on the registry with some cases as examples."""
    registry = Registry(data.registry.agents, examples_of(data, rows))
    return build_router(data.settings, registry, None, on_disk=on_disk)


async def gathered(router: Router, cases: Sequence[Case]) -> Run:
    """Gather evidence as an evaluation does: what is an example is scored as if it were none."""
    run = Run(tuple(cases))
    async for grown in gather_cases(router, cases):
        run = grown
    return run
