"""The real command against servers that nobody here wrote: what a person gets, and how often asked.

    python benchmarks/servers.py [--in FOLDER] [--json]

LiteLLM's proxy and llmock come from PyPI, `@copilotkit/aimock` from npm, each into an environment
of its own under FOLDER, or a temporary one: about 450 MB, a minute or two. One that cannot be
installed is said to be missing. They run on this machine's loopback and get no key of anybody's.

*LiteLLM* answers chats with a mock and passes the rest on to `tests/fake_openai`, which counts.
Version 1.75.8 has two known traps: in spite of `drop_params` it refuses `dimensions` for each model
not called text-embedding-3, and passes `store` on to servers that refuse it. *llmock* breaks what
it is told to break and then judges its client: a verdict of PASS is without any finding. *aimock*
answers by fixtures, such as JSON in a fence.

Each row is one process of `handoff route --json --answer` over `agents.csv`, with an empty cache.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.installed import (
    HOST,
    NotInstalledError,
    asked,
    free_port,
    install_from_npm,
    install_from_pypi,
    serving,
)
from tests.fake_openai import FakeOpenAI, Quirks

ROOT = Path(__file__).resolve().parents[1]
LITELLM, LLMOCK, AIMOCK = "litellm[proxy]==1.75.8", "llmock==0.2.2", "@copilotkit/aimock@1.43.0"
KEY = "sk-benchmark-of-handoff-0123456789"
QUERY = "Somebody was billed twice and asks for a refund"
TAGS = '{"tags": ["billing"]}'
LARGE = "sealtools"

Behaviour = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One run of the command.

    Attributes:
        server: Which, with its version.
        situation: What was done to it, or asked of it.
        got: What a person got.
        requests: How many the server, or the one behind it, was sent; None where it does not count.
        verdict: What the server says of its client; None where it says nothing.
    """

    server: str
    situation: str
    got: str
    requests: int | None = None
    verdict: str | None = None


