"""What a server says went wrong, as a quotation: short, in one line, without what is secret.

OpenAI puts it into `error.message`; others into `detail`, `message`, a list, or a plain text.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from handoff.core.errors import ErrorInReplyError, ProviderUnavailableError
from handoff.core.texts import shorten
from handoff.files.servers import Server

_MOST_READ = 4_000
_MOST_QUOTED = 200
_KEYS = ("error", "message", "msg", "detail", "details", "error_message", "reason", "title")
_SECRETS = re.compile(r"\b(?:sk|pk|key|Bearer)[-_ ][\w.*-]{6,}|(?<=://)[^\s/@]+@")
_PASSING = frozenset({"408", "429", "500", "502", "503", "504", "529"})
"""Statuses that servers put into an error instead of giving it one."""
_CUT_OUT = "\u2026"


def quote_complaint(said: str, secrets: Sequence[str] = ()) -> str:
    """Return what an error's body says, in quotation marks; empty where it says nothing in words.

    Args:
        said: The body, or its beginning.
        secrets: What must not be shown, wherever it stands.
    """
    text = said
    for secret in filter(None, secrets):
        text = text.replace(secret, _CUT_OUT)
    message = " ".join(_message(text[:_MOST_READ]).split())
    shown = shorten(_SECRETS.sub(_CUT_OUT, message), _MOST_QUOTED).rstrip(". ")
    return f"\u201c{shown}\u201d" if shown else ""


def refuse_error(reply: Any, server: Server) -> None:  # noqa: ANN401 - the SDK is not imported here
    """Look for an error that came with a status of success.

    Raises:
        ProviderUnavailableError: It is one that may pass.
        ErrorInReplyError: It is another.
    """
    error = getattr(reply, "error", None)
    if not error:
        return
    said = json.dumps(error, default=vars)
    quoted = quote_complaint(said, server.secrets)
    told = f"{server.called} answered with an error{quoted and f', {quoted}'}: try again"
    code = error.get("code") if isinstance(error, dict) else getattr(error, "code", None)
    if str(code) in _PASSING:
        raise ProviderUnavailableError(f"{told}.")
    raise ErrorInReplyError(f"{told}, or name another model.", said=said)


def _message(text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        # A page says it in a hundred lines.
        return "" if text.lstrip()[:1] in {"<", "{", "["} else text
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and one.strip():
            return one
        if isinstance(one, list):
            waiting.extend(reversed(one[:1]))
        elif isinstance(one, dict):
            waiting.extend(one[key] for key in reversed(_KEYS) if key in one)
    return ""
