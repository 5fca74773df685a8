"""What can route here, with which settings, and where they came from; never the key."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from handoff.background import BackgroundLoop
from handoff.bootstrap import CACHE_NAME, build_connection, build_router
from handoff.core.errors import ExamplesError, HandoffError, ProviderError, RegistryError
from handoff.core.model import Agent, Registry
from handoff.core.tagging import MOST_TAGS
from handoff.core.texts import shorten
from handoff.files.examples import Examples
from handoff.files.openai_settings import OpenAISettings
from handoff.files.servers import Server
from handoff.files.settings import Settings, load_settings
from handoff.providers.embedded import choose_embedded, tell_alone
from handoff.report.numbers import milliseconds
from handoff.report.route_words import waiting
from handoff.resilience.cache import VectorCache
from handoff.trace import Trace
from handoff.workbench import Workbench, open_workbench

_PROBE = Registry((Agent("probe", "Probe", "Answers whether anybody is there.", ("probe",)),))


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, how it is, and whether it keeps from routing."""

    subject: str
    text: str
    fatal: bool = False


def examine(environ: Mapping[str, str], tell: Callable[[str], object]) -> list[Finding]:
    """Look at settings, registry, policy, cache and providers; asks each provider once.

    Args:
        environ: The variables.
        tell: Is told what is waited for, where that may take a while.
    """
    try:
        settings = load_settings(environ)
    except HandoffError as error:
        return [Finding("settings", str(error), fatal=True)]
    return [
        *_files(settings),
        _folder("cache", settings.cache_dir, "routing is slower"),
        _folder("verdicts", settings.state_dir, "no verdict can be kept"),
        *_settings(settings, environ),
        _hosts(environ),
        *_providers(settings, tell),
    ]


def _files(settings: Settings) -> list[Finding]:
    """Open what a route opens; whatever ends a route is fatal here, in the same words."""
    findings: list[Finding] = []
    try:
        with open_workbench(settings) as bench:
            agents, examples = bench.registry, bench.examples
            findings.append(
                _file(
                    "registry",
                    settings.registry,
                    f"{len(agents):,} agents, {len(agents.vocabulary):,} tags",
                )
            )
            left_out = f", {len(examples.failed):,} rows left out" if examples.failed else ""
            told = f"{len(examples.examples):,} examples{left_out}"
            findings.append(_file("examples.csv", settings.examples, told))
            _, stale = bench.policy_or_default()
            if stale is None:
                findings.append(_file("handoff.toml", settings.config))
            else:
                findings.append(Finding("handoff.toml", stale.passed_over))
    except RegistryError as error:
        return [Finding("registry", str(error), fatal=True)]
    except ExamplesError as error:
        # The agents can be read: what else ends a route is told with them.
        rest = _files(replace(settings, examples=None))
        return [*rest[:1], Finding("examples.csv", str(error), fatal=True)]
    except HandoffError as error:
        subject = "handoff.toml" if findings else "settings"
        return [*findings, Finding(subject, str(error), fatal=True)]
    return findings


def _file(subject: str, path: Path | None, told: str = "") -> Finding:
    if path is None:
        return Finding(subject, "none")
    where = shorten(str(path), 200)
    return Finding(subject, f"{where}: {told}" if told else where)


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


def _hosts(environ: Mapping[str, str]) -> Finding:
    """Tell under which names the page answers; `.streamlit/config.toml` holds the default."""
    names = (environ.get("STREAMLIT_SERVER_ALLOWED_HOSTS") or "").split()
    if not names:
        return Finding("page's hosts", "localhost, 127.0.0.1, ::1 (default)")
    told = shorten(", ".join(names), 200)
    return Finding("page's hosts", f"{told} (STREAMLIT_SERVER_ALLOWED_HOSTS)")


