"""The labelled set of a session: which one, what the visitor added, and its evidence.

Evidence is gathered once; what was gathered stays when the visitor stops, adds a label, or comes
back from another page.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from handoff.core.errors import CasesError, QueryError
from handoff.core.texts import parse_query, shorten
from handoff.evaluation.judged import Labelled
from handoff.evaluation.run import (
    Run,
    check_size,
    forget_failures,
    label_run,
    reuse,
)
from handoff.files.cases import SHAPE, Case, Cases, add_cases, parse_known_cases
from handoff.files.csv_table import load_bytes
from handoff.files.sole_writer import sole_writer
from handoff.report.markdown import plain
from handoff.report.route_words import waiting
from handoff.report.set_words import set_notes
from handoff.ui.calls import evidence_key
from handoff.ui.opened import Opened, cases_in_use
from handoff.ui.prices import queries_agreed
from handoff.ui.uploads import own_file

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


def _case_files(opened: Opened) -> list[Path]:
    """Return the files of cases: the settings' own, and those beside the registry."""
    own = opened.settings.cases
    folder = opened.settings.registry.parent
    beside = sorted(path for path in folder.glob("*.csv") if path.is_file() and _holds_cases(path))
    files = [] if own is None else [own]
    return files + [path for path in beside if own is None or path.resolve() != own.resolve()]


def choose_file(opened: Opened) -> Path | None:
    """Draw the choice of a set, the same on every page; None where the visitor uploaded one."""
    files = [] if opened.own else _case_files(opened)
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
    """Label a query for the rest of the session.

    Raises:
        QueryError: It is no query, or it has a label already.
    """
    query = parse_query(query)
    for case in cases.cases:
        if case.query == query and case.expected == expected:
            raise QueryError("this query is in the set", "with the same label, add another one")
        if case.query == query:
            raise QueryError(f"line {case.line} labels this query differently", "correct it there")
    line = max((case.line for case in cases.cases), default=1) + 1
    _keep_added(opened, [*_all_added(opened), Case(query, expected, "", line)])


def added(opened: Opened) -> int:
    """Return how many labels the visitor added for these agents."""
    return len(_added(opened))


def save_added(opened: Opened, path: Path) -> None:
    """Append the visitor's labels to a file of cases, each once; raises CasesError."""
    new = _added(opened)
    with sole_writer(path, CasesError):
        data = load_bytes(path, CasesError)
        read = parse_known_cases(data, shorten(path.name), opened.router.registry)
        # A second click may end the first one's run before it has told what it wrote.
        held = {(case.query, case.expected) for case in read.cases}
        missing = [case for case in new if (case.query, case.expected) not in held]
        if missing:
            add_cases(path, missing)
    # What was added for agents that are gone meanwhile was not written, and may come to use.
    written = set(new)
    _keep_added(opened, [case for case in _all_added(opened) if case not in written])


def gather_set(opened: Opened, cases: Cases, doing: str) -> LabelledSet | None:
    """Gather what is missing of a set, with progress; return what can be analysed.

    Where that is nothing yet, because the visitor has to agree first, stopped, or no case could be
    gathered, the page says so and offers to go on.

    Args:
        opened: What it is routed on.
        cases: The set.
        doing: What the progress counts, as "Gathered".

    Raises:
        CasesError: The set is too large for the registry.
        ProviderError: The agents could not be embedded.
    """
    if not queries_agreed(opened, _ungathered(opened, cases), "This", f"ask_{doing}"):
        return None
    place = st.empty()
    may_load = opened.bench.may_load
    if may_load:
        place.caption(waiting(may_load, ""))
    for run in _gather(opened, cases):
        with place.container(horizontal=True, vertical_alignment="center"):
            total = len(run.cases)
            st.progress(run.tried / total, f"{doing} {run.tried:,} of {total:,}")
            if run.tried < total:
                # A button's key is used once a run.
                key = f"stop_{doing}_{run.tried}"
                st.button("Stop", on_click=_stop, args=(cases,), key=key)
    place.empty()
    found = _current(opened, cases)
    if found is None:
        for note in set_notes(cases, None, _failures(opened, cases)):
            st.error(plain(note), icon=":material/error:")
        if _stopped(cases):
            st.info("Stopped before anything was gathered.", icon=":material/hourglass_top:")
        st.button("Go on", on_click=go_on, icon=":material/play_arrow:")
    return found


def _ungathered(opened: Opened, cases: Cases) -> int:
    """Return of how many cases there is no evidence yet."""
    return len(cases.cases) - len(_run(opened, cases).rows)


def _stop(cases: Cases) -> None:
    """Leave the rest of the set ungathered."""
    st.session_state["set_stopped"] = cases.cases


def _stopped(cases: Cases) -> bool:
    """Tell whether the visitor stopped gathering this set."""
    return bool(st.session_state.get("set_stopped") == cases.cases)


def go_on() -> None:
    """Gather what is missing, and try again what failed."""
    st.session_state["set_stopped"] = None
    st.session_state["set_runs"] = [(key, forget_failures(run)) for key, run in _runs()]


def _gather(opened: Opened, cases: Cases) -> Iterator[Run]:
    """Gather what is missing of a set, unless the visitor stopped; yield the run as it grows.

    Raises:
        CasesError: The set is too large for the registry.
    """
    run = _run(opened, cases)
    check_size(len(cases.cases), len(opened.router.registry))
    if run.tried >= len(cases.cases) or _stopped(cases):
        _keep_run(opened, run)
        return
    for grown in opened.bench.gather_set(cases.cases, run):
        _keep_run(opened, grown)
        yield grown


def _current(opened: Opened, cases: Cases) -> LabelledSet | None:
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


def _failures(opened: Opened, cases: Cases) -> list[str]:
    """Return why cases could not be gathered."""
    return list(_run(opened, cases).failures.values())


def _added(opened: Opened) -> list[Case]:
    """Return the visitor's labels for these agents, whose ids the registry still has."""
    known = opened.router.registry.positions
    return [case for case in _all_added(opened) if case.expected is None or case.expected in known]


def all_labels() -> dict[bool, tuple[Case, ...]]:
    """Return the visitor's labels: of the agents on disk under False, of uploaded ones under True.

    They are in no file yet.
    """
    labels: dict[bool, list[Case]] = st.session_state.get("set_added", {})
    return {own: tuple(labels.get(own, ())) for own in (False, True)}


def bring_back_labels(labels: Sequence[Case], *, own: bool) -> None:
    """Go on with labels that were in no file when the visitor left."""
    st.session_state.setdefault("set_added", {})[own] = list(labels)


def _all_added(opened: Opened) -> list[Case]:
    """Return the visitor's labels, those of agents that are gone too."""
    labels: dict[bool, list[Case]] = st.session_state.setdefault("set_added", {})
    return labels.get(opened.own, [])


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
    """Tell whether the first line that is not blank names the columns of cases."""
    try:
        with path.open("rb") as file:
            begin = file.read(_FIRST_BYTES).decode("utf-8-sig", errors="replace")
        records = csv.reader(io.StringIO(begin, newline=""))
        header = next((cells for cells in records if any(map(str.strip, cells))), [])
    except (OSError, csv.Error):
        return False
    return set(SHAPE.required) <= {name.strip().lower() for name in header}
