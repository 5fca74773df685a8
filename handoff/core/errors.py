"""What is raised on purpose, as one tree.

HandoffError                     a sentence that says what is wrong and what to do next
├── QueryError                   a query that is empty, too long or no text
├── SettingsError                an environment variable, an option or handoff.toml
│   └── StalePolicyError         a handoff.toml that was found on another embedder or registry
├── DraftsError                  what a visitor of the page has not saved cannot be kept
├── TableError                   a CSV file: file, line, column, what was expected
│   ├── RegistryError            agents.csv
│   ├── CasesError               cases.csv
│   ├── ExamplesError            examples.csv
│   ├── BatchError               what a batch reads, writes or goes on with
│   └── VerdictsError            the verdict log, or a file of verdicts (in verdicts/record.py)
└── ProviderError                an embedder, a tagger or a runner failed
    ├── ProviderUnavailableError   time-out, no connection, 5xx: another try may work
    │   ├── TimedOutError          no answer in time; it may still be billed
    │   ├── LoadingError           a model is being loaded: it answers in a while
    │   ├── RateLimitedError       too many requests for now
    │   └── RestingError           it failed so often that it is left alone for a while
    ├── ProviderRejectedError      key, model, quota or request refused: the same fails again
    ├── ProviderReplyError         an answer that cannot be used
    └── SpendingCapError           the call could pass a spending cap, so it was not made

Nobody reaching the threshold is no error: it is an `Outcome`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


class HandoffError(Exception):
    """Everything that this package raises on purpose; its text is one sentence for a person."""


class QueryError(HandoffError):
    """A query that cannot be routed as it stands.

    Attributes:
        problem: What is wrong with it, in lower case.
        mend: What to do about it.
    """

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem[0].upper()}{problem[1:]}: {mend}.")
        self.problem = problem
        self.mend = mend


class SettingsError(HandoffError):
    """A setting that is missing, unknown or out of range."""


class StalePolicyError(SettingsError):
    """A policy that was found on something else than what is routed on.

    Attributes:
        passed_over: The sentences for where the policy is passed over instead.
        mend: What to do about it on the command line.
    """

    def __init__(self, problem: str, short: str, mend: str) -> None:
        super().__init__(f"{problem}: {mend}.")
        self.passed_over = f"{short}. The embedder's default threshold stands in its place."
        self.mend = mend


class DraftsError(HandoffError):
    """What a visitor of the page has not saved cannot be kept, or not be read back."""


class TableError(HandoffError):
    """A CSV file that cannot be read; the text names file, line and column."""

    @classmethod
    def at(cls, source: str, line: int, column: int, header: str, expected: str) -> Self:
        """Complain about one cell.

        Args:
            source: The file's name, as the user knows it.
            line: The line on which the row begins, from 1.
            column: The cell's place in the row, from 1.
            header: The column's name, empty if it has none.
            expected: What was found and what to do about it, without a full stop.
        """
        named = f" ({header})" if header else ""
        return cls(f"{source}, line {line}, column {column}{named}: {expected}.")


class RegistryError(TableError):
    """A registry that cannot be loaded."""


class CasesError(TableError):
    """A set of labelled queries that cannot be loaded."""


class ExamplesError(TableError):
    """A set of examples that cannot be loaded."""


class BatchError(TableError):
    """A batch whose input, output or checkpoint cannot be used."""


@dataclass(frozen=True, slots=True, eq=False)
class Partly:
    """What became of several texts of which some cannot be embedded, whoever they are sent with.

    Attributes:
        reasons: Why not, one sentence each, by their places among all.
        rows: The others' unit rows, in order, shape (others, dimensions); others may be none.
    """

    reasons: Mapping[int, str]
    rows: NDArray[np.float32]


class ProviderError(HandoffError):
    """A provider failed, or gave an answer that cannot be used.

    Attributes:
        partly: Of an embedder that failed for some texts' own sake; else None.
    """

    partly: Partly | None = None


class ProviderUnavailableError(ProviderError):
    """No answer: another try may work.

    Attributes:
        status: HTTP's; None where none came.
        said: As a `ProviderRejectedError` has it.
    """

    status: int | None = None
    said = ""


class TimedOutError(ProviderUnavailableError):
    """No answer in time; what was asked may still be billed."""


class LoadingError(ProviderUnavailableError):
    """A model is being loaded: it answers in a while."""


class RateLimitedError(ProviderUnavailableError):
    """Too many requests or tokens for now."""


class RestingError(ProviderUnavailableError):
    """The provider failed so often that it is left alone for a while."""


class ProviderRejectedError(ProviderError):
    """The provider refused; the same request would be refused again.

    Attributes:
        status: HTTP's; None where the request was not made.
        said: The refusal as it came, shortened and without the key; it may repeat the request.
    """

    def __init__(self, text: str, *, status: int | None = None, said: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.said = said


class SpendingCapError(ProviderError):
    """A call that was not made, because it could have passed a spending cap."""


class ProviderReplyError(ProviderError):
    """An answer came that cannot be used."""


class ErrorInReplyError(ProviderReplyError):
    """An error came as an answer, with a status of success.

    Attributes:
        said: As a `ProviderRejectedError` has it.
    """

    def __init__(self, text: str, *, said: str = "") -> None:
        super().__init__(text)
        self.said = said
