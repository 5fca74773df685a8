"""What a session keeps between reruns; a key begins with the page or subject that it is of."""

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from handoff.core.errors import HandoffError

Made = TypeVar("Made")
Entry = tuple[tuple[object, ...], Any]


def remembered(
    key: str, by: tuple[object, ...], make: Callable[[], Made], *, most: int = 1
) -> Made:
    """Return what was made before of the same things; make it where it was not.

    Args:
        key: Where the session keeps it.
        by: What it is made of: compared by identity first, then by equality.
        make: Makes it; an error is not kept.
        most: So many are kept, the newest ones.
    """
    entry = _find(key, by)
    made: Made = make() if entry is None else entry[1]
    if entry is None:
        remember(key, by, made, most=most)
    return made


def recalled(key: str, by: tuple[object, ...]) -> Any | None:  # noqa: ANN401 - the caller knows
    """Return what was remembered of the same things; None where nothing was."""
    entry = _find(key, by)
    return None if entry is None else entry[1]


def remember(key: str, by: tuple[object, ...], made: object, *, most: int = 1) -> None:
    """Keep what was made of some things, in the place of what was made of them before."""
    others = [entry for entry in _entries(key) if entry[0] != by]
    st.session_state[key] = [*others, (by, made)][-most:]


def parsed_once(key: str, by: tuple[object, ...], parse: Callable[[], Made]) -> Made:
    """Parse once what a visitor gave; a complaint is kept as well, and raised again."""

    def outcome() -> Made | HandoffError:
        try:
            return parse()
        except HandoffError as error:
            return error

    parsed = remembered(key, by, outcome)
    if isinstance(parsed, HandoffError):
        raise parsed
    return parsed


def _find(key: str, by: tuple[object, ...]) -> Entry | None:
    return next((entry for entry in _entries(key) if entry[0] == by), None)


def _entries(key: str) -> list[Entry]:
    entries: list[Entry] = st.session_state.get(key, [])
    return entries
