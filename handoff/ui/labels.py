"""The labelled set of a visit: which one, what the visitor added, and the evidence gathered for it.

Evidence is gathered once; what was gathered stays when the visitor stops, adds a label, or comes
back from another page.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import streamlit as st

from handoff.core.errors import CasesError, QueryError
from handoff.core.learning import Lessons
from handoff.core.model import Example, Policy, Registry
from handoff.core.texts import parse_query
from handoff.core.word_overlap import normal_form
from handoff.evaluation.analysis import Analysis, analyse
from handoff.evaluation.judged import Labelled
from handoff.evaluation.proof import MOST_TO_LEARN, Worth, part, thin
from handoff.evaluation.recommend import OwnThresholds
from handoff.evaluation.run import (
    Run,
    check_size,
    forget_failures,
    label_run,
    reuse,
)
from handoff.files.cases import SHAPE, Case, Cases, append_cases
from handoff.files.csv_table import load_bytes
from handoff.files.examples import MOST_EXAMPLES, LabelledQuery, collect_examples
from handoff.files.examples import save_examples as write_examples
from handoff.files.registry import save_registry
from handoff.files.settings import EXAMPLES_NAME
from handoff.files.whole_file import write_whole
from handoff.ui.calls import evidence_key
from handoff.ui.opened import Opened, cases_in_use
from handoff.ui.session import recalled, remember, remembered
from handoff.ui.uploads import own_file
from handoff.workbench import measure_worth

MOST_RUNS = 6

_FIRST_BYTES = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSet:
    """What can be analysed now.

    Attributes:
        cases: The set, with what the visitor added.
        run: What was gathered of it.
        labelled: The same, laid out.
    """

    cases: Cases
    run: Run
    labelled: Labelled

    @property
    def failed(self) -> int:
        """How many cases could not be read or gathered."""
        return len(self.cases.failed) + len(self.run.failures)


def case_files(opened: Opened) -> list[Path]:
    """Return the files of cases: the settings' own, and those beside the registry."""
    own = opened.settings.cases
    folder = opened.settings.registry.parent
    beside = sorted(path for path in folder.glob("*.csv") if _holds_cases(path))
    files = [] if own is None else [own]
    return files + [path for path in beside if own is None or path.resolve() != own.resolve()]


def choose_file(opened: Opened) -> Path | None:
    """Draw the choice of a set, the same on every page; None where the visitor lent one."""
    files = [] if opened.own else case_files(opened)
    if own_file("cases") is not None or not files:
        return None
    return st.selectbox(
        "Set",
        files,
        format_func=lambda path: path.name,
        key="case_file",
        persist_state="session",
        label_visibility="collapsed",
    )


def load(opened: Opened, chosen: Path | None) -> Cases:
    """Return the chosen set with what the visitor added to it; raises CasesError."""
    read = cases_in_use(opened, chosen)
    new = _added(opened)
    return replace(read, cases=(*read.cases, *new)) if new else read


def add(opened: Opened, cases: Cases, query: str, expected: str | None) -> None:
    """Label a query for the rest of the visit.

    Raises:
        QueryError: It is no query, or it has a label already.
    """
    query = parse_query(query)
    for case in cases.cases:
        if case.query == query and case.expected == expected:
            raise QueryError("this query is in the set", "with the same label, add another one")
        if case.query == query:
            raise QueryError(f"line {case.line} labels this query otherwise", "correct it there")
    line = max((case.line for case in cases.cases), default=1) + 1
    _keep_added(opened, [*_added(opened), Case(query, expected, "", line)])


def added(opened: Opened) -> int:
    """Return how many labels the visitor added for these agents."""
    return len(_added(opened))


def save_added(opened: Opened, path: Path) -> None:
    """Append the visitor's labels to a file of cases; raises CasesError."""
    data = load_bytes(path, CasesError)
    write_whole(path, append_cases(data, path.name, _added(opened)), CasesError)
    _keep_added(opened, [])


