"""handoff.toml: how evidence is judged, and where that came from."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from handoff.core.errors import SettingsError, StalePolicyError
from handoff.core.model import Policy, ThresholdSource
from handoff.core.texts import listed, parse_number, shorten
from handoff.files.sole_writer import sole_writer, write_alone
from handoff.files.whole_file import write_whole

KEYS = ("threshold", "margin", "per_agent", "lexical_weight", "known_scripts_only", "found")
FOUND_KEYS = ("date", "embedder", "registry", "goal", "cases", "accuracy", "coverage")

_HUGE = 1e9
_MEND = "find one again with `handoff eval CASES --save`, or force this one with --force"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a threshold stands on; on another one it means nothing.

    Attributes:
        embedder: Its identity.
        registry: The fingerprint.
    """

    embedder: str
    registry: str


@dataclass(frozen=True, slots=True)
class Found:
    """Where a saved policy came from.

    Attributes:
        ground: What it was found on.
        date: When.
        goal: What for; "by hand" where somebody chose it.
        cases: How many cases the figures were counted on.
        accuracy: Share of them that ended as their label says.
        coverage: Share of them that was handed off.
    """

    ground: Ground
    date: date
    goal: str
    cases: int
    accuracy: float
    coverage: float


def load_policy(
    config: Path | None,
    default_threshold: float,
    ground: Ground | None = None,
    *,
    force: bool = False,
) -> Policy:
    """Read how evidence is judged: handoff.toml's word first, then the embedder's default.

    Args:
        config: handoff.toml with any of `threshold`, `margin`, `lexical_weight` (numbers),
            `per_agent`, `known_scripts_only` (true or false), and, where a program saved it, the
            table `found`; None for none.
        default_threshold: The embedder's.
        ground: What queries are routed on; None to leave that open.
        force: Take the file's word whatever it was found on.

    Raises:
        StalePolicyError: The policy was found with another embedder or on other agents.
        SettingsError: The file cannot be read, or holds something else.
    """
    if config is None:
        return Policy(default_threshold, ThresholdSource.EMBEDDER)
    name = shorten(str(config), 200)
    values = _read(config, name)
    _check_keys(values, KEYS, f"{name}: unknown key")
    threshold = values.get("threshold")
    policy = Policy(
        threshold=default_threshold
        if threshold is None
        else _within(_number(threshold), (-1, 1), f"{name}: threshold"),
        source=ThresholdSource.EMBEDDER if threshold is None else ThresholdSource.CONFIG,
        margin=_within(_number(values.get("margin", 0.0)), (0, 2), f"{name}: margin"),
        per_agent=_switch(values.get("per_agent", False), f"{name}: per_agent"),
        lexical_weight=_within(
            _number(values.get("lexical_weight", 0.0)), (0, 1), f"{name}: lexical_weight"
        ),
        known_scripts_only=_switch(
            values.get("known_scripts_only", True), f"{name}: known_scripts_only"
        ),
    )
    _check_found(values.get("found", {}), None if force else ground, name)
    return policy


def save_policy(config: Path, policy: Policy, found: Found) -> None:
    """Write handoff.toml, whole or not at all.

    Raises:
        SettingsError: It cannot be written.
    """
    write_policy(config, format_policy(policy, found))


def write_policy(config: Path, text: str) -> None:
    """Write what `format_policy` returned as handoff.toml; see `save_policy`."""
    write_alone(config, text, SettingsError)


def read_policy(config: Path) -> bytes | None:
    """Return what a file of a policy holds, to tell whether it changes; None where there is none.

    Raises:
        SettingsError: It is no regular file, or cannot be read.
    """
    name = shorten(str(config), 200)
    try:
        if not config.exists():
            return None
        # A pipe would let us wait for somebody who writes to it.
        if not config.is_file() and not config.is_dir():
            raise SettingsError(f"{name} is no regular file: name a TOML file.")
        return config.read_bytes()
    except OSError as failure:
        reason = failure.strerror or failure
        raise SettingsError(f"{name} cannot be read ({reason}): name a TOML file.") from None


def replace_policy(config: Path, text: str, expected: bytes | None) -> bool:
    """Write a policy, unless the file holds something else than what was expected.

    Args:
        config: The file.
        text: As `format_policy` returned it.
        expected: As `read_policy` returned it.

    Returns:
        Whether it was written.

    Raises:
        SettingsError: The file cannot be read or written.
    """
    with sole_writer(config, SettingsError):
        if read_policy(config) != expected:
            return False
        write_whole(config, text, SettingsError)
    return True


def format_policy(policy: Policy, found: Found) -> str:
    """Return a policy as TOML; `load_policy` reads it back."""
    import tomli_w  # noqa: PLC0415 - only who saves pays for it

    return tomli_w.dumps(
        {
            "threshold": policy.threshold,
            "margin": policy.margin,
            "per_agent": policy.per_agent,
            "lexical_weight": policy.lexical_weight,
            "known_scripts_only": policy.known_scripts_only,
            "found": {
                "date": found.date,
                "embedder": found.ground.embedder,
                "registry": found.ground.registry,
                "goal": found.goal,
                "cases": found.cases,
                "accuracy": round(found.accuracy, 4),
                "coverage": round(found.coverage, 4),
            },
        }
    )


def parse_threshold(text: str) -> float:
    """Return the threshold that somebody typed.

    Raises:
        SettingsError: It is no number from -1 to 1.
    """
    return _within(parse_number(text), (-1, 1), "The threshold")


def _read(config: Path, name: str) -> Mapping[str, Any]:
    data = read_policy(config)
    if data is None:
        raise SettingsError(f"{name} cannot be read (No such file or directory): name a TOML file.")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as failure:
        raise SettingsError(f"{name} is no valid TOML: {shorten(str(failure), 200)}.") from None


def _check_keys(values: Mapping[str, Any], known: tuple[str, ...], complaint: str) -> None:
    unknown = set(values) - set(known)
    if unknown:
        raise SettingsError(f"{complaint} '{shorten(min(unknown))}', it may hold {listed(known)}.")


def _check_found(found: object, ground: Ground | None, name: str) -> None:
    """Refuse what was found elsewhere; a file that a person wrote says nothing about it."""
    if not isinstance(found, Mapping):
        raise SettingsError(f"{name}: found must be a table.")
    _check_keys(found, FOUND_KEYS, f"{name}: the table found has an unknown key")
    if ground is None:
        return
    embedder = found.get("embedder", ground.embedder)
    if embedder != ground.embedder:
        raise StalePolicyError(
            f"{name}: its threshold was found with the embedder '{shorten(str(embedder), 100)}', "
            f"not with '{shorten(ground.embedder, 100)}', and scores of two embedders do not "
            "compare",
            f"{name} was found with another embedder, and scores of two do not compare",
            _MEND,
        )
    if found.get("registry", ground.registry) != ground.registry:
        raise StalePolicyError(
            f"{name}: its threshold was found on other agents or examples than the ones in use",
            f"{name} was found on other agents or examples than the ones in use",
            _MEND,
        )


def _within(number: float, limits: tuple[int, int], name: str) -> float:
    least, most = limits
    if not least <= number <= most:
        raise SettingsError(f"{name} must be a number from {least} to {most}.")
    return number


def _switch(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{name} must be true or false.")
    return value


def _number(value: object) -> float:
    """Return a TOML number, or NaN, which is in no range."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _HUGE:
        return math.nan
    return float(value)