def route(
    base_url: str, variables: Mapping[str, str] | None = None, registry: Path = ROOT / "agents.csv"
) -> str:
    """Run the command in a process of its own and say how it ended."""
    own = {
        name: said
        for name, said in os.environ.items()
        if not name.startswith(("HANDOFF_", "OPENAI_"))
    }
    with tempfile.TemporaryDirectory() as folder:
        named = {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": base_url,
            "HANDOFF_CACHE_DIR": f"{folder}/cache",
            "HANDOFF_STATE_DIR": f"{folder}/state",
        }
        # Whoever is nearest gets the query: no mock's vectors mean anything.
        options = ["--json", "--answer", "--no-examples", "--threshold", "-1"]
        done = subprocess.run(  # noqa: S603 - the project's own command
            [str(Path(sys.executable).with_name("handoff")), "route", *options, QUERY],
            cwd=folder,
            env=own | named | {"HANDOFF_REGISTRY": str(registry)} | dict(variables or {}),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode not in {0, 1}:
        return done.stderr.strip() or f"SILENCE, exit {done.returncode}"
    told = json.loads(done.stdout)
    troubles = " ".join(span["trouble"] for span in told["spans"] if span.get("trouble"))
    decided = f"routed, {', '.join(told['tags']) or 'no tag'}"
    if told["degraded"]:
        decided = f"routed without {', '.join(told['degraded'])} ({troubles or 'SILENCE'})"
    if told["unanswered"] is not None:
        return f"{decided}; no answer: {told['unanswered']}"
    return f"{decided}; {'answered' if (told['answer'] or '').strip() else 'SILENCE'}"


def with_litellm(folder: Path) -> Iterator[Row]:
    """Route through LiteLLM's proxy."""
    programs = install_from_pypi(folder / "litellm", LITELLM)
    port = free_port()
    base_url = f"http://{HOST}:{port}/v1"
    with FakeOpenAI(quirks=Quirks(refuses=("store",), status=422, manner="pydantic")) as behind:
        config = folder / "litellm.yaml"
        config.write_text(json.dumps(litellm_config(behind.base_url)))
        command = [str(programs / "litellm"), "--config", str(config), "--host", HOST]
        home = folder / "litellm-home"
        with serving(
            home,
            [*command, "--port", str(port)],
            f"http://{HOST}:{port}/health/liveliness",
            # Or it asks a server elsewhere for prices, three times.
            LITELLM_LOCAL_MODEL_COST_MAP="True",
        ):
            for situation, variables in litellm_situations():
                behind.requests.clear()
                got = route(base_url, variables)
                yield Row(LITELLM, situation, got, len(behind.requests))


def litellm_config(behind: str) -> dict[str, Any]:
    """Return a chat that is a mock, one that is passed on, and two models of vectors."""
    passed_on = {"api_key": KEY, "api_base": behind}
    return {
        "model_list": [
            {
                "model_name": "mocked",
                "litellm_params": {
                    "model": "openai/gpt-4o-mini",
                    "api_key": KEY,
                    "mock_response": TAGS,
                },
            },
            *(
                {"model_name": name, "litellm_params": {"model": f"openai/{name}", **passed_on}}
                for name in ("a-mistral", "text-embedding-3-small", "bge-m3")
            ),
        ],
        "litellm_settings": {"drop_params": True, "telemetry": False},
        "general_settings": {"master_key": KEY},
    }


def litellm_situations() -> list[tuple[str, Mapping[str, str]]]:
    """Return what is asked of LiteLLM, and the settings that ask it."""
    mocked = {"HANDOFF_OPENAI_CHAT_MODEL": "mocked"}
    bge = mocked | {"HANDOFF_OPENAI_EMBEDDING_MODEL": "bge-m3"}
    return [
        ("a mocked chat, text-embedding-3-small", mocked),
        ("a mocked chat, bge-m3, no other setting", bge),
        (
            "a mocked chat, bge-m3, HANDOFF_OPENAI_DIMENSIONS=256",
            bge | {"HANDOFF_OPENAI_DIMENSIONS": "256"},
        ),
        (
            "a chat passed on to a server that refuses `store` (422)",
            {"HANDOFF_OPENAI_CHAT_MODEL": "a-mistral"},
        ),
        ("a model that it does not list", {"HANDOFF_OPENAI_CHAT_MODEL": "nobody's"}),
        ("another key", mocked | {"OPENAI_API_KEY": "sk-another"}),
    ]


def with_llmock(folder: Path) -> Iterator[Row]:
    """Break llmock in each of its ways and ask for its verdict."""
    programs = install_from_pypi(folder / "llmock", LLMOCK)
    port = free_port()
    root = f"http://{HOST}:{port}"
    command = [str(programs / "llmock"), "serve", "--host", HOST, "--port", str(port)]
    with serving(folder / "llmock-home", command, f"{root}/health"):
        for situation, behaviours in llmock_situations():
            asked(f"{root}/_llmock/reset", b"")
            if behaviours:
                scenario = json.dumps({"behaviors": behaviours}).encode()
                asked(f"{root}/_llmock/scenario", scenario)
            got = route(f"{root}/v1", {"HANDOFF_OPENAI_TIMEOUT_SECONDS": "2"})
            told = json.loads(asked(f"{root}/_llmock/verdict"))
            found = ", ".join(finding["code"] for finding in told["findings"])
            passed = "PASS" if told["passed"] else "FAIL"
            yield Row(
                LLMOCK, situation, got, told["attempts"], f"{passed}: {found}" if found else passed
            )


def llmock_situations() -> list[tuple[str, list[Behaviour]]]:
    """Return what is broken, and how llmock is told."""

    def stream(kind: str, **rest: float) -> list[Behaviour]:
        return [{"type": "stream_fault", "kind": kind, "after_chunks": 2, **rest}]

    slow_down = {"type": "fail", "status": 429, "retry_after": 1, "times": 2}
    return [
        ("as it is", []),
        ("two refusals (429) with Retry-After: 1", [slow_down]),
        ("two failures (503)", [{"type": "fail", "status": 503, "times": 2}]),
        ("down (503)", [{"type": "fail", "status": 503, "times": None}]),
        ("a prompt that is too long (400)", [{"type": "fail", "status": 400, "times": None}]),
        ("a stream cut off, its connection dropped", stream("disconnect")),
        ("a stream cut off without a word", stream("truncate")),
        ("a stream with a damaged event", stream("malformed")),
        ("a stream that stalls for 30 s", stream("stall", stall_seconds=30)),
        ("a first word after 1 s", [{"type": "slow_first_token", "seconds": 1}]),
    ]


def with_aimock(folder: Path) -> Iterator[Row]:
    """Let aimock answer in several shapes, and fail by chance."""
    programs = install_from_npm(folder / "aimock", AIMOCK)
    for situation, content, chaos, registry in aimock_situations():
        fixtures = folder / "fixtures.json"
        said = {"match": {"userMessage": QUERY}, "response": {"content": content}}
        fixtures.write_text(json.dumps({"fixtures": [said]}))
        port = free_port()
        root = f"http://{HOST}:{port}"
        command = [str(programs / "llmock"), "--port", str(port), "--fixtures", str(fixtures)]
        with serving(folder / "aimock-home", [*command, *chaos], f"{root}/health"):
            got = route(f"{root}/v1", registry=registry)
            requests = len(json.loads(asked(f"{root}/__aimock/journal")))
        yield Row(AIMOCK, situation, got, requests)


def aimock_situations() -> Iterator[tuple[str, str, Sequence[str], Path]]:
    """Yield what is special, what the chat says, how chaos is told, and the registry."""
    ten = ROOT / "agents.csv"
    shared = os.environ.get("HANDOFF_DATA")
    data = Path(shared) if shared else ROOT.parent / "shared" / "data"
    yield "as it is", TAGS, (), ten
    yield "JSON in a fence", f"```json\n{TAGS}\n```", (), ten
    yield "JSON after a thinking", f"<think>Let me see.</think>\n{TAGS}", (), ten
    yield "JSON between sentences", f"Sure: {TAGS} Anything else?", (), ten
    yield "no JSON at all", "I would say that this is about money.", (), ten
    yield "half of all requests refused (429), by chance", TAGS, ("--chaos-ratelimit", "0.5"), ten
    yield "each request refused (429)", TAGS, ("--chaos-ratelimit", "1"), ten
    yield "each connection cut", TAGS, ("--chaos-disconnect", "1"), ten
    yield "each reply damaged", TAGS, ("--chaos-malformed", "1"), ten
    if (data / LARGE / "agents.csv").exists():
        yield "4,076 agents", TAGS, (), data / LARGE / "agents.csv"


def measure(folder: Path) -> Iterator[Row]:
    """Yield all rows; of a server that cannot be had, one that says so."""
    for requirement, rows in (
        (LITELLM, with_litellm),
        (LLMOCK, with_llmock),
        (AIMOCK, with_aimock),
    ):
        try:
            yield from rows(folder)
        except NotInstalledError as reason:
            yield Row(requirement, "NOT INSTALLED", str(reason))


def as_line(row: Row) -> str:
    """Return a row of the table."""
    requests = "-" if row.requests is None else str(row.requests)
    cells = [f"{row.situation:56}", f"{requests:>8}", f"{row.verdict or '-':34}", row.got]
    return "  ".join(cells)


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in", dest="folder", type=Path, help="install here, and keep it")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        rows = measure(folder)
        if options.json:
            print(json.dumps([asdict(row) for row in rows]))
            return
        server = None
        for row in rows:
            if row.server != server:
                server = row.server
                print(f"\n{server:56}  {'requests':>8}  {'verdict':34}  what a person gets")
            print(as_line(row), flush=True)


if __name__ == "__main__":
    main()
