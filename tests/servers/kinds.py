"""The kinds of servers: how each differs, whose users report it, and what it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.fake_openai import Fault, Quirks

Asked = Literal["route", "answer", "twice", "eval"]

LEARNED = {"HANDOFF_OPENAI_EMBEDDING_MODEL": "bge-m3"}
SHORT = LEARNED | {"HANDOFF_OPENAI_DIMENSIONS": "24"}
HASTY = {
    "HANDOFF_OPENAI_TIMEOUT_SECONDS": "0.4",
    "HANDOFF_OPENAI_DEADLINE_SECONDS": "2",
    "HANDOFF_OPENAI_FIRST_SECONDS": "4",
}
DEPLOYMENT = "{{root}}/openai/deployments/{}?api-version=2024-06-01"
UNREADABLE = "unreadable"
"""Stands in one of the cases: a text that no model can embed."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of server.

    Attributes:
        what: How it differs, as the table says it; each kind's own.
        of: Whose users report it.
        quirks: How the fake OpenAI is told.
        asked: `route` decides, `answer` asks the agent as well, `twice` routes two queries in one
            process, `eval` judges a file of cases.
        settings: Variables beside those that name the server; {root} as in `address`.
        then: How the server is from the second of two queries on.
        beside: A second server, for embeddings alone.
        fault: What every request meets, and how often; None for each time.
        times: See `fault`.
        address: The base URL; {root} is the server without a path.
        keyed: Whether a key is set.
    """

    what: str
    of: str
    quirks: Quirks = field(default_factory=Quirks)
    asked: Asked = "route"
    settings: Mapping[str, str] = field(default_factory=dict)
    then: Quirks | None = None
    beside: Quirks | None = None
    fault: Fault | None = None
    times: int | None = None
    address: str = "{root}/v1"
    keyed: bool = True


FIELDS = (
    Kind(
        "vectors of a length that nobody was told",
        "each with a model of its own",
        Quirks(width=1024, refuses=("dimensions",)),
        settings=LEARNED,
    ),
    Kind(
        "refuses `dimensions` (400)",
        "vLLM with bge-m3",
        Quirks(width=1024, refuses=("dimensions",)),
        settings=SHORT,
    ),
    Kind(
        "refuses `dimensions` (400), its own words",
        "LiteLLM",
        Quirks(width=1024, refuses=("dimensions",), manner="litellm"),
        settings=SHORT,
    ),
    Kind(
        "ignores `dimensions`",
        "Ollama, llama.cpp",
        Quirks(width=1024, ignores_dimensions=True),
        settings=SHORT,
    ),
    Kind("refuses `store` (400)", "Gemini", Quirks(refuses=("store",), manner="google"), "answer"),
    Kind(
        "refuses `store` (422)",
        "Mistral, also behind LiteLLM",
        Quirks(refuses=("store",), status=422, manner="pydantic"),
        "answer",
    ),
    Kind(
        "refuses `max_completion_tokens`",
        "Mistral, older servers",
        Quirks(refuses=("max_completion_tokens",), status=422, manner="pydantic"),
        "answer",
    ),
    Kind(
        "refuses `max_tokens`",
        "OpenAI's reasoning models",
        Quirks(refuses=("max_tokens",)),
        "answer",
    ),
    Kind(
        "refuses `stream_options`",
        "Mistral, older servers",
        Quirks(refuses=("stream_options",), status=422, manner="pydantic"),
        "answer",
    ),
    Kind("refuses base64", "several", Quirks(refuses=("base64",))),
    Kind("refuses `encoding_format`", "several", Quirks(refuses=("encoding_format",))),
    Kind(
        "refuses the system role",
        "Gemma's templates, o1-mini",
        Quirks(refuses=("system",)),
        "answer",
    ),
    Kind(
        "refuses `reasoning_effort`",
        "older servers",
        Quirks(refuses=("reasoning_effort",)),
        "answer",
        settings={"HANDOFF_OPENAI_CHAT_MODEL": "gpt-5-nano"},
    ),
    Kind(
        "refuses all of these at once",
        "a strict gateway",
        Quirks(
            refuses=(
                "store",
                "max_completion_tokens",
                "stream_options",
                "encoding_format",
                "response_format",
                "system",
            ),
            status=422,
            manner="pydantic",
            tags=("billing",),
        ),
        "answer",
    ),
    Kind(
        "refuses a field and names none",
        "gateways",
        Quirks(refuses=("response_format",), manner="nameless"),
    ),
    Kind("refuses a field that it was not sent", "nobody yet", Quirks(always=("store",))),
    Kind(
        "takes a field, and later refuses it",
        "gateways with several models behind",
        asked="twice",
        then=Quirks(refuses=("json_schema", "base64")),
    ),
    Kind(
        "refuses a field, and later takes it",
        "gateways with several models behind",
        Quirks(refuses=("json_schema", "base64")),
        "twice",
        then=Quirks(),
    ),
)

LIMITS = ((10, 400, "DashScope"), (32, 413, "TEI"), (64, 422, "gateways"), (100, 400, "Gemini"))
BATCHES = (
    *(
        Kind(
            f"takes {most} texts a request ({status})",
            of,
            Quirks(most_texts=most, batch_status=status),
            "eval",
        )
        for most, status, of in LIMITS
    ),
    Kind(
        "takes 500 tokens a request (413)",
        "TEI",
        Quirks(most_tokens=500, batch_status=413),
        "eval",
    ),
    Kind(
        "fails with a batch for one text that gives no numbers (500)",
        "Ollama, gpustack",
        Quirks(cannot_embed=UNREADABLE),
        "eval",
    ),
    Kind(
        "fails with a batch for one text that is too long (400)",
        "Ollama, vLLM",
        Quirks(cannot_embed=UNREADABLE, failing_status=400),
        "eval",
    ),
)

TAGS = (
    Kind(
        "refuses `json_schema`",
        "DeepSeek, vLLM and llama.cpp builds",
        Quirks(refuses=("json_schema",)),
    ),
    Kind(
        "refuses any `response_format`",
        "many hosted ones",
        Quirks(refuses=("response_format",)),
    ),
    Kind("refuses `maxItems` in a schema", "vLLM's grammars", Quirks(refuses=("maxItems",))),
    Kind("ignores `response_format`", "older servers", Quirks(shape="prose")),
    Kind("JSON in a fence", "small local models", Quirks(shape="fence")),
    Kind("JSON after `<think>…</think>`", "DeepSeek R1, Qwen 3", Quirks(shape="think")),
    Kind(
        "a thinking that ends and never began",
        "Qwen 3 templates",
        Quirks(shape="think_unannounced"),
    ),
    Kind(
        "a second object instead of the first", "small local models", Quirks(shape="changed_mind")
    ),
    Kind("tags in capitals", "small local models", Quirks(shape="capitals")),
    Kind("a bare list", "small local models", Quirks(shape="list")),
    Kind("one text of tags", "small local models", Quirks(shape="text")),
    Kind("an object where a list was asked", "small local models", Quirks(shape="object")),
    Kind("one tag that nobody carries", "each without a schema", Quirks(shape="one_too_many")),
    Kind("six tags", "each without `maxItems`", Quirks(shape="six")),
    Kind("10,000 tags", "nobody yet", Quirks(shape="many")),
    Kind("a fence without end", "small local models", Quirks(shape="endless_fence")),
)

THINKING = (
    Kind(
        "thinks for 400 tokens first",
        "gpt-5-nano and other reasoning models",
        Quirks(thinking_tokens=400),
        "answer",
    ),
    Kind(
        "thinks for longer than any limit",
        "gpt-5-nano and other reasoning models",
        Quirks(thinking_tokens=10**6),
        "answer",
    ),
    Kind("`<think>` in the answer", "DeepSeek R1, Qwen 3", Quirks(shape="think"), "answer"),
    Kind(
        "`reasoning_content` beside the answer",
        "DeepSeek, vLLM",
        Quirks(streaming="reasoning"),
        "answer",
    ),
)

STREAMS = (
    Kind("refuses to stream (400)", "several", Quirks(refuses=("stream",)), "answer"),
    Kind("answers whole where a stream was asked", "several", Quirks(streaming="whole"), "answer"),
    Kind("cuts every stream", "several", Quirks(streaming="cut"), "answer"),
    Kind("streams without `finish_reason`", "several", Quirks(streaming="unfinished"), "answer"),
    Kind("an error amid the stream", "OpenRouter, vLLM", Quirks(streaming="error"), "answer"),
    Kind("no `[DONE]`", "several", Quirks(streaming="no_done"), "answer"),
    Kind("comments between events", "OpenRouter", Quirks(streaming="comments"), "answer"),
    Kind("a first chunk without choices", "Azure", Quirks(streaming="azure"), "answer"),
    Kind("an error under status 200, chat", "OpenRouter", Quirks(error_in_200=("chat",)), "answer"),
    Kind("an error under status 200, embeddings", "several", Quirks(error_in_200=("embeddings",))),
)

VECTORS = (
    Kind("lists in place of base64", "llama.cpp, aimock, llmock", Quirks(lists=True)),
    Kind("`index` always 0", "several", Quirks(index="zero", lists=True)),
    Kind("no `index`", "several", Quirks(index="missing", lists=True)),
    Kind("vectors of any norm", "Ollama, TEI", Quirks(unnormalised=True)),
    Kind("no `usage`, `object` or `model`", "several", Quirks(bare=True), "answer"),
    Kind(
        "vectors that change their length",
        "nobody yet",
        Quirks(narrowing=True),
        settings=LEARNED,
    ),
    Kind("vectors that are no numbers", "Ollama", fault="nan"),
)

SERVERS = (
    Kind("no embeddings here (404)", "one model a process: vLLM", Quirks(lacks=("embeddings",))),
    Kind(
        "no embeddings here (501)",
        "llama.cpp without --embeddings",
        Quirks(lacks=("embeddings",), lacking_status=501),
    ),
    Kind("no chat here (404)", "TEI, infinity", Quirks(lacks=("chat",)), "answer"),
    Kind(
        "chat and embeddings at two addresses",
        "llama.cpp, TEI, infinity",
        Quirks(lacks=("embeddings",)),
        "answer",
        beside=Quirks(lacks=("chat",), lists=True),
    ),
    Kind("needs no key, and none is set", "Ollama, LM Studio", Quirks(keyless=True), keyed=False),
    Kind("needs a key, and none is set", "vLLM with --api-key", keyed=False),
    Kind("refuses the key (401)", "all", fault="unauthorized"),
    Kind("does not know the model (404)", "all", fault="no_model"),
    Kind("the address lacks `/v1`", "Ollama, LM Studio", address="{root}"),
    Kind("a name and a password in the address", "gateways", address="{signed}/v1"),
    Kind(
        "one address of Azure's older kind",
        "Azure",
        Quirks(deployments=True),
        address=DEPLOYMENT.format("gpt-4o"),
    ),
    Kind(
        "two addresses of Azure's older kind",
        "Azure",
        Quirks(deployments=True),
        settings={"HANDOFF_OPENAI_EMBEDDING_BASE_URL": DEPLOYMENT.format("vectors")},
        address=DEPLOYMENT.format("gpt-4o"),
    ),
    Kind(
        "a model's name with spaces",
        "LM Studio",
        settings={"HANDOFF_OPENAI_CHAT_MODEL": "my model (1)"},
    ),
    Kind(
        "a first answer later than the time-out",
        "Ollama, serverless",
        Quirks(loading_seconds=1.2),
        settings=HASTY,
    ),
    Kind(
        "a model that is always loading (503)",
        "llama.cpp",
        Quirks(loading_status=503),
        settings=HASTY,
    ),
    Kind("two refusals for too many requests (429)", "all", fault="rate_limited", times=2),
    Kind("the quota is used up (429)", "all", fault="quota"),
    Kind("a page to sign in (200)", "hotels, companies", fault="html"),
    Kind("another address (307)", "proxies", fault="redirect"),
    Kind("a reply without end", "nobody yet", fault="endless"),
    Kind("connections that are cut", "all", fault="drop"),
)

KINDS = (*FIELDS, *BATCHES, *TAGS, *THINKING, *STREAMS, *VECTORS, *SERVERS)
