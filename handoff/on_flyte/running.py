"""A task, run here or on a cluster."""

import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

import flyte

LOCAL_RUNS = Path("/tmp/flyte/metadata")  # noqa: S108 - where Flyte keeps local runs


def run_here(work: Any, **inputs: object) -> Any:  # noqa: ANN401 - a task of any type
    """Run a task in Flyte's local mode, leave no file behind, and return its output."""
    name = f"handoff-{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        context = flyte.with_runcontext(
            mode="local", name=name, raw_data_path=folder, disable_run_cache=True
        )
        try:
            return context.run(work, **inputs).outputs()[0]
        finally:
            shutil.rmtree(LOCAL_RUNS / name, ignore_errors=True)


def run_there(work: Any, **inputs: object) -> Any:  # noqa: ANN401 - a task of any type
    """Run a task where Flyte's configuration leads, wait for it, and return its output."""
    done = flyte.with_runcontext(mode="remote").run(work, **inputs)
    done.wait()
    return done.outputs()[0]