def _settings(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    def source(name: str) -> str:
        return name if environ.get(name) else "default"

    alone = tell_alone()
    findings = [
        Finding("embedder", f"{settings.embedder} ({source('HANDOFF_EMBEDDER')})"),
        *([Finding("embedded model", alone)] if alone and settings.embedded == "local" else []),
        Finding("tagger", f"{settings.tagger} ({source('HANDOFF_TAGGER')})"),
    ]
    reach = settings.openai
    if reach is None:
        return [*findings, Finding("OpenAI key", "none: set OPENAI_API_KEY to use OpenAI")]
    cap = settings.spending_cap_usd
    return [
        *findings,
        *_servers(reach, environ),
        Finding("chat model", f"{reach.chat_model} ({source('HANDOFF_OPENAI_CHAT_MODEL')})"),
        Finding(
            "embedding model",
            f"{reach.embedding_model} ({source('HANDOFF_OPENAI_EMBEDDING_MODEL')})",
        ),
        Finding("spending cap", "none" if cap is None else f"${cap:g} (HANDOFF_SPENDING_CAP_USD)"),
    ]


def _servers(reach: OpenAISettings, environ: Mapping[str, str]) -> list[Finding]:
    """Tell who is asked for chats and vectors, with which key."""
    chat, embeddings = reach.server("chat"), reach.server("embeddings")
    if not reach.serves("chat"):
        keys = [Finding("OpenAI key", "none, so nobody is asked to chat: set OPENAI_API_KEY")]
    else:
        keys = [
            Finding("OpenAI key", _key(chat, environ)),
            Finding(
                "server", "OpenAI's own" if chat.address is None else f"that of {chat.named_by}"
            ),
        ]
    if embeddings == chat:
        return keys
    return [
        *keys,
        Finding("embedding key", _key(embeddings, environ)),
        Finding(
            "embedding server",
            "OpenAI's own" if embeddings.address is None else f"that of {embeddings.named_by}",
        ),
    ]


def _key(server: Server, environ: Mapping[str, str]) -> str:
    """Tell where a server's key comes from; never the key."""
    name = server.key_named_by
    if not server.key:
        return f"none is sent to {server.label}; where it wants one, set {name}"
    from_environment = bool((environ.get(name) or "").strip())
    return f"there ({name if from_environment else '.streamlit/secrets.toml'})"


def _providers(settings: Settings, tell: Callable[[str], object]) -> list[Finding]:
    """Join the providers, ask them, and look at what the cache holds beside their vectors."""
    try:
        connection = build_connection(settings)
        router = build_router(settings, _PROBE, connection, on_disk=False)
    except HandoffError as error:
        return [Finding("providers", str(error), fatal=True)]
    bench = Workbench(settings, router, Examples(), connection, BackgroundLoop())
    if bench.may_load:
        tell(waiting(bench.may_load, ""))
    return [*_answers(bench), *_kept(bench)]


def _answers(bench: Workbench) -> list[Finding]:
    """Route one query over a registry of one agent, without the cache."""
    trace = Trace()
    is_cold = bool(bench.may_load)
    try:
        with closing(bench):
            (evidence,) = bench.gather(["Is anybody there?"], trace)
    except ProviderError as error:
        return [Finding("embedder answers", f"no: {error}", fatal=True)]
    known = bench.connection.dialects.known() if bench.connection else []
    refused = [
        Finding(
            f"{endpoint} refuses",
            f"{shorten('; '.join(form for forms in dialect.refused.values() for form in forms))} "
            "(asked for otherwise since)",
        )
        for endpoint, _, dialect in known
        if dialect.refused
    ]
    troubles = [span.facts.trouble for span in trace.spans if span.facts.trouble]

    def after(stage: str) -> str:
        (took,) = [span.ms for span in trace.spans if span.name == stage]
        return f", after {milliseconds(took)}" if is_cold else ""

    return [
        Finding("embedder answers", f"yes: {evidence.embedder}{after('embed_query')}"),
        Finding(
            "tagger answers",
            f"no: {troubles[0]}" if troubles else f"yes: {evidence.tagger}{after('extract_tags')}",
        ),
        *refused,
    ]


def _kept(bench: Workbench) -> list[Finding]:
    """Tell what the cache holds of models that are not in use: it stays, and is never read."""
    path = bench.settings.cache_dir / CACHE_NAME
    in_use = {
        bench.router.embedder.dimensions,
        choose_embedded(bench.settings.embedded).dimensions,
    }
    if None in in_use:
        # An unknown model that did not answer: these may be its own.
        return []
    cache = VectorCache(path)
    census = cache.census()
    cache.close()
    others = [
        of_one
        for length, of_one in census.items()
        if length > MOST_TAGS + 1 and length not in in_use
    ]
    if not others:
        return []
    vectors, size = (sum(part) for part in zip(*others, strict=True))
    return [
        Finding(
            "cached vectors",
            f"{vectors:,} of another model than those in use, {size / 1e6:.1f} MB, are never read: "
            f"delete {shorten(str(path), 200)} to drop them with the rest, which is embedded again",
        )
    ]


def report(findings: list[Finding]) -> str:
    """Return the findings as lines."""
    width = max(len(finding.subject) for finding in findings)
    return "\n".join(
        f"{'!' if finding.fatal else ' '} {finding.subject:<{width}}  {finding.text}"
        for finding in findings
    )
