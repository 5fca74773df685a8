"""What tokens cost: a small dated table that a user can override; an unknown model has no price."""

import tomllib
from dataclasses import astuple, dataclass
from pathlib import Path

from handoff.core.errors import SettingsError

_TABLE = Path(__file__).with_name("prices.toml")
_MILLION = 1_000_000
_HIGHEST = 1e6


@dataclass(frozen=True, slots=True)
class Price:
    """USD for a million tokens, in and out."""

    input: float
    output: float

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        """Return what so many tokens cost."""
        return (self.input * input_tokens + self.output * output_tokens) / _MILLION


def load_prices(override: Path | None = None) -> dict[str, Price]:
    """Return prices by model; an override's rows come before the shipped ones.

    Raises:
        SettingsError: The override cannot be read, or a price is no number of at least 0.
    """
    prices = _parse(_TABLE)
    if override is not None:
        prices |= _parse(override)
    return prices


def _parse(path: Path) -> dict[str, Price]:
    try:
        rows = tomllib.loads(_read(path))
        prices = {
            model: Price(_usd(row["input"]), _usd(row["output"])) for model, row in rows.items()
        }
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
        raise SettingsError(
            f"{path.name} is no price table: give each model input and output in USD for a million "
            "tokens."
        ) from None
    if not all(0 <= usd <= _HIGHEST for price in prices.values() for usd in astuple(price)):
        raise SettingsError(f"{path.name}: a price must be at least 0.")
    return prices


def _read(path: Path) -> str:
    """Return a regular file's text; raises OSError where it is none."""
    # A pipe would let us wait for somebody who writes to it.
    if path.exists() and not path.is_file():
        raise OSError("it is no regular file")
    return path.read_text(encoding="utf-8-sig")


def _usd(number: object) -> float:
    """Return a price; raises TypeError where it is no number."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError("a price is a number")
    return float(number)
