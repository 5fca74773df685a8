"""Texts in as few requests as a server takes them in; one that it cannot embed fails alone."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise

import numpy as np

from handoff.core.errors import (
    ErrorInReplyError,
    Partly,
    ProviderError,
    ProviderRejectedError,
    ProviderReplyError,
    ProviderUnavailableError,
)
from handoff.core.model import FloatArray
from handoff.core.texts import shorten
from handoff.files.servers import Server
from handoff.providers.openai.complaints import quote_complaint
from handoff.providers.openai.dialect import Dialect, hear

MOST_INPUTS = 2_048
MOST_TOKENS = 300_000
"""Inputs, and tokens over all inputs, of one request; OpenAI's limits."""

_MOST_UNMEASURED = 64
"""Inputs while nobody knows how long a vector is, so that a reply can be bounded."""

_MOST_VAIN = 5
"""Texts that are refused one by one, with none taken, before all are given up."""

_ABOUT_INPUT = {400, 413, 422}
_UNPROCESSED, _ABSENT = 500, 501
_INPUT = re.compile("input|text|content|prompt|batch")
"""What servers call the texts, where they name what they refuse."""

Ask = Callable[[Sequence[str]], Awaitable[list[FloatArray | None]]]


class Portions:
    """The rows of some texts, asked for in portions.

    A portion that is refused is halved. Where all of it is taken in smaller ones, the server has a
    limit, which holds from then on; else what it cannot embed is found in twice as many requests
    as there are halvings down to one text.
    """

    def __init__(
        self, texts: Sequence[str], ask: Ask, dialect: Dialect, server: Server, at_once: int
    ) -> None:
        """Ask for nothing yet.

        Args:
            texts: At least one.
            ask: Asks for the rows of several; None in a row's place where it has no meaning.
            dialect: Of whoever is asked.
            server: The same, to be told of.
            at_once: Portions of a server with a limit that are asked for at the same time.
        """
        self._texts = texts
        self._ask = ask
        self._dialect = dialect
        self._server = server
        self._at_once = at_once
        self._rows: dict[int, FloatArray] = {}
        self._reasons: dict[int, str] = {}
        self._trouble: ProviderError | None = None

    async def fill(self) -> FloatArray:
        """Return one row a text, in order; raises ProviderError where some cannot be embedded."""
        await self._fill(0, len(self._texts))
        if self._trouble is not None:
            raise self._partly(self._trouble)
        return np.stack([self._rows[at] for at in range(len(self._texts))])

    async def _fill(self, first: int, end: int) -> int:
        """Embed some texts in portions; return the size of the largest that was taken.

        Small portions, as a server's limit makes them, are asked for several at a time.
        """
        largest = 0
        while first < end:
            cuts = [first]
            at_once = 1 if self._dialect.most_texts is None else self._at_once
            while cuts[-1] < end and len(cuts) <= at_once:
                cuts.append(self._cut(cuts[-1], end))
            try:
                async with asyncio.TaskGroup() as tasks:
                    asked = [tasks.create_task(self._embed(*portion)) for portion in pairwise(cuts)]
            except BaseExceptionGroup as failures:
                raise failures.exceptions[0] from None
            largest = max(largest, *(task.result() for task in asked))
            first = cuts[-1]
        return largest

    def _cut(self, first: int, end: int) -> int:
        """Return where a portion ends that no limit forbids."""
        most = self._dialect.most_texts or MOST_INPUTS
        if self._dialect.length is None:
            most = min(most, _MOST_UNMEASURED)
        tokens = 0
        for at in range(first, min(end, first + most)):
            tokens += most_tokens([self._texts[at]])
            if tokens > MOST_TOKENS and at > first:
                return at
        return min(end, first + most)

    async def _embed(self, first: int, end: int) -> int:
        """Embed a portion, in halves where it is refused; return the largest that was taken."""
        try:
            rows = await self._ask(self._texts[first:end])
        except ProviderRejectedError as error:
            if not _is_about_input(error):
                raise
            if end - first == 1:
                self._refuse(first, error)
                return 0
        except ErrorInReplyError as error:
            if end - first == 1:
                self._refuse(first, error)
                return 0
        except ProviderUnavailableError as error:
            await self._try_one(first, end, error)
            first += 1
            if first == end:
                return 0
        else:
            self._keep(first, rows)
            return end - first
        refused = len(self._reasons)
        middle = (first + end) // 2
        largest = max(await self._fill(first, middle), await self._fill(middle, end))
        if len(self._reasons) == refused:
            self._dialect.limit(largest)
        return largest

    def _keep(self, first: int, rows: Sequence[FloatArray | None]) -> None:
        """Note the rows of a portion that was taken."""
        for at, row in enumerate(rows, start=first):
            if row is None:
                self._trouble = ProviderReplyError(
                    f"{self._server.called} returned a vector without meaning: try again."
                )
                self._reasons[at] = (
                    f"{self._server.called} returned a vector without meaning for this text: "
                    "put it otherwise."
                )
            else:
                self._rows[at] = row

    async def _try_one(self, first: int, end: int, error: ProviderUnavailableError) -> None:
        """Embed the first of the texts that a server failed at; raise the error where it is down.

        Whoever is down is asked once more, and not once a halving. OpenAI's own says why where it
        is asked too much.
        """
        if error.status != _UNPROCESSED:
            raise error
        if end - first == 1 and self._rows:
            told = ProviderRejectedError(str(error), status=_UNPROCESSED, said=error.said)
            self._refuse(first, told)
            return
        if end - first == 1 or self._server.is_openai:
            raise error
        try:
            await self._embed(first, first + 1)
        except ProviderUnavailableError:
            raise error from None

    def _refuse(self, at: int, error: ProviderRejectedError | ErrorInReplyError) -> None:
        """Note that a text fails alone; raise the error where it is hardly the texts that fail."""
        quoted = quote_complaint(error.said, self._server.secrets)
        answers = (
            f" and answers with status {error.status}"
            if isinstance(error, ProviderRejectedError)
            else ""
        )
        self._reasons[at] = (
            f"{self._server.called} cannot embed this text{answers}"
            f"{quoted and f', {quoted}'}: put it otherwise, or shorter."
        )
        self._trouble = error
        if not self._rows and len(self._reasons) == min(_MOST_VAIN, len(self._texts)):
            raise self._partly(error)

    def _partly(self, error: ProviderError) -> ProviderError:
        """Return an error with what was embedded, and why each of the other texts was not."""
        rows = [self._rows[at] for at in sorted(self._rows)]
        if rows and isinstance(error, ProviderRejectedError):
            first = min(self._reasons)
            error = ProviderRejectedError(
                f"{len(self._reasons):,} of {len(self._texts):,} texts could not be embedded, the "
                f"first of them '{shorten(self._texts[first])}'. {self._reasons[first]}",
                status=error.status,
                said=error.said,
            )
        reasons = {
            at: self._reasons.get(at, str(error))
            for at in range(len(self._texts))
            if at not in self._rows
        }
        error.partly = Partly(reasons, np.stack(rows) if rows else np.zeros((0, 0), np.float32))
        return error


def most_tokens(texts: Sequence[str]) -> int:
    """Return what texts cannot exceed: a token is at least one byte."""
    return sum(len(text.encode()) for text in texts)


def _is_about_input(error: ProviderRejectedError) -> bool:
    """Tell whether fewer or other texts might be taken, as far as a refusal says."""
    if error.status == _ABSENT:
        return False
    if error.status not in _ABOUT_INPUT and (error.status or 0) < _UNPROCESSED:
        return False
    places, _ = hear(error.said)
    return not places or _INPUT.search(places) is not None
