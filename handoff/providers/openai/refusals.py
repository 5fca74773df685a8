"""What a status of failure means for a person: what is wrong, in whose words, and what to do."""

import re
from dataclasses import dataclass

from handoff.core.errors import (
    LoadingError,
    ProviderError,
    ProviderRejectedError,
    ProviderUnavailableError,
    RateLimitedError,
)
from handoff.core.texts import shorten
from handoff.files.servers import Server
from handoff.providers.openai.complaints import quote_complaint

_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_ABOUT_TEXTS = re.compile(
    r"\bnan\b|unsupported value|not json compliant|too (?:large|long|many tokens)"
    r"|context (?:length|size|window)|out of memory",
    re.IGNORECASE,
)
_LOADING = re.compile(r"\bloading\b|warming up|starting up", re.IGNORECASE)
_A_MODEL = re.compile(r"\b(?:model|deployment)\b")
_VERSION = re.compile(r"/v\d")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply that is no answer.

    Attributes:
        status: HTTP's, 300 or more.
        code: OpenAI's own, where there is one.
        path: What was asked for.
        said: The beginning of the body.
    """

    status: int
    code: str | None
    path: str
    said: str


def blames_texts(said: str) -> bool:
    """Tell whether a server that is well says with a status of its own failure: it is the text."""
    return _ABOUT_TEXTS.search(said) is not None


def says_loading(said: str) -> bool:
    """Tell whether a server says that it is loading a model."""
    return _LOADING.search(said) is not None


def translate_refusal(refusal: Refusal, server: Server, model: str) -> ProviderError:
    """Return our error for it."""
    quoted = quote_complaint(refusal.said, server.secrets)
    aside = quoted and f", {quoted}"
    kind: type[ProviderError] = ProviderRejectedError
    match refusal.status:
        case 429 if refusal.code == "insufficient_quota":
            told = f"says that the quota is used up{aside}: check the plan."
        case 429:
            kind = RateLimitedError
            told = f"refused too many requests at once{aside}: try again later."
        case 401:
            wanted = "refused the key: check" if server.key else "wants a key: set"
            told = f"{wanted} {server.key_named_by}."
        case 403:
            told = f"refused{aside}: check {server.key_named_by}, and what it may do."
        case 404 | 501:
            told = _tell_missing(refusal, server, model, aside)
        case status if status >= _SERVER_ERROR:
            kind, told = _tell_failure(refusal, aside)
        case status if status >= _CLIENT_ERROR:
            told = f"refused the request with status {status}{aside}: check the settings."
        case _:
            told = f"sends requests on to another address: name that address in {server.named_by}."
    error = kind(f"{server.called} {told}")
    if isinstance(error, ProviderRejectedError | ProviderUnavailableError):
        error.status, error.said = refusal.status, refusal.said
    return error


def _tell_failure(refusal: Refusal, aside: str) -> tuple[type[ProviderError], str]:
    """Tell a server that failed from one that is well: with these texts, or in a while."""
    if says_loading(refusal.said):
        return LoadingError, f"is loading its model{aside}: try again in a while."
    told = f"with status {refusal.status}{aside}"
    if blames_texts(refusal.said):
        return ProviderRejectedError, f"cannot take a text, {told}: put it otherwise, or shorter."
    return ProviderUnavailableError, f"failed {told}: try again."


def _tell_missing(refusal: Refusal, server: Server, model: str, aside: str) -> str:
    """Tell a model that is not there from an address that is not."""
    said = refusal.said.casefold()
    if refusal.code == "model_not_found" or model.casefold() in said or _A_MODEL.search(said):
        return f"does not know the model {shorten(model)}{aside}: name another."
    told = f"has nothing at {shorten(refusal.path, 100)}, says status {refusal.status}{aside}:"
    if server.is_openai or server.is_deployment or _VERSION.search(refusal.path):
        return f"{told} name a server or a model that has."
    return f"{told} is /v1 missing at the end of {server.named_by}?"
