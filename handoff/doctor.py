"""What can route here, with which settings, and where they came from; never the key."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handoff.background import BackgroundLoop
from handoff.bootstrap import build_connection, build_router
from handoff.core.errors import HandoffError
from handoff.core.model import Agent, Registry
from handoff.core.texts import shorten
from handoff.files.examples import load_examples
from handoff.files.policy import Ground, load_policy
from handoff.files.registry import load_registry
from handoff.files.settings import Settings, load_settings
from handoff.trace import Trace

_PROBE = Registry((Agent("probe", "Probe", "Answers whether anybody is there.", ("probe",)),))


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, how it is, and whether it keeps from routing."""

    subject: str
    text: str
    fatal: bool = False


def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Look at settings, registry, policy, cache and providers; asks each provider once."""
    try:
        settings = load_settings(environ)
    except HandoffError as error:
        return [Finding("settings", str(error), fatal=True)]
    return [
        *_files(settings),
        _folder("cache", settings.cache_dir, "routing is slower"),
        _folder("verdicts", settings.state_dir, "no verdict can be kept"),
        *_settings(settings, environ),
        *_providers(settings),
    ]


def _files(settings: Settings) -> list[Finding]:
    """Read the files that a route reads, as it reads them."""
    where = shorten(str(settings.registry), 200)
    try:
        registry = load_registry(settings.registry)
    except HandoffError as error:
        findings = [Finding("registry", str(error), fatal=True)]
        return [*findings, _policy(settings, None)]
    findings = [
        Finding("registry", f"{where}: {len(registry):,} agents, {len(registry.vocabulary):,} tags")
    ]
    if settings.examples is None:
        return [*findings, Finding("examples.csv", "none"), _policy(settings, registry)]
    try:
        found = load_examples(settings.examples, registry)
    except HandoffError as error:
        findings.append(Finding("examples.csv", str(error), fatal=True))
        return [*findings, _policy(settings, None)]
    left_out = f", {len(found.failed):,} rows left out" if found.failed else ""
    told = f"{shorten(str(settings.examples), 200)}: {len(found.examples):,} examples{left_out}"
    findings.append(Finding("examples.csv", told))
    return [*findings, _policy(settings, Registry(registry.agents, found.examples))]


def _policy(settings: Settings, registry: Registry | None) -> Finding:
    """Read handoff.toml, and whether it was found on what is routed on, where that is known."""
    subject = "handoff.toml"
    try:
        ground = None
        if registry is not None:
            router = build_router(settings, registry, build_connection(settings), on_disk=False)
            ground = Ground(router.embedder.identity, registry.fingerprint)
        load_policy(settings.config, 0.0, ground)
    except HandoffError as error:
        return Finding(subject, str(error), fatal=True)
    where = "none" if settings.config is None else shorten(str(settings.config), 200)
    return Finding(subject, where)


def _folder(subject: str, folder: Path, otherwise: str) -> Finding:
    probe = folder / ".writable"
    where = shorten(str(folder), 200)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as failure:
        return Finding(subject, f"{where} cannot be written ({failure.strerror}): {otherwise}")
    return Finding(subject, f"{where} can be written")


def _settings(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    def source(name: str) -> str:
        return name if environ.get(name) else "default"

    findings = [
        Finding("embedder", f"{settings.embedder} ({source('HANDOFF_EMBEDDER')})"),
        Finding("tagger", f"{settings.tagger} ({source('HANDOFF_TAGGER')})"),
    ]
    reach = settings.openai
    if reach is None:
        return [*findings, Finding("OpenAI key", "none: set OPENAI_API_KEY to use OpenAI")]
    from_environment = bool((environ.get("OPENAI_API_KEY") or "").strip())
    where = "OPENAI_API_KEY" if from_environment else ".streamlit/secrets.toml"
    cap = settings.spending_cap_usd
    return [
        *findings,
        Finding("OpenAI key", f"there ({where})"),
        Finding("server", "OpenAI's own" if reach.base_url is None else "that of OPENAI_BASE_URL"),
        Finding("chat model", f"{reach.chat_model} ({source('HANDOFF_OPENAI_CHAT_MODEL')})"),
        Finding(
            "embedding model",
            f"{reach.embedding_model} ({source('HANDOFF_OPENAI_EMBEDDING_MODEL')})",
        ),
        Finding("spending cap", "none" if cap is None else f"${cap:g} (HANDOFF_SPENDING_CAP_USD)"),
    ]


def _providers(settings: Settings) -> list[Finding]:
    """Route one query over a registry of one agent, without the cache."""
    try:
        connection = build_connection(settings)
        router = build_router(settings, _PROBE, connection, on_disk=False)
    except HandoffError as error:
        return [Finding("providers", str(error), fatal=True)]
    trace = Trace()
    with BackgroundLoop() as loop:
        try:
            evidence = loop.run(router.gather("Is anybody there?", trace))
        except HandoffError as error:
            return [Finding("embedder answers", f"no: {error}", fatal=True)]
        finally:
            if connection is not None:
                loop.run(connection.close())
    troubles = [span.facts.trouble for span in trace.spans if span.facts.trouble]
    return [
        Finding("embedder answers", f"yes: {evidence.embedder}"),
        Finding("tagger answers", f"no: {troubles[0]}" if troubles else f"yes: {evidence.tagger}"),
    ]


def report(findings: list[Finding]) -> str:
    """Return the findings as lines."""
    width = max(len(finding.subject) for finding in findings)
    return "\n".join(
        f"{'!' if finding.fatal else ' '} {finding.subject:<{width}}  {finding.text}"
        for finding in findings
    )
