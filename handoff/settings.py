"""What the environment and handoff.toml say, as frozen values."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from handoff.core.errors import SettingsError
from handoff.core.model import Policy, ThresholdSource

CONFIG_NAME = "handoff.toml"
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
    cases: Path | None = agents.with_name("cases.csv")
    if environ.get("HANDOFF_CASES"):
        cases = Path(environ["HANDOFF_CASES"])
    elif not agents.with_name("cases.csv").exists():
        cases = None
    beside = agents.with_name(CONFIG_NAME)
    return Settings(
        registry=agents,
        cases=cases,
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
    try:
        values = tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as failure:
        reason = failure.strerror or failure
        raise SettingsError(f"{config} cannot be read ({reason}): name a TOML file.") from None
    except ValueError as failure:
        raise SettingsError(f"{config} is no valid TOML: {failure}.") from None
    unknown = set(values) - {"threshold", "margin", "per_agent"}
    if unknown:
        raise SettingsError(
            f"{config}: unknown key {min(unknown)!r}, it may hold threshold, margin and per_agent."
        )
    per_agent = values.get("per_agent", False)
    if not isinstance(per_agent, bool):
        raise SettingsError(f"{config}: per_agent must be true or false.")
    threshold = values.get("threshold")
    return Policy(
        threshold=default_threshold
        if threshold is None
        else parse_threshold(threshold, f"{config}: threshold"),
        source=ThresholdSource.EMBEDDER if threshold is None else ThresholdSource.CONFIG,
        margin=_margin(values.get("margin", 0.0), f"{config}: margin"),
        per_agent=per_agent,
    )


def parse_threshold(value: object, name: str = "The threshold") -> float:
    """Return a threshold from -1 to 1.

    Raises:
        SettingsError: It is no such number.
    """
    threshold = _number(value)
    if not -1 <= threshold <= 1:
        raise SettingsError(f"{name} must be a number from -1 to 1.")
    return threshold


def _margin(value: object, name: str) -> float:
    margin = _number(value)
    if not 0 <= margin <= 2:  # noqa: PLR2004 - the farthest that two cosines can be apart
        raise SettingsError(f"{name} must be a number from 0 to 2.")
    return margin


def _number(value: object) -> float:
    """Return a number, or NaN, which is in no range."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Return a variable's value; the first choice where it is unset."""
    value = environ.get(name) or choices[0]
    if value not in choices:
        raise SettingsError(f"{name} is {value!r}: choose {' or '.join(choices)}.")
    return value