def ungathered(opened: Opened, cases: Cases) -> int:
    """Return of how many cases there is no evidence yet."""
    return len(cases.cases) - len(_run(opened, cases).rows)


def stop(cases: Cases) -> None:
    """Leave the rest of the set ungathered."""
    st.session_state["set_stopped"] = cases.cases


def stopped(cases: Cases) -> bool:
    """Tell whether the visitor stopped gathering this set."""
    return bool(st.session_state.get("set_stopped") == cases.cases)


def go_on() -> None:
    """Gather what is missing, and try again what failed."""
    st.session_state["set_stopped"] = None
    st.session_state["set_runs"] = [(key, forget_failures(run)) for key, run in _runs()]


def gather(opened: Opened, cases: Cases) -> Iterator[Run]:
    """Gather what is missing of a set, unless the visitor stopped; yield the run as it grows.

    Raises:
        CasesError: The set is too large for the registry.
    """
    run = _run(opened, cases)
    check_size(len(cases.cases), len(opened.router.registry))
    if run.tried >= len(cases.cases) or stopped(cases):
        _keep_run(opened, run)
        return
    for grown in opened.bench.gather_set(cases.cases, run):
        _keep_run(opened, grown)
        yield grown


def current(opened: Opened, cases: Cases) -> LabelledSet | None:
    """Return what can be analysed now; None before the first case was gathered."""
    run = _run(opened, cases)
    if not run.rows:
        return None
    registry = opened.router.registry
    laid_out: dict[tuple[str, ...], tuple[object, Labelled]] = st.session_state.setdefault(
        "set_labelled", {}
    )
    parts, labelled = laid_out.get(_key(opened), (None, None))
    if parts is not run.parts or labelled is None or labelled.registry is not registry:
        labelled = label_run(run, registry)
        for key in set(laid_out) - {key for key, _ in _runs()}:
            del laid_out[key]
        laid_out[_key(opened)] = (run.parts, labelled)
    return LabelledSet(cases, run, labelled)


def failures(opened: Opened, cases: Cases) -> list[str]:
    """Return why cases could not be gathered."""
    return list(_run(opened, cases).failures.values())


def save_own_thresholds(opened: Opened, own: OwnThresholds) -> None:
    """Write the agents' own thresholds into the registry's file; raises RegistryError."""
    save_registry(opened.settings.registry, with_own_thresholds(opened.router.registry, own))


def with_own_thresholds(registry: Registry, own: OwnThresholds) -> Registry:
    """Return a registry with these thresholds and no others."""
    return Registry(
        tuple(
            replace(agent, threshold=None if value != value else round(value, 4))  # noqa: PLR0124 - NaN
            for agent, value in zip(registry.agents, own.thresholds.tolist(), strict=True)
        )
    )


def baseline(labelled_set: LabelledSet, policy: Policy) -> Analysis:
    """Analyse the set under the saved policy, which stays while controls move."""
    labelled, failed = labelled_set.labelled, labelled_set.failed
    return remembered(
        "tune_baseline", (labelled, policy, failed), lambda: analyse(labelled, policy, failed)
    )


def examples(opened: Opened) -> tuple[Example, ...]:
    """Return what routing learns from in this visit: what is on disk, unless it was changed."""
    registry = opened.router.registry
    changed: tuple[Example, ...] | None = st.session_state.get("tune_examples")
    if changed is None:
        return registry.examples
    known = registry.positions
    return tuple(one for one in changed if one.agent is None or one.agent in known)


def teach(opened: Opened, cases: Sequence[Case]) -> list[str]:
    """Make examples of cases, for the rest of the visit; return why some cannot be.

    Those that an example says already, word for word or nearly, count once.
    """
    before = [LabelledQuery(0, example.query, example.agent) for example in examples(opened)]
    found = collect_examples(
        [*before, *(LabelledQuery(case.line, case.query, case.expected) for case in cases)],
        "The set",
    )
    if len(found.examples) > MOST_EXAMPLES:
        return [f"At most {MOST_EXAMPLES:,} examples can be learned from: choose fewer."]
    st.session_state["tune_examples"] = found.examples
    return list(found.failed)


