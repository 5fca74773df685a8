"""The bench that command line, page, batches and Flyte work on, and what is done on it.

It is opened in one place, so that whatever routes, routes on the same: the agents with their
examples, the providers that the settings name, and the policy that was found on these.
"""

import time
from collections.abc import AsyncGenerator, Coroutine, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from handoff.background import BackgroundLoop
from handoff.bootstrap import build_connection, build_router, open_registry
from handoff.core.agent_rows import AgentRows, texts_of
from handoff.core.errors import CasesError, HandoffError, StalePolicyError
from handoff.core.learning import Lessons, learn
from handoff.core.model import EvidenceSet, FloatArray, Policy, Registry, ThresholdSource
from handoff.core.texts import shorten
from handoff.evaluation.analysis import Analysis
from handoff.evaluation.proof import Worth, draw_curve, prove
from handoff.evaluation.recommend import Recommendation
from handoff.evaluation.run import Run, gather_cases
from handoff.files.cases import Case, Cases, add_cases, format_cases, parse_known_cases
from handoff.files.csv_table import load_bytes
from handoff.files.examples import Examples
from handoff.files.policy import (
    Found,
    Ground,
    format_policy,
    load_policy,
    parse_threshold,
    write_policy,
)
from handoff.files.settings import Settings
from handoff.files.sole_writer import sole_writer
from handoff.providers.openai.connection import OpenAIConnection
from handoff.router import Gathered, Router
from handoff.trace import Trace
from handoff.verdicts.conclusions import Additions, Regression, find_regressions, plan_additions
from handoff.verdicts.record import Verdict

Result = TypeVar("Result")
Grown = TypeVar("Grown")


@dataclass(frozen=True, slots=True, eq=False)
class Workbench:
    """What routes, and where it runs.

    Attributes:
        settings: Which parts were joined.
        router: Over the agents with their examples.
        examples: What the file of examples held.
        connection: To OpenAI; None without a key.
        loop: Where everything that is asynchronous runs; it belongs to whoever opened the bench.
    """

    settings: Settings
    router: Router
    examples: Examples
    connection: OpenAIConnection | None
    loop: BackgroundLoop

    @property
    def registry(self) -> Registry:
        """The agents with their examples."""
        return self.router.registry

    @property
    def ground(self) -> Ground:
        """What a threshold that is found here stands on."""
        return Ground(self.router.embedder.identity, self.registry.fingerprint)

    @property
    def may_load(self) -> tuple[str, ...]:
        """The labels of the servers that may have to load a model before they answer a query."""
        if self.connection is None:
            return ()
        jobs = {"chat": self.settings.tagger, "embeddings": self.settings.embedder}
        asked = [job for job, whose in jobs.items() if whose == "openai"]
        cold = filter(self.connection.is_cold, asked)
        servers = (self.connection.settings.server(job).label for job in cold)
        return tuple(dict.fromkeys(servers))

    def over(
        self, registry: Registry, examples: Examples | None = None, *, on_disk: bool = True
    ) -> "Workbench":
        """Return a bench over another registry, with the same connection and loop."""
        router = build_router(self.settings, registry, self.connection, on_disk=on_disk)
        return replace(self, router=router, examples=examples or Examples())

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine where the providers live, and wait for it."""
        return self.loop.run(work)

    def each(self, growing: AsyncGenerator[Grown]) -> Iterator[Grown]:
        """Take what an async generator yields, one by one; close it when nobody listens."""
        # Whoever is interrupted while this waits cancels the generator with it.
        while (grown := self.run(_next(growing))) is not None:
            try:
                yield grown
            except GeneratorExit:
                # Ending is at nobody's expense: a visitor who is gone can be asked for nothing.
                BackgroundLoop.start(self.loop, _close(growing)).result()
                raise

    def policy(self, threshold: str | None = None, *, force: bool = False) -> Policy:
        """Read how evidence is judged: a typed threshold, handoff.toml, the embedder's default.

        Args:
            threshold: As somebody typed it; None where nobody did.
            force: Take handoff.toml's word whatever it was found on.

        Raises:
            StalePolicyError: handoff.toml was found with another embedder or on other agents.
            SettingsError: handoff.toml or the threshold cannot be used.
        """
        default = self.router.embedder.default_threshold
        policy = load_policy(self.settings.config, default, self.ground, force=force)
        return _typed(policy, threshold)

    def policy_or_default(
        self, threshold: str | None = None, *, force: bool = False
    ) -> tuple[Policy, StalePolicyError | None]:
        """Read the policy; pass over a stale one as if there were no handoff.toml.

        Returns:
            The policy, and what was passed over, if anything.

        Raises:
            SettingsError: handoff.toml or the threshold cannot be used.
        """
        try:
            return self.policy(threshold, force=force), None
        except StalePolicyError as stale:
            policy = load_policy(None, self.router.embedder.default_threshold)
            return _typed(policy, threshold), stale

    def gather(self, queries: Sequence[str], trace: Trace) -> EvidenceSet:
        """Ask the outside world about queries; raises ProviderError."""
        return self.run(self.router.gather_many(queries, trace))

    def gather_each(self, queries: Sequence[str], trace: Trace) -> Gathered:
        """Ask about queries of which each fails alone; raises ProviderError where all do."""
        return self.run(self.router.gather_each(queries, trace))

    def gather_set(self, cases: Sequence[Case], earlier: Run | None = None) -> Iterator[Run]:
        """Gather a labelled set; yield the run as it grows. See `gather_cases`."""
        return self.each(gather_cases(self.router, cases, earlier))

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, shape (texts, dimensions); raises ProviderError."""
        return self.run(_embed(self.router, texts))

    def embed_agents(self) -> AgentRows:
        """Return the agents' unit rows; raises ProviderError."""
        texts = texts_of(self.registry.agents)
        return texts.rows(self.embed(texts.texts))

    def cost_usd(self, texts: Sequence[str]) -> float | None:
        """Return the most that embedding texts can cost; None where that is not known."""
        return self.router.embedder.cost_usd(texts)

    def policy_to_toml(
        self, analysis: Analysis, found: Recommendation | None, threshold: float | None = None
    ) -> str:
        """Return a policy as handoff.toml, with the figures it came to.

        A recommended threshold is told with its held-out figures, any other with those of the
        whole set.

        Args:
            analysis: Of a labelled set under the policy.
            found: What was recommended on it; None for nothing.
            threshold: In place of the policy's.
        """
        limit = analysis.policy.threshold if threshold is None else threshold
        policy = replace(analysis.policy, threshold=limit, source=ThresholdSource.CONFIG)
        taken = found is not None and found.best == found.threshold == policy.threshold
        counts = found.held_out if found is not None and taken else analysis.counts
        cases = found.cases if found is not None and taken else counts.cases
        return format_policy(
            policy,
            Found(
                ground=self.ground,
                date=datetime.now(UTC).date(),
                goal=str(found.goal) if found is not None and taken else "by hand",
                cases=cases,
                accuracy=counts.accuracy,
                coverage=counts.coverage,
            ),
        )

    def save_policy(self, text: str, path: Path | None = None) -> Path:
        """Write handoff.toml, beside the registry unless told otherwise; return where.

        Raises:
            SettingsError: It cannot be written.
        """
        target = path or self.settings.config_to_save
        write_policy(target, text)
        return target

    def regressions(
        self, verdicts: Sequence[Verdict], policy: Policy
    ) -> Iterator[tuple[int, list[Regression]]]:
        """Route again what was called right; see `find_regressions`."""
        return self.each(find_regressions(self.router, verdicts, policy))

    def verdicts_as_cases(self, verdicts: Sequence[Verdict]) -> str:
        """Return what was judged as a file of cases of its own."""
        return format_cases(plan_additions(verdicts, Cases((), ()), self.registry).cases)

    def add_verdicts_to_cases(self, verdicts: Sequence[Verdict], path: Path) -> Additions:
        """Add what was judged to a file of cases; what stands in it stays as it is.

        Raises:
            CasesError: The file cannot be read or written.
        """
        known = Cases((), ())
        with sole_writer(path, CasesError):
            if path.exists():
                data = load_bytes(path, CasesError)
                known = parse_known_cases(data, shorten(path.name), self.registry)
            additions = plan_additions(verdicts, known, self.registry)
            if additions.cases:
                add_cases(path, additions.cases)
        return additions

    def close(self) -> None:
        """End the connection and the loop."""
        if self.connection is not None:
            self.loop.run(self.connection.close())
        self.loop.close()


