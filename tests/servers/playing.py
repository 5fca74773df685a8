"""One kind of server, played: the real command runs against it in this process."""

import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from handoff.cli import main
from handoff.core.errors import HandoffError
from handoff.files.settings import load_settings
from handoff.workbench import open_workbench
from tests.fake_openai import FakeOpenAI
from tests.fake_openai.bending import THOUGHT

from .kinds import UNREADABLE, Kind

AGENTS = """id,name,description,tags
billing,Billing,billing of invoices and refunds,billing
sales,Sales,offers and prices for new customers,sales
support,Support,trouble with logins and accounts,support
"""
QUERY = "who does the billing of refunds"
OTHER_QUERY = "and who does the billing of offers"
PASSWORD = "hunter2secret"  # noqa: S105 - what must never be shown
KEY = "sk-benchmark-key-of-nobody"
CASES = 120
"""More than any limit of a batch, and few enough to be judged in no time."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What a person got, in words, and what it took.

    Attributes:
        words: The outcome, or the sentence.
        requests: How many, of all kinds.
        sound: Neither a traceback nor silence, and nothing shown that should not be.
    """

    words: str
    requests: int
    sound: bool = True


def play(kind: Kind) -> Ending:
    """Start the server, run the command, and return how it ended."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(FakeOpenAI(quirks=kind.quirks))
        servers = [server]
        if kind.fault is not None:
            server.fail("/v1/", kind.fault, times=kind.times)
        beside = None
        if kind.beside is not None:
            beside = stack.enter_context(FakeOpenAI(quirks=kind.beside))
            servers.append(beside)
        stack.enter_context(_standing(folder, _variables(kind, folder, server, beside)))
        words, sound = _twice(kind, server) if kind.asked == "twice" else _run(kind)
        return Ending(words, sum(len(each.requests) for each in servers), sound)


def _variables(
    kind: Kind, folder: Path, server: FakeOpenAI, beside: FakeOpenAI | None
) -> dict[str, str]:
    root = server.base_url.removesuffix("/v1")
    signed = root.replace("//", f"//somebody:{PASSWORD}@")
    named = {
        "OPENAI_BASE_URL": kind.address.format(root=root, signed=signed),
        "HANDOFF_CACHE_DIR": str(folder / "cache"),
        "HANDOFF_STATE_DIR": str(folder / "state"),
        "HANDOFF_OPENAI_DEADLINE_SECONDS": "30",
        "HANDOFF_OPENAI_FIRST_SECONDS": "40",
    }
    if kind.keyed:
        named["OPENAI_API_KEY"] = KEY
    if beside is not None:
        named["HANDOFF_OPENAI_EMBEDDING_BASE_URL"] = beside.base_url
    return named | {name: said.format(root=root) for name, said in kind.settings.items()}


@contextlib.contextmanager
def _standing(folder: Path, variables: dict[str, str]) -> Generator[None]:
    """Work in a folder with three agents and many cases, in an environment of its own."""
    (folder / "agents.csv").write_text(AGENTS)
    cases = [f"{QUERY} number {number},billing" for number in range(CASES - 1)]
    (folder / "cases.csv").write_text(
        "\n".join(["query,expected", *cases, f"{QUERY} {UNREADABLE},billing", ""])
    )
    own = {
        name: said
        for name, said in os.environ.items()
        if not name.startswith(("HANDOFF_", "OPENAI_"))
    }
    with mock.patch.dict(os.environ, own | variables, clear=True), contextlib.chdir(folder):
        yield


def _run(kind: Kind) -> tuple[str, bool]:
    """Run the command; return what it says, and whether that is sound."""
    arguments = {
        "route": ["route", "--json", QUERY],
        "answer": ["route", "--json", "--answer", QUERY],
        "eval": ["eval", "--json", "cases.csv"],
    }[kind.asked]
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    with (
        mock.patch.object(sys, "argv", ["handoff", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
        except Exception as error:  # noqa: BLE001 - whatever escapes is what is looked for
            return f"TRACEBACK: {type(error).__name__}", False
    printed = out.getvalue() + err.getvalue()
    if any(secret in printed for secret in (PASSWORD, KEY)):
        return "SHOWS A SECRET", False
    if code == 2:
        said = err.getvalue().removeprefix("handoff: ").strip()
        return f"“{said}”", bool(said)
    told = json.loads(out.getvalue())
    return _of_eval(told) if kind.asked == "eval" else _of_route(told)


def _of_route(told: dict[str, object]) -> tuple[str, bool]:
    tags = ", ".join(told["tags"]) or "no tag"
    sound = told["agent"] == "billing"
    parts = [f"routed, {tags}"]
    if not str(told["embedder"]).startswith("openai"):
        parts = [f"routed by the embedded model, {tags}"]
    if told["degraded"]:
        troubles = [span["trouble"] for span in told["spans"] if span.get("trouble")]
        parts = [f"routed without {', '.join(told['degraded'])}: “{' '.join(troubles)}”"]
        sound = sound and bool(troubles)
    if told["unanswered"] is not None:
        parts.append(f"no answer: “{told['unanswered']}”")
    elif told["answer"] is not None:
        answer = str(told["answer"])
        shown = not answer.strip() or THOUGHT in answer or "think>" in answer
        parts.append("EMPTY OR THINKING" if shown else "answered")
        sound = sound and not shown
    return "; ".join(parts), sound


def _of_eval(told: dict[str, object]) -> tuple[str, bool]:
    words = f"{told['cases']} cases, {told['right']} right"
    if told["failed"]:
        words += f", {told['failed']} failed: “{told['failures'][0]}”"
    if told["degraded"]:
        words += f", {told['degraded']} without tags"
    return words, told["right"] >= CASES - 1


def _twice(kind: Kind, server: FakeOpenAI) -> tuple[str, bool]:
    """Route two queries in one process, between which the server changes its mind."""
    said = []
    try:
        with open_workbench(load_settings(os.environ)) as bench:
            for query in (QUERY, OTHER_QUERY):
                policy, _ = bench.policy_or_default()
                route = bench.run(bench.router.decide(query, policy))
                troubles = [span.facts.trouble for span in route.spans if span.facts.trouble]
                tags = ", ".join(route.evidence.tags) or "no tag"
                said.append(f"without tags: “{' '.join(troubles)}”" if troubles else tags)
                server.quirks = kind.then or kind.quirks
    except HandoffError as error:
        said.append(f"“{error}”")
    return f"routed, {'; then '.join(said)}", True
