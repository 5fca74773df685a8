"""The verbs on Flyte, run for real in its local mode, in processes and a HOME of their own.

One file, though a long one: what one process saw costs half a minute, and all share it.
"""

import csv
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from handoff.batch.routing import COLUMNS

BIN = Path(sys.executable).parent
RUNS = Path("/tmp/flyte/metadata")  # noqa: S108 - where Flyte keeps local runs
AGENTS = "id,name,description,tags\nevil,<script>alert(1)</script>,Rain & wind,sky\n"

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("flyte") is None, reason="the extra [flyte] is not installed"
    ),
    pytest.mark.slow,
]

NOTES_SCRIPT = """
import asyncio
from handoff.workflow import EXAMPLE_QUERIES, agent_handoff_workflow

import time

# Test single handoff
start = time.time()
result = await agent_handoff_workflow(
    "Analyze sales data and create dashboard",
    threshold=0.6
)
duration = time.time() - start
print(f"Latency: {duration:.2f}s")

# Test parallel handoffs
queries = [EXAMPLE_QUERIES[0]] * 10
start = time.time()
results = await asyncio.gather(*[
    agent_handoff_workflow(q, threshold=0.6)
    for q in queries
])
duration = time.time() - start
print(f"10 parallel queries: {duration:.2f}s")
print(f"Per-query avg: {duration/10:.2f}s")
"""

# The note's script awaits at its top, as a notebook does.
RUN_NOTES_SCRIPT = """
import ast, asyncio, sys, types
code = compile(sys.stdin.read(), "note", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
seen = {}
async def run():
    await types.FunctionType(code, seen)()
asyncio.run(run())
assert seen["result"].selected_agent == "data-analyst", seen["result"]
assert len(seen["results"]) == 10
"""

