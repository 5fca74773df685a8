"""From a file to a file: chunks in flight, rows in order, a checkpoint after each chunk."""

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from handoff.batch.checkpoint import (
    BatchGround,
    Checkpoint,
    check_ground,
    checkpoint_of,
    load_checkpoint,
    save_checkpoint,
)
from handoff.batch.routing import COLUMNS, FAILED, Cells, failed
from handoff.batch.rows import InputFile, InputRow
from handoff.core.errors import BatchError
from handoff.core.model import Outcome
from handoff.core.texts import csv_text, formula_safe, shorten
from handoff.files.whole_file import remove_unfinished, same_file

Submit = Callable[[Sequence[str]], Future[list[Cells]]]
"""Start to route texts; the future gives the cells of `COLUMNS`, one row a text."""

_LINE = "line"
_OUTCOME = COLUMNS.index("outcome")


@dataclass(frozen=True, slots=True)
class Lanes:
    """Where chunks are routed.

    Attributes:
        submit: Starts one.
        rows: How many rows a chunk has.
        in_flight: How many chunks are under way at once.
    """

    submit: Submit
    rows: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is.

    Attributes:
        rows: How many rows are in the output.
        selected: How many of them somebody takes.
        failed: How many of them could not be routed.
        resumed: How many of them an earlier run had done.
        share: How much of the input is done, from 0 to 1.
    """

    rows: int
    selected: int
    failed: int
    resumed: int
    share: float


def run_batch(
    source: Path, target: Path, ground: BatchGround, lanes: Lanes, *, resume: bool
) -> Iterator[Progress]:
    """Route every row of a file; yield after each chunk, and once before the first.

    A row is in the output once, and in order, whenever the process ends: rows after the last
    checkpoint are cut off and routed again.

    Args:
        source: The queries; see `InputFile`.
        target: The rows of the input with `COLUMNS`, behind the line that each begins on.
        ground: What the batch stands on.
        lanes: Where chunks are routed.
        resume: Go on with an earlier run, if there is one.

    Raises:
        BatchError: The input, the output or its checkpoint cannot be used.
        ProviderError: A chunk could not be routed; what was done before it is kept.
    """
    if same_file(target, source):
        raise BatchError("The output would replace the input: choose another output.")
    rows = InputFile(source, (_LINE, *COLUMNS))
    try:
        done = _begin(target, ground, resume=resume)
        with _opened(target, done) as out:
            if not done.bytes:
                done = _append(
                    out, target, [(_LINE, *map(formula_safe, rows.columns), *COLUMNS)], done
                )
                save_checkpoint(target, done)
            yield from _routed(rows, lanes, target, out, done)
    finally:
        rows.close()
    checkpoint_of(target).unlink()


def _begin(target: Path, ground: BatchGround, *, resume: bool) -> Checkpoint:
    """Return where to go on, or the very beginning."""
    name = shorten(str(target), 200)
    remove_unfinished(checkpoint_of(target))
    earlier = load_checkpoint(target)
    if earlier is not None and not resume:
        raise BatchError(
            f"{name} is an unfinished batch: add --resume to go on, or delete "
            f"{shorten(str(checkpoint_of(target)), 200)} to start over."
        )
    if earlier is None and resume and target.exists():
        raise BatchError(
            f"{name} has no checkpoint beside it, so it is finished or no batch: leave --resume "
            "out to write it anew."
        )
    if earlier is None:
        return Checkpoint(ground)
    check_ground(earlier.ground, ground, target)
    return earlier


def _opened(target: Path, done: Checkpoint) -> BinaryIO:
    """Open the output behind what is safely in it."""
    if not done.bytes:
        # First, so that an output without a checkpoint is never an unfinished one.
        save_checkpoint(target, done)
    try:
        out = target.open("r+b" if done.bytes else "wb")
        out.truncate(done.bytes)
        out.seek(done.bytes)
    except OSError as failure:
        if not done.bytes:
            checkpoint_of(target).unlink()
        raise _unwritable(target, failure) from None
    return out


def _routed(
    rows: InputFile, lanes: Lanes, target: Path, out: BinaryIO, done: Checkpoint
) -> Iterator[Progress]:
    resumed = done.rows
    yield Progress(done.rows, done.selected, done.failed, resumed, 0.0)
    waiting = itertools.islice(rows, resumed, None)
    flying: deque[tuple[list[InputRow], float, Future[list[Cells]]]] = deque()
    try:
        while True:
            while len(flying) < lanes.in_flight and (
                chunk := list(itertools.islice(waiting, lanes.rows))
            ):
                texts = [row.query for row in chunk if not row.reason]
                flying.append((chunk, rows.read_share, lanes.submit(texts)))
            if not flying:
                return
            chunk, share, future = flying.popleft()
            cells = iter(future.result())
            judged = [failed(row.reason) if row.reason else next(cells) for row in chunk]
            outcomes = [each[_OUTCOME] for each in judged]
            done = _append(out, target, map(_joined, chunk, judged), done)
            done = replace(
                done,
                rows=done.rows + len(chunk),
                selected=done.selected + outcomes.count(Outcome.SELECTED.value),
                failed=done.failed + outcomes.count(FAILED),
            )
            save_checkpoint(target, done)
            yield Progress(done.rows, done.selected, done.failed, resumed, share)
    finally:
        for *_, future in flying:
            future.cancel()


def _joined(row: InputRow, cells: Cells) -> Cells:
    return (str(row.line), *(formula_safe(cell) for cell in row.cells), *cells)


def _append(out: BinaryIO, target: Path, rows: Iterable[Cells], done: Checkpoint) -> Checkpoint:
    """Write rows through to the disk; return how long the output is now."""
    try:
        out.write(csv_text(rows).encode())
        out.flush()
        os.fsync(out.fileno())
    except OSError as failure:
        raise _unwritable(target, failure) from None
    return replace(done, bytes=out.tell())


def _unwritable(target: Path, failure: OSError) -> BatchError:
    reason = failure.strerror or failure
    return BatchError(
        f"{shorten(str(target), 200)} cannot be written ({reason}): choose another place."
    )
