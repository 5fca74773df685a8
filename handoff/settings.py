"""What the environment and handoff.toml say, as frozen values."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from handoff.core.errors import SettingsError
from handoff.core.model import Policy, ThresholdSource
from handoff.core.texts import parse_number, shorten

CONFIG_NAME = "handoff.toml"
_HUGE = 1e9
EMBEDDERS = ("local", "scripted")
TAGGERS = ("local", "scripted")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are and which parts to join.

    Attributes:
        registry: The file of agents.
        cases: The file of labelled queries; None where there is none.
        config: handoff.toml; None where there is none.
        embedder: One of `EMBEDDERS`.
        tagger: One of `TAGGERS`.
        cache_dir: Where vectors are kept.
    """

    registry: Path
    cases: Path | None
    config: Path | None
    embedder: str
    tagger: str
    cache_dir: Path


def load_settings(
    environ: Mapping[str, str], registry: Path | None = None, config: Path | None = None
) -> Settings:
    """Read the environment; what is given here comes first.

    Args:
        environ: `HANDOFF_REGISTRY`, `HANDOFF_CASES`, `HANDOFF_EMBEDDER`, `HANDOFF_TAGGER`,
            `HANDOFF_CACHE_DIR`; a variable that is empty counts as unset.
        registry: The file of agents, from the command line.
        config: handoff.toml, from the command line.

    Raises:
        SettingsError: There is no registry, or a value is unknown.
    """
    agents = registry or Path(environ.get("HANDOFF_REGISTRY") or "agents.csv")
    if registry is None and not environ.get("HANDOFF_REGISTRY") and not agents.exists():
        raise SettingsError(
            "There is no agents.csv in the working directory: change to its folder, or name a "
            "registry with --registry or HANDOFF_REGISTRY."
        )
    cases = agents.parent / "cases.csv"
    named_cases = environ.get("HANDOFF_CASES")
    beside = agents.parent / CONFIG_NAME
    return Settings(
        registry=agents,
        cases=Path(named_cases) if named_cases else cases if cases.exists() else None,
        config=config or (beside if beside.exists() else None),
        embedder=_choice(environ, "HANDOFF_EMBEDDER", EMBEDDERS),
        tagger=_choice(environ, "HANDOFF_TAGGER", TAGGERS),
        cache_dir=Path(
            environ.get("HANDOFF_CACHE_DIR")
            or platformdirs.user_cache_dir("handoff", appauthor=False)
        ),
    )


def load_policy(config: Path | None, default_threshold: float) -> Policy:
    """Read how evidence is judged: handoff.toml's word first, then the embedder's default.

    Args:
        config: handoff.toml with any of `threshold`, `margin` (numbers) and `per_agent` (true or
            false); None for none.
        default_threshold: The embedder's.

    Raises:
        SettingsError: The file cannot be read, or holds something else.
    """
    if config is None:
        return Policy(default_threshold, ThresholdSource.EMBEDDER)
    name = shorten(str(config), 200)
    try:
        values = tomllib.loads(config.read_text(encoding="utf-8-sig"))
    except OSError as failure:
        reason = failure.strerror or failure
        raise SettingsError(f"{name} cannot be read ({reason}): name a TOML file.") from None
    except (ValueError, RecursionError) as failure:
        raise SettingsError(f"{name} is no valid TOML: {shorten(str(failure), 200)}.") from None
    unknown = set(values) - {"threshold", "margin", "per_agent"}
    if unknown:
        raise SettingsError(
            f"{name}: unknown key '{shorten(min(unknown))}', it may hold threshold, margin and "
            "per_agent."
        )
    per_agent = values.get("per_agent", False)
    if not isinstance(per_agent, bool):
        raise SettingsError(f"{name}: per_agent must be true or false.")
    threshold = values.get("threshold")
    return Policy(
        threshold=default_threshold
        if threshold is None
        else _within(_number(threshold), (-1, 1), f"{name}: threshold"),
        source=ThresholdSource.EMBEDDER if threshold is None else ThresholdSource.CONFIG,
        margin=_within(_number(values.get("margin", 0.0)), (0, 2), f"{name}: margin"),
        per_agent=per_agent,
    )


def parse_threshold(text: str) -> float:
    """Return the threshold that somebody typed.

    Raises:
        SettingsError: It is no number from -1 to 1.
    """
    return _within(parse_number(text), (-1, 1), "The threshold")


def _within(number: float, limits: tuple[int, int], name: str) -> float:
    least, most = limits
    if not least <= number <= most:
        raise SettingsError(f"{name} must be a number from {least} to {most}.")
    return number


def _number(value: object) -> float:
    """Return a TOML number, or NaN, which is in no range."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _HUGE:
        return math.nan
    return float(value)


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Return a variable's value; the first choice where it is unset."""
    value = environ.get(name) or choices[0]
    if value not in choices:
        raise SettingsError(f"{name} is '{shorten(value)}': choose {' or '.join(choices)}.")
    return value