PROBE = '''
import asyncio, contextlib, json, logging, os, shutil
from dataclasses import asdict, replace
from pathlib import Path

import flyte, flyte.errors
from flyte import _observe

from handoff import workflow
from handoff.batch.routing import route_texts, trimmed
from handoff.core.errors import ProviderUnavailableError
from handoff.core.texts import parse_query
from handoff.on_flyte import environment
from handoff.router import judge
from handoff.workflow import run_here

env = flyte.TaskEnvironment("probe")
seen = {}


@env.task
async def hundred(queries: list[str]) -> list[str]:
    done = await asyncio.gather(*(workflow.agent_handoff_workflow(each) for each in queries))
    return [each.query for each in done]


class Spans:
    """Records which task and which steps ran inside which."""

    def __init__(self):
        self.said = []

    @contextlib.contextmanager
    def task_span(self, info, recorder):
        self.said.append(["task", info.name])
        yield
        self.said.append(["end", info.name])

    @contextlib.contextmanager
    def step_span(self, info, recorder):
        self.said.append(["step", info.name])
        yield
        self.said.append(["end", info.name])


class Flaky:
    """An embedder that cannot be reached the first time."""

    def __init__(self, embedder):
        self.embedder, self.calls = embedder, 0

    def __getattr__(self, name):
        return getattr(self.embedder, name)

    async def embed(self, texts):
        self.calls += 1
        if self.calls == 1:
            raise ProviderUnavailableError("Nobody answers: try again.")
        return await self.embedder.embed(texts)


def refusal(work, **inputs):
    """Return the code and the text of the error that a run ends with, and how often it began."""
    spans = Spans()
    _observe.register_observer(spans)
    try:
        run_here(work, **inputs)
    except flyte.errors.RuntimeUserError as error:
        return [error.code, str(error), sum(said[0] == "task" for said in spans.said)]
    finally:
        _observe.unregister_observer(spans)


def fields(route):
    """Return what a plain route came to, as a result says it."""
    return asdict(asyncio.run(workflow._reported(route)))


logging.getLogger("flyte").setLevel(logging.CRITICAL)
queries = workflow.EXAMPLE_QUERIES[:3] + ["what is the weather on mars"]
seen["agents"] = [agent.id for agent in workflow.AGENT_REGISTRY]

async def plainly(query):
    loaded = workflow._loaded()
    evidence = await loaded.router.gather(parse_query(query), workflow.Trace())
    return judge(evidence, loaded.router.registry, loaded.policy, workflow.Trace())

seen["plain"] = [fields(asyncio.run(plainly(query))) for query in queries]
route_one = workflow.agent_handoff_workflow
seen["flyte"] = [asdict(run_here(route_one, query=query)) for query in queries]
seen["outside"] = [asdict(asyncio.run(route_one(query))) for query in queries]

spans = Spans()
_observe.register_observer(spans)
seen["handed"] = asdict(run_here(workflow.run_handoff, query=queries[0]))
_observe.unregister_observer(spans)
seen["spans"] = spans.said

for threshold in (1, 0, -1.0):
    result = run_here(workflow.agent_handoff_workflow, query=queries[0], threshold=threshold)
    seen[f"at {threshold}"] = [result.outcome, result.threshold]

seen["nobody"] = refusal(workflow.run_handoff, query=queries[3])
seen["empty"] = refusal(workflow.agent_handoff_workflow, query=" ")
seen["too high"] = refusal(workflow.agent_handoff_workflow, query="rain", threshold=2.0)
seen["some"] = len(workflow.unpack(
    asyncio.run(workflow.score_agents("rain", ["doc-writer", "data-analyst"])).similarities
))

seen["warm"] = [str(environment._reuse()), str(workflow.env.resources), str(workflow.env.secrets)]
os.environ["HANDOFF_FLYTE_REUSE"] = "1"
seen["kept warm"] = environment._reuse().concurrency

secrets = ["HANDOFF_OPENAI_EMBEDDING_API_KEY", "HANDOFF_OPENAI_EMBEDDING_BASE_URL"]
os.environ.update(dict.fromkeys(secrets, "http://secret"))
seen["passed on"] = list(environment._variables().items())
for name in secrets:
    del os.environ[name]

texts = [f"query {at}" for at in range(100)]
seen["hundred"] = run_here(hundred, queries=texts)

async def in_chunks():
    loaded = workflow._loaded()
    return await route_texts(trimmed(loaded.router, loaded.policy), loaded.policy, many)

many = [*queries, "", "more"]
workflow.rows_at_once = lambda agents: 2
seen["batch"] = json.loads(run_here(workflow.route_batch, texts=json.dumps(many)))
seen["chunks"] = [list(row) for row in asyncio.run(in_chunks())]

loaded_on = workflow._loaded_on
flaky = []

def with_flaky(loop):
    loaded = loaded_on(loop)
    if not flaky:
        flaky.append(Flaky(loaded.router.embedder))
    return replace(loaded, router=replace(loaded.router, embedder=flaky[0]))

workflow._loaded_on = with_flaky
seen["retried"] = run_here(workflow.agent_handoff_workflow, query=queries[0]).selected_agent
seen["tries"] = flaky[0].calls
workflow._loaded_on = loaded_on

policy = json.dumps({"policy": {}, "ground": {"embedder": "other", "registry": "other"}})
seen["other ground"] = refusal(workflow.route_chunk, texts="[]", policy=policy)

os.environ["HANDOFF_REGISTRY"] = os.environ["EVIL_REGISTRY"]
workflow._loaded_on.cache_clear()
run = flyte.with_runcontext(mode="local").run(workflow.agent_handoff_workflow, query="rain <b>")
seen["report"] = next(Path(run.url).rglob("report.html")).read_text()
shutil.rmtree(run.url)

os.environ["HANDOFF_REGISTRY"] = "/nowhere/agents.csv"
workflow._loaded_on.cache_clear()
seen["no registry"] = refusal(workflow.agent_handoff_workflow, query="rain")
print(json.dumps(seen))
'''


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a HOME of its own."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def environ(home, tmp_path_factory):
    """Return the variables of a process that runs Flyte, with the embedded model."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HANDOFF_", "OPENAI_", "STREAMLIT_"))
    }
    return kept | {
        "HOME": str(home),
        "DO_NOT_TRACK": "1",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HANDOFF_CACHE_DIR": str(tmp_path_factory.mktemp("cache")),
        "HANDOFF_EMBEDDER": "local",
        "HANDOFF_TAGGER": "local",
    }


@pytest.fixture(scope="module")
def run(environ, root):
    """Return a function that runs a command in the checkout and returns what it printed."""

    def command(*arguments, text=None, **extra):
        return subprocess.run(
            arguments,
            cwd=root,
            env=environ | extra,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return command


@pytest.fixture(scope="module")
def seen(run, tmp_path_factory, home):
    """Return what one process saw that ran everything that needs no process of its own."""
    evil = tmp_path_factory.mktemp("evil") / "agents.csv"
    evil.write_text(AGENTS)
    before = runs_left()

    done = run(sys.executable, "-c", PROBE, EVIL_REGISTRY=str(evil))

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    found["left"] = sorted(name for name in runs_left() - before if name.startswith("handoff-"))
    found["home"] = [path.name for path in home.iterdir()]
    return found


def runs_left():
    """Return the names of the local runs whose files are there."""
    return {path.name for path in RUNS.iterdir()} if RUNS.exists() else set()


def test_the_design_notes_script_runs_with_only_its_imports_added(run):
    """One handoff, then ten in parallel, awaited as plain coroutines."""
    done = run(sys.executable, "-c", RUN_NOTES_SCRIPT, text=NOTES_SCRIPT)

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"Latency: \d+\.\d\ds\n10 parallel queries: \d+\.\d\ds\nPer-query avg: \d+\.\d\ds\n",
        done.stdout,
    )


def test_the_registry_can_be_imported(seen):
    """The agents are those of agents.csv, in order."""
    assert seen["agents"][0] == "data-analyst"
    assert len(seen["agents"]) == 10


def test_flyte_comes_to_what_a_plain_route_comes_to(seen):
    """Same outcome, scores and tags, inside a run and outside of one."""
    assert seen["flyte"] == seen["plain"]
    assert seen["outside"] == seen["plain"]
    assert [each["selected_agent"] for each in seen["plain"]].count(None) >= 1
    assert seen["plain"][0]["selected_agent"] is not None


def test_the_span_tree_is_one_task_with_four_steps(seen):
    """Tags and scores side by side, the embedding inside the scores, the hand-off last."""
    names = [name.rpartition(".")[2] for _, name in seen["spans"]]
    steps = [name for kind, name in seen["spans"] if kind == "step"]
    inside = names[names.index("score_agents") : len(names) - names[::-1].index("score_agents")]

    assert [kind for kind, _ in seen["spans"]].count("task") == 1
    assert names[0] == names[-1] == "run_handoff"
    assert sorted(steps) == [
        "extract_tags_from_query",
        "get_embeddings",
        "handoff_to_agent",
        "score_agents",
    ]
    assert inside.count("get_embeddings") == 2
    assert steps[-1] == "handoff_to_agent"


def test_a_hand_off_has_an_answer(seen):
    """The agent's is in the result, and no error."""
    assert seen["handed"]["handoff_successful"] is True
    assert seen["handed"]["error_message"] == ""
    assert seen["handed"]["answer"].startswith("Simulated hand-off: ")


