"""What tokens cost: a small dated table that a user can override; an unknown model has no price."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from handoff.core.errors import SettingsError

_TABLE = Path(__file__).with_name("prices.toml")
_MILLION = 1_000_000


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
        rows = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        prices = {
            model: Price(float(row["input"]), float(row["output"])) for model, row in rows.items()
        }
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise SettingsError(
            f"{path.name} is no price table: give each model input and output in USD for a million "
            "tokens."
        ) from None
    if not all(price.input >= 0 and price.output >= 0 for price in prices.values()):
        raise SettingsError(f"{path.name}: a price must be at least 0.")
    return prices
