"""How far a batch came, and of what: kept beside its output until it is whole."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from handoff.batch.rows import open_input
from handoff.core.errors import BatchError
from handoff.core.model import Policy, Registry
from handoff.core.texts import shorten
from handoff.files.whole_file import write_whole
from handoff.router import Router

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class BatchGround:
    """What a batch stands on, one digest or identity each; on another one it cannot go on."""

    input: str
    registry: str
    policy: str
    embedder: str
    tagger: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is safely in the output.

    Attributes:
        ground: What the batch stands on.
        rows: How many rows of the input are done.
        selected: How many of them somebody takes.
        failed: How many of them could not be routed.
        bytes: How long the output is with them.
    """

    ground: BatchGround
    rows: int = 0
    selected: int = 0
    failed: int = 0
    bytes: int = 0


def batch_ground(source: Path, router: Router, policy: Policy) -> BatchGround:
    """Take the fingerprints of what a batch depends on.

    Raises:
        BatchError: The input cannot be opened.
    """
    with open_input(source) as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return BatchGround(
        input=content,
        registry=router.registry.fingerprint,
        policy=_policy_digest(policy, router.registry),
        embedder=router.embedder.identity,
        tagger=router.tagger.identity,
    )


def checkpoint_of(target: Path) -> Path:
    """Return where the checkpoint of an output lies."""
    return target.with_name(f"{target.name}.checkpoint")


def save_checkpoint(target: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all; raises BatchError where that fails."""
    text = json.dumps({"schema": SCHEMA, **asdict(checkpoint)}, indent=1)
    write_whole(checkpoint_of(target), f"{text}\n", BatchError)


def load_checkpoint(target: Path) -> Checkpoint | None:
    """Read the checkpoint of an output; None where there is none.

    Raises:
        BatchError: It cannot be read, or the output is shorter than it says.
    """
    path = checkpoint_of(target)
    name = shorten(str(path), 200)
    try:
        checkpoint = _parse(json.loads(path.read_text(encoding="utf-8")))
        length = target.stat().st_size if target.exists() else 0
    except FileNotFoundError:
        return None
    except OSError as failure:
        raise BatchError(f"{name} cannot be read ({failure.strerror}): make it readable.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BatchError(f"{name} is no checkpoint of a batch: delete it to start over.") from None
    if length < checkpoint.bytes:
        raise BatchError(
            f"{shorten(str(target), 200)} is shorter than its checkpoint says: delete {name} to "
            "start over."
        )
    return checkpoint


def check_ground(before: BatchGround, now: BatchGround, target: Path) -> None:
    """Refuse to go on with a batch of something else.

    Raises:
        BatchError: Names what differs.
    """
    words = {
        "input": "another input file",
        "registry": "another registry",
        "policy": "another policy",
        "embedder": "another embedder",
        "tagger": "another tagger",
    }
    theirs, ours = asdict(before), asdict(now)
    differing = [word for part, word in words.items() if theirs[part] != ours[part]]
    if differing:
        raise BatchError(
            f"{shorten(str(target), 200)} was begun with {' and '.join(differing)}: give back what "
            "it was begun with, or leave --resume out and choose another output."
        )


def _parse(values: Mapping[str, object]) -> Checkpoint:
    if values["schema"] != SCHEMA:
        raise ValueError
    ground = values["ground"]
    if not isinstance(ground, dict):
        raise TypeError
    counts = {name: values[name] for name in ("rows", "selected", "failed", "bytes")}
    numbers = {name: count for name, count in counts.items() if isinstance(count, int)}
    if len(numbers) < len(counts) or min(numbers.values()) < 0:
        raise ValueError
    return Checkpoint(BatchGround(**ground), **numbers)


def _policy_digest(policy: Policy, registry: Registry) -> str:
    own = registry.thresholds if policy.per_agent else {}
    parts = [
        policy.threshold,
        policy.margin,
        policy.use_tags,
        policy.per_agent,
        policy.lexical_weight,
        policy.known_scripts_only,
        sorted(own.items()),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