@pytest.mark.parametrize(
    ("threshold", "outcome"), [("1", "below_threshold"), ("0", "selected"), ("-1.0", "selected")]
)
def test_a_threshold_may_be_whole(seen, threshold, outcome):
    """Flyte's types are strict; a 1 is a threshold all the same, and so is a 0."""
    assert seen[f"at {threshold}"] == [outcome, float(threshold)]


def test_nobody_is_an_error_of_its_own_where_a_hand_off_was_asked_for(seen):
    """It says why, and is not tried again."""
    code, text, tries = seen["nobody"]

    assert code == "NobodySelectedError"
    assert text.startswith("Hand off to nobody. The best, ")
    assert tries == 1


def test_a_refused_query_is_not_tried_again(seen):
    """The code is the error's name, the text its one sentence."""
    code, text, tries = seen["empty"]

    assert (code, tries) == ("QueryError", 1)
    assert text.startswith("The query is empty")


def test_a_threshold_out_of_range_is_not_tried_again(seen):
    """It is an input that can never be right."""
    code, text, tries = seen["too high"]

    assert (code, tries) == ("SettingsError", 1)
    assert text.startswith("The threshold must be")


def test_a_registry_that_is_not_on_the_worker_is_named(seen):
    """One sentence, one try."""
    code, text, tries = seen["no registry"]

    assert (code, tries) == ("RegistryError", 1)
    assert "/nowhere/agents.csv" in text


