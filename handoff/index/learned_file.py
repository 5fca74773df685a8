"""What was learned, kept on disk: learning from 1,500 examples takes half a second or more.

Kept are level, threshold, lift, weights and held-out scores; vectors and words are at hand.
"""

import hashlib
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from handoff.core.agent_rows import AgentRows
from handoff.core.learning import Learned, Lessons
from handoff.core.word_overlap import index_words

VERSION = 3
"""Of the method in `core/learning.py`, and of the similarities that it corrects."""
MOST_FILES = 8


def load_learned(
    folder: Path | None, key: str, agents: AgentRows, lessons: Lessons
) -> Learned | None:
    """Return what was learned from these examples before; None where nothing usable is kept.

    Args:
        folder: Where it is kept; None for nowhere.
        key: What it was learned from: embedder and registry, examples included.
        agents: Their unit rows.
        lessons: The examples.
    """
    if folder is None:
        return None
    try:
        with (
            _path(folder, key).open("rb") as file,
            np.load(file, allow_pickle=False) as kept,
        ):
            level, threshold = kept["numbers"].tolist()
            weights, held_out, lift = kept["weights"], kept["held_out"], kept["lift"]
    except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, EOFError):
        return None
    shape = (len(lessons), len(agents))
    if weights.shape != shape or held_out.shape != shape or lift.shape != (len(agents),):
        return None
    return Learned(
        agents=agents,
        level=level,
        lift=lift,
        lessons=lessons,
        words=index_words(lessons.texts),
        weights=weights,
        held_out=held_out,
        threshold=None if np.isnan(threshold) else threshold,
    )


def save_learned(folder: Path | None, key: str, learned: Learned) -> None:
    """Keep what was learned; a folder that cannot be written only costs the time to learn again."""
    if folder is None:
        return
    path = _path(folder, key)
    threshold = np.nan if learned.threshold is None else learned.threshold
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(f".{id(learned)}.tmp")
        with written.open("wb") as file:
            np.savez(
                file,
                numbers=np.array([learned.level, threshold]),
                lift=learned.lift,
                weights=learned.weights,
                held_out=learned.held_out,
            )
        written.replace(path)
        files = sorted(folder.glob("*.npz"), key=lambda kept: kept.stat().st_mtime)
        for old in files[:-MOST_FILES]:
            old.unlink()


def _path(folder: Path, key: str) -> Path:
    return folder / f"{hashlib.sha256(f'{VERSION} {key}'.encode()).hexdigest()}.npz"
