"""The bench that a page works on: the agents in use, their labelled queries, and the policy."""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from handoff.bootstrap import preload
from handoff.core.errors import (
    CasesError,
    ExamplesError,
    HandoffError,
    RegistryError,
    StalePolicyError,
    TableError,
)
from handoff.core.model import Example, Policy, Registry
from handoff.core.texts import shorten
from handoff.files.cases import Cases, load_cases, parse_cases
from handoff.files.drafts import LentFile
from handoff.files.registry import parse_registry
from handoff.files.settings import Settings, load_settings
from handoff.report.markdown import plain
from handoff.router import Router
from handoff.ui.calls import connection, loop
from handoff.ui.parts import complain, complaint_stops
from handoff.ui.session import remembered
from handoff.ui.uploads import own_file, parse_upload
from handoff.workbench import Workbench, build_workbench

MOST_BENCHES = 4
MOST_LENT_AGENTS = 10_000
"""Each visitor's are embedded anew and kept in memory: so many take about 50 MB."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The registry in use.

    Attributes:
        bench: What routes on it.
        own: It was uploaded for this session.
        complaints: Why another registry than the one asked for is in use.
    """

    bench: Workbench
    own: bool
    complaints: tuple[HandoffError, ...] = ()

    @property
    def settings(self) -> Settings:
        """What the environment said."""
        return self.bench.settings

    @property
    def router(self) -> Router:
        """Over the registry."""
        return self.bench.router


def open_page() -> tuple[Opened, Policy]:
    """Open what every page begins with, and tell what is unusual about it.

    Where there is nothing to work on, the page says why and ends here.
    """
    with complaint_stops():
        opened = open_registry()
        for told in opened.complaints:
            complain(told)
        if opened.complaints:
            st.caption("The page continues with the agents that it read before.")
        policy, stale = policy_in_use(opened)
        if stale is not None:
            sentence = f"{plain(stale.passed_over)} Find one again and save it on Tune."
            st.warning(sentence, icon=":material/rule_settings:")
            st.button("Use handoff.toml anyway", on_click=force_policy, args=(opened,))
    return opened, policy


def open_registry() -> Opened:
    """Choose the registry: the uploaded one, else the one on disk, else the one used last.

    Raises:
        HandoffError: There is none to fall back on.
    """
    uploaded = own_file("agents")
    complaints: list[HandoffError] = []
    last: Opened | None = st.session_state.get("opened")
    try:
        chosen = load_settings(os.environ)
    except HandoffError as error:
        if last is None:
            raise
        complaints.append(error)
        chosen = last.settings
    if uploaded is not None:
        try:
            return Opened(_own_bench(chosen, uploaded), own=True)
        except HandoffError as error:
            complaints.append(error)
    try:
        bench = _bench(chosen, _stamps(chosen))
    except ExamplesError as error:
        complaints.append(error)
        chosen = replace(chosen, examples=None)
        bench = _bench(chosen, _stamps(chosen))
    except HandoffError as error:
        told = _gone(chosen.registry, "agents", RegistryError) or error
        if last is None:
            raise told from None
        complaints.append(told)
        bench = replace(last.bench, settings=chosen)
    found = Opened(bench, own=False)
    st.session_state["opened"] = found
    return replace(found, complaints=tuple(complaints))


def with_examples(opened: Opened, examples: tuple[Example, ...]) -> Opened:
    """Return the registry with other examples than those on disk, for this session."""
    return with_registry(opened, Registry(opened.router.registry.agents, examples))


def examples_in_use(opened: Opened) -> tuple[Example, ...]:
    """Return what routing learns from in this session: what is on disk, unless it was changed."""
    registry = opened.router.registry
    changed: tuple[Example, ...] | None = st.session_state.get("tune_examples")
    return registry.examples if changed is None else examples_of(registry, changed)


def examples_of(registry: Registry, examples: tuple[Example, ...]) -> tuple[Example, ...]:
    """Return the examples of agents that the registry has, and of nobody."""
    known = registry.positions
    return tuple(one for one in examples if one.agent is None or one.agent in known)


