"""Which fields of a request a server takes: learned from its refusals, for as long as we run.

OpenAI's own takes all that it is sent. Others refuse some, each its own, with a status and a text
that names the field. Then the same is asked in another form: with the field's older name, with
less, or without it; and nobody is asked again in a form that was refused.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_REFUSING = (400, 422)
_ECHOES = frozenset({"input", "body", "request"})
"""What a refusal repeats of the request under these keys is not its own word."""


def whole_words(spoken: str) -> re.Pattern[str]:
    """Return a pattern that finds one of some words, in lower case, and no part of another."""
    return re.compile(rf"(?<!\w)(?:{spoken})(?!\w)")


@dataclass(frozen=True, slots=True)
class Form:
    """One way of saying what a field says.

    Attributes:
        name: As `doctor` shows it, such as the name under which it is sent.
        body: What it adds to the request; empty where it is left out.
    """

    name: str
    body: Mapping[str, Any] = field(default_factory=dict)


LEFT_OUT = Form("left out")


@dataclass(frozen=True, slots=True)
class Field:
    """Something to ask for, in forms of which a server may know some.

    Attributes:
        name: As a person is told.
        naming: Finds it in what a refusal says; see `whole_words`.
        forms: At OpenAI's own, what to try first, next, and at last.
        elsewhere: At any other server, where these are others; the least comes first.
    """

    name: str
    naming: re.Pattern[str]
    forms: tuple[Form, ...]
    elsewhere: tuple[Form, ...] = ()


class Dialect:
    """What one server takes of requests to one model; any thread may ask and tell.

    Attributes:
        thinks: Answers were seen to hold thinking, or nothing for all the tokens that they took.
        unannounced: A thinking was seen to end that nothing in the answer had begun.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self.thinks = False
        self.unannounced = False
        self._lock = threading.Lock()
        self._refused: dict[str, list[str]] = {}
        self._length: int | None = None
        self._most_texts: int | None = None

    @property
    def length(self) -> int | None:
        """How many numbers its vectors have; None before the first."""
        return self._length

    def expect(self, length: int) -> int:
        """Return how long vectors are to be: as the first that came, be it this one."""
        with self._lock:
            if self._length is None:
                self._length = length
            return self._length

    @property
    def most_texts(self) -> int | None:
        """How many texts it embeds in one request; None where no limit was met."""
        return self._most_texts

    def limit(self, texts: int) -> None:
        """Remember how many texts it takes where it did not take more."""
        with self._lock:
            self._most_texts = min(texts, self._most_texts or texts)

    @property
    def refused(self) -> dict[str, tuple[str, ...]]:
        """The refused forms of each field, by their names, in the order they were learned."""
        with self._lock:
            return {name: tuple(forms) for name, forms in self._refused.items() if forms}

    def refuse(self, name: str, form: str) -> None:
        """Remember that a form of a field is not taken, or does nothing."""
        with self._lock:
            known = self._refused.setdefault(name, [])
            if form not in known:
                known.append(form)

    def accept(self, name: str, form: str) -> None:
        """Forget that a form was refused: the server changed its mind."""
        with self._lock:
            if form in self._refused.get(name, ()):
                self._refused[name].remove(form)


class Dialects:
    """The dialects that one process met, by endpoint and model; there is a server an endpoint."""

    def __init__(self) -> None:
        """Know nobody."""
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Dialect] = {}

    def of(self, endpoint: str, model: str) -> Dialect:
        """Return what is known of an endpoint's model."""
        with self._lock:
            return self._known.setdefault((endpoint, model), Dialect())

    def known(self) -> list[tuple[str, str, Dialect]]:
        """Return endpoint, model and dialect of everybody who was asked."""
        with self._lock:
            return [(*key, dialect) for key, dialect in self._known.items()]


class Phrasing:
    """How one call is put; each form of a field is tried once, so that it comes to an end."""

    def __init__(self, dialect: Dialect, fields: Sequence[Field], *, at_openai: bool) -> None:
        """Choose nothing yet: while the call waits for its turn, others may learn something."""
        self._dialect = dialect
        self._untried = {
            each.name: list(each.forms if at_openai or not each.elsewhere else each.elsewhere)
            for each in fields
        }
        self._negotiable = [each for each in fields if len(self._untried[each.name]) > 1]
        self._sent: dict[str, Form] = {}

    def put(self) -> dict[str, Any]:
        """Return what the fields add to the request that is made now.

        Forms that were refused before come last: a server may have changed its mind.
        """
        refused = self._dialect.refused
        for name, forms in self._untried.items():
            unheard = refused.get(name, ())
            self._sent[name] = min(forms, key=lambda form: form.name in unheard)
        return {key: part for form in self._sent.values() for key, part in form.body.items()}

    def blamed(self, status: int | None, said: str) -> Field | None:
        """Return the field that a refusal names, among those that have another form."""
        if status not in _REFUSING:
            return None
        located, text = hear(said)
        for words in (located, text):
            found = [
                (match.start(), each)
                for each in self._negotiable
                if (match := each.naming.search(words)) is not None
            ]
            if found:
                return min(found, key=lambda pair: pair[0])[1]
        return None

    def reword(self, blamed: Field, *, lasting: bool) -> bool:
        """Take another form of a field next; False where none is left.

        Args:
            blamed: As `blamed` returned it.
            lasting: Whether the refusal holds for other calls too: a limit that is too large for
                one long query is not.
        """
        forms = self._untried[blamed.name]
        if len(forms) == 1:
            return False
        form = self._sent[blamed.name]
        forms.remove(form)
        if lasting:
            self._dialect.refuse(blamed.name, form.name)
        return True

    def accepted(self) -> None:
        """Remember that the call was understood as it was put."""
        for name, form in self._sent.items():
            self._dialect.accept(name, form.name)


def hear(said: str) -> tuple[str, str]:
    """Return the places that a refusal points at, and what it says in its own words.

    Servers put it in a dozen shapes: `param` as OpenAI does, `loc` as pydantic does, or text alone.
    """
    try:
        told = json.loads(said)
    except (ValueError, RecursionError):
        return "", said.casefold()
    places: list[str] = []
    texts: list[str] = []
    for key, value in _strings(told):
        (places if key in {"param", "loc"} else texts).append(value)
    return " ".join(places).casefold(), " ".join(texts).casefold()


def _strings(told: object) -> Iterator[tuple[str, str]]:
    """Yield the texts of a JSON value with the key under which each stands, in order."""
    waiting: list[tuple[str, object]] = [("", told)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, list):
            waiting += [(key, each) for each in reversed(value)]
        elif isinstance(value, dict):
            parts = [pair for pair in value.items() if pair[0] not in _ECHOES]
            waiting += reversed(parts)