def test_another_registry_than_the_batchs_is_refused(seen):
    """A worker that was deployed before the registry changed says so."""
    code, text, tries = seen["other ground"]

    assert (code, tries) == ("SettingsError", 1)
    assert "deploy again" in text


def test_a_provider_that_comes_back_is_tried_again(seen):
    """The second try succeeds."""
    assert seen["retried"] == seen["plain"][0]["selected_agent"]
    assert seen["tries"] == 2


def test_a_hundred_at_once_keep_their_own_answers(seen):
    """Each result carries its own query."""
    assert seen["hundred"] == [f"query {at}" for at in range(100)]


def test_containers_are_reused_only_where_a_setting_says_so(seen):
    """Open-source Flyte has no such thing; resources and secret are those of the design note."""
    reuse, resources, secrets = seen["warm"]

    assert reuse == "None"
    assert seen["kept warm"] == 10
    assert "cpu=2" in resources
    assert "2Gi" in resources
    assert "openai-api-key" in secrets


def test_no_secret_is_passed_on_as_a_setting(seen):
    """A run shows its variables: neither the key for vectors nor an address with a password."""
    assert ["HANDOFF_EMBEDDER", "local"] in seen["passed on"]
    assert not any("secret" in value for _, value in seen["passed on"])


def test_without_the_extra_the_import_names_it(run):
    """One sentence says what to install."""
    done = run(
        *(sys.executable, "-c"),
        "import sys; sys.modules['flyte'] = None; import handoff.workflow",
    )

    assert done.stderr.splitlines()[-1] == (
        "ImportError: Flyte is not installed: install handoff[flyte]."
    )


@pytest.mark.parametrize("port", ["many", "65536"])
def test_a_port_that_is_none_is_one_sentence(run, port):
    """It is read at import, where nothing else would explain it."""
    done = run(sys.executable, "-c", "import handoff.workflow", HANDOFF_FLYTE_PORT=port)

    # The SDK's own hook prints the error, and only the way to it goes to stderr.
    assert done.stdout.strip().splitlines()[-1] == (
        "SettingsError: HANDOFF_FLYTE_PORT is no port: give a whole number from 1 to 65,535."
    )


def test_some_agents_can_be_scored_alone(seen):
    """One similarity an id that was asked for."""
    assert seen["some"] == 2


def test_a_batch_on_flyte_comes_to_what_chunks_come_to(seen):
    """Chunks that are mapped keep their order, bad rows stay beside good ones."""
    for row, one in zip(seen["batch"], seen["chunks"], strict=True):
        assert exact(row) == exact(one)
        assert numbers(row) == pytest.approx(numbers(one), abs=1e-6)
    assert [row[1] for row in seen["batch"]].count("failed") == 1


def exact(row):
    """Return the cells that do not depend on how many queries a chunk has."""
    return [row[COLUMNS.index(name)] for name in ("agent", "outcome", "tags", "error")]