@contextmanager
def open_workbench(settings: Settings) -> Generator[Workbench]:
    """Open what the settings name, and close it in the end; nothing is embedded yet.

    Raises:
        RegistryError: The agents cannot be read.
        ExamplesError: The examples cannot be read.
        SettingsError: The settings do not fit together.
    """
    registry, examples = open_registry(settings)
    connection = build_connection(settings)
    router = build_router(settings, registry, connection)
    bench = Workbench(settings, router, examples, connection, BackgroundLoop())
    hushed: tuple[type[BaseException], ...] = ()
    try:
        yield bench
    except HandoffError:
        # Another Ctrl-C while the bench is closed does not hide what went wrong.
        hushed = (KeyboardInterrupt,)
        raise
    finally:
        with suppress(*hushed):
            bench.close()


def build_workbench(
    settings: Settings,
    connection: OpenAIConnection | None,
    loop: BackgroundLoop,
    registry: Registry | None = None,
) -> Workbench:
    """Read the registry and its examples, and join the parts; see `open_workbench`.

    Args:
        settings: Which files and parts.
        connection: To OpenAI, shared by all benches of a process; None without a key.
        loop: Where it runs.
        registry: In the place of the files that the settings name; it is on no disk.
    """
    on_disk = registry is None
    chosen, examples = open_registry(settings) if registry is None else (registry, Examples())
    router = build_router(settings, chosen, connection, on_disk=on_disk)
    return Workbench(settings, router, examples, connection, loop)


def measure_worth(agents: AgentRows, lessons: Lessons) -> Worth:
    """Learn from examples, and prove what that is worth, each judged by what it did not teach.

    Args:
        agents: Their unit rows.
        lessons: At most `MOST_TO_LEARN` examples.
    """
    # Two threads of arithmetic on a busy machine take up to twenty times as long as one.
    with threadpool_limits(1, user_api="blas"):
        started = time.perf_counter()
        learned = learn(agents, lessons)
        learnt = time.perf_counter()
        proof, curve = prove(agents, lessons), draw_curve(agents, lessons)
    return Worth(learned, proof, curve, learnt - started, time.perf_counter() - learnt)


def _typed(policy: Policy, threshold: str | None) -> Policy:
    if threshold is None:
        return policy
    return replace(policy, threshold=parse_threshold(threshold), source=ThresholdSource.ARGUMENT)


async def _next(growing: AsyncGenerator[Grown]) -> Grown | None:
    return await anext(growing, None)


async def _close(growing: AsyncGenerator[Grown]) -> None:
    await growing.aclose()


async def _embed(router: Router, texts: Sequence[str]) -> FloatArray:
    return await router.embedder.embed(texts)