def take_back(opened: Opened, cases: Sequence[Case]) -> None:
    """Let cases be examples no more, for the rest of the visit."""
    gone = {normal_form(case.query) for case in cases}
    st.session_state["tune_examples"] = tuple(
        example for example in examples(opened) if normal_form(example.query) not in gone
    )


def discard_examples() -> None:
    """Go back to the examples on disk."""
    st.session_state["tune_examples"] = None


def save_examples(opened: Opened) -> Path:
    """Write this visit's examples beside the registry; return where; raises ExamplesError."""
    path = opened.settings.registry.parent / EXAMPLES_NAME
    write_examples(path, examples(opened))
    st.session_state["tune_examples"] = None
    return path


def measure(opened: Opened, labelled_set: LabelledSet) -> None:
    """Prove what the set would teach, and keep the proof for the visit."""
    run, evidence = labelled_set.run, labelled_set.labelled.evidence
    known: dict[str, int] = {}
    for row, case in enumerate(run.judged_cases):
        known.setdefault(normal_form(case.query), row)
    rows = np.array(list(known.values()), dtype=np.intp)
    lessons = Lessons(
        tuple(evidence.queries[row] for row in rows.tolist()),
        evidence.vectors[rows],
        labelled_set.labelled.expected[rows],
    )
    lessons = part(lessons, thin(lessons, MOST_TO_LEARN))
    worth = measure_worth(opened.bench.embed_agents(), lessons)
    remember("tune_worth", _stands_on(opened, run), worth)


def measured(opened: Opened, labelled_set: LabelledSet) -> Worth | None:
    """Return the proof for this set, if it was measured."""
    worth: Worth | None = recalled("tune_worth", _stands_on(opened, labelled_set.run))
    return worth


def _stands_on(opened: Opened, run: Run) -> tuple[object, ...]:
    return opened.router.registry.agents, run.cases


def _added(opened: Opened) -> list[Case]:
    """Return the visitor's labels for these agents, whose ids the registry still has."""
    labels: dict[bool, list[Case]] = st.session_state.setdefault("set_added", {})
    known = opened.router.registry.positions
    return [
        case
        for case in labels.get(opened.own, [])
        if case.expected is None or case.expected in known
    ]


def _keep_added(opened: Opened, new: list[Case]) -> None:
    st.session_state.setdefault("set_added", {})[opened.own] = new


def _run(opened: Opened, cases: Cases) -> Run:
    """Return the run of this set, or a new one that has what another set's run gathered."""
    mine = [run for key, run in reversed(_runs()) if key == _key(opened)]
    for run in mine:
        if run.cases == cases.cases:
            return run
    return reuse(mine[0], cases.cases) if mine else Run(cases.cases)


def _keep_run(opened: Opened, run: Run) -> None:
    """Keep a run as the newest, in the place of an earlier state of it."""
    key = _key(opened)
    others = [kept for kept in _runs() if kept[0] != key or kept[1].cases != run.cases]
    st.session_state["set_runs"] = [*others, (key, run)][-MOST_RUNS:]


def _runs() -> list[tuple[tuple[str, ...], Run]]:
    runs: list[tuple[tuple[str, ...], Run]] = st.session_state.setdefault("set_runs", [])
    return runs


def _key(opened: Opened) -> tuple[str, ...]:
    return evidence_key(opened.router)


def _holds_cases(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = next(csv.reader([file.readline(_FIRST_BYTES)]), [])
    except (OSError, csv.Error):
        return False
    return set(SHAPE.required) <= {name.strip().lower() for name in header}