def numbers(row):
    """Return the cells whose last digit depends on it."""
    return [float(row[COLUMNS.index(name)] or 0) for name in ("score", "margin")]


def test_the_report_shows_the_route_and_escapes_names(seen):
    """What comes from outside is text, never markup."""
    assert "Hand off to " in seen["report"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in seen["report"]
    assert "rain &lt;b&gt;" in seen["report"]
    assert "<script>alert(1)" not in seen["report"]


def test_local_runs_leave_nothing_behind(seen):
    """Neither in Flyte's folder nor at home."""
    assert seen["left"] == []
    assert seen["home"] == []


def test_flyte_run_local_routes(run):
    """The command line of Flyte takes the file as it stands."""
    done = run(
        *(BIN / "flyte", "run", "--local", "handoff/workflow.py", "agent_handoff_workflow"),
        *("--query", "Set up a CI/CD pipeline for our Node service", "--threshold", "0"),
        COLUMNS="300",
    )
    path = re.search(rf"{RUNS}/\S+", done.stdout)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "selected_agent='devops-agent'" in done.stdout
    shutil.rmtree(path.group())


def test_flyte_deploy_dry_run_needs_no_cluster(run):
    """Image, bundle, every task and the page can be made ready offline."""
    done = run(
        *(BIN / "flyte", "--endpoint", "dns:///127.0.0.1:1", "--insecure", "deploy", "--dry-run"),
        *("--all", "--project", "p", "--domain", "d", "handoff/workflow.py"),
        COLUMNS="300",
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for named in ("agent-handoff.run_handoff", "agent-handoff.route_batch", "handoff-page"):
        assert named in done.stdout


def test_the_served_page_answers_its_health_check(environ, root, tmp_path):
    """`flyte serve --local` starts the page, and Ctrl-C ends it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    said = tmp_path / "said"
    with said.open("w") as output:
        served = subprocess.Popen(
            [BIN / "flyte", "serve", "--local", "handoff/workflow.py", "page"],
            cwd=root,
            env=environ | {"HANDOFF_FLYTE_PORT": str(port)},
            stdout=output,
            stderr=output,
        )
    try:
        # Before it says so it does not listen to Ctrl-C yet.
        wait_for(said, "Press Ctrl+C", served)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=10) as reply:
            health = reply.read()
        served.send_signal(signal.SIGINT)
        served.wait(30)
    finally:
        served.kill()

    assert health == b"ok"
    assert not answers(port)


def wait_for(file, text, process):
    """Wait until a process has written a text to a file."""
    until = time.monotonic() + 60
    while text not in file.read_text():
        if time.monotonic() > until or process.poll() is not None:
            pytest.fail(f"'{text}' was not said, but: {file.read_text()}")
        time.sleep(0.1)


def answers(port):
    """Tell whether anybody listens, after some time to stop."""
    for _ in range(50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return False
        time.sleep(0.1)
    return True


def test_handoff_batch_on_flyte_comes_to_the_same(run, tmp_path):
    """The output is that of the plain batch, byte for byte, with rows that failed."""
    source = tmp_path / "in.csv"
    source.write_text('query\nreview my pull request\n""\nwhat is the weather on mars\n \nx,y\n')
    before = runs_left()

    plain = run(BIN / "handoff", "batch", source, "-o", tmp_path / "plain.csv")
    flyte = run(BIN / "handoff", "batch", source, "-o", tmp_path / "flyte.csv", "--flyte")

    assert (plain.returncode, flyte.returncode) == (1, 1), flyte.stderr
    assert (tmp_path / "flyte.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()
    with (tmp_path / "flyte.csv").open(newline="") as file:
        assert [row["agent"] for row in csv.DictReader(file)] == ["code-reviewer", "", ""]
    assert not [name for name in runs_left() - before if name.startswith("handoff-")]