def with_registry(opened: Opened, other: Registry) -> Opened:
    """Return a bench over another registry than the one on disk, for this session."""
    registry = opened.router.registry
    if (other.agents, other.examples) == (registry.agents, registry.examples):
        return opened
    bench = remembered(
        "opened_others",
        (opened.settings, opened.own, other),
        lambda: opened.bench.over(other, on_disk=not opened.own),
        most=MOST_BENCHES,
    )
    return replace(opened, bench=bench)


def policy_in_use(opened: Opened) -> tuple[Policy, StalePolicyError | None]:
    """Read how evidence is judged; raises SettingsError.

    Returns:
        The policy, and, where handoff.toml was found on something else, why the embedder's default
        stands in its place.
    """
    return opened.bench.policy_or_default(force=st.session_state.get("policy_forced", False))


def force_policy(opened: Opened) -> None:
    """Use handoff.toml for the rest of the session, whatever it was found on."""
    st.session_state["policy_forced"] = True
    with suppress(HandoffError):
        forced, _ = policy_in_use(opened)
        st.session_state["t"] = forced.threshold
        st.session_state["m"] = forced.margin
        st.session_state["l"] = forced.lexical_weight
        st.session_state["a"] = forced.per_agent


def cases_in_use(opened: Opened, chosen: Path | None = None) -> Cases:
    """Return the labelled queries that fit the registry; raises CasesError.

    Args:
        opened: The registry in use.
        chosen: Their file, unless the visitor uploaded one; None for the settings' own.
    """
    registry = opened.router.registry
    uploaded = own_file("cases")
    if uploaded is not None:
        return parse_upload(
            "upload_cases_parsed",
            uploaded,
            lambda data, name: parse_cases(data, name, registry),
            registry.fingerprint,
        )
    path = chosen or opened.settings.cases
    if path is None or opened.own:
        return Cases((), ())
    gone = _gone(path, "cases", CasesError)
    if gone is not None:
        raise gone
    return _cases(path, (_stamp(path), registry.fingerprint), registry)


def _gone(path: Path, what: str, error: type[TableError]) -> TableError | None:
    """Return a complaint where a file of the server is gone: on a page nobody can name another."""
    if path.exists():
        return None
    return error(
        f"{shorten(path.name)} does not exist on the server: put it back, or upload {what} of "
        "your own under 'Your own agents, for this session'."
    )


def _own_bench(chosen: Settings, file: LentFile) -> Workbench:
    registry = parse_upload("upload_registry", file, _parse_lent)
    return remembered(
        "opened_own",
        (chosen, registry),
        lambda: build_workbench(chosen, connection(chosen), loop(), registry),
    )


def _parse_lent(data: bytes, name: str) -> Registry:
    registry = parse_registry(data, name)
    if len(registry) > MOST_LENT_AGENTS:
        raise RegistryError(
            f"{name} holds {len(registry):,} agents, and a visitor may lend {MOST_LENT_AGENTS:,}: "
            "lend fewer, or start the page with them (handoff ui --registry)."
        )
    return registry


@st.cache_resource(max_entries=8, show_spinner=False)
def _bench(
    chosen: Settings,
    stamps: tuple[object, ...],  # noqa: ARG001 - a key
) -> Workbench:
    bench = build_workbench(chosen, connection(chosen), loop())
    preload(chosen)
    return bench


@st.cache_resource(max_entries=8, show_spinner=False)
def _cases(path: Path, seen: tuple[object, str], _registry: Registry) -> Cases:  # noqa: ARG001
    return load_cases(path, _registry)


def _stamps(chosen: Settings) -> tuple[object, ...]:
    """Return what tells whether the registry or its examples changed on disk."""
    return _stamp(chosen.registry), None if chosen.examples is None else _stamp(chosen.examples)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what tells a changed file from an unchanged one; None where there is none."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size
