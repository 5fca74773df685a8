"""Values of environment variables; one that is empty counts as unset."""

from collections.abc import Mapping

from handoff.core.errors import SettingsError
from handoff.core.texts import parse_number, shorten

_HUGE = 1e9


def positive(environ: Mapping[str, str], name: str) -> float | None:
    """Return a number above 0; None where the variable is unset."""
    text = environ.get(name)
    if not text:
        return None
    number = parse_number(text)
    if not 0 < number < _HUGE:
        raise SettingsError(f"{name} must be a number above 0.")
    return number


def whole(environ: Mapping[str, str], name: str) -> int | None:
    """Return a whole number above 0; None where the variable is unset."""
    number = positive(environ, name)
    if number is not None and number != int(number):
        raise SettingsError(f"{name} must be a whole number above 0.")
    return None if number is None else int(number)


def choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...], preferred: str) -> str:
    """Return a variable's value; the preferred choice where it is unset."""
    value = environ.get(name) or preferred
    if value not in choices:
        listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
        raise SettingsError(f"{name} is '{shorten(value)}': choose {listed}.")
    return value
