"""What a model needs that travels inside an installed package: found, read, loaded once."""

import importlib.util
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from handoff.core.errors import ProviderError
from handoff.trace import note

Loaded = TypeVar("Loaded")


def is_installed(package: str) -> bool:
    """Say whether a package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def package_folder(package: str, distribution: str) -> Path:
    """Return an installed package's folder.

    Args:
        package: As it is imported.
        distribution: As it is installed.

    Raises:
        ProviderError: It is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ProviderError(
            f"The embedded model is not installed: install the package {distribution}."
        )
    return Path(spec.origin).parent


def read_file(file: Path, distribution: str) -> bytes:
    """Return a file of a package; raises ProviderError where it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as failure:
        raise ProviderError(
            f"The embedded model's file {file.name} cannot be read: install {distribution} again."
        ) from failure


class Once(Generic[Loaded]):
    """A function without arguments that runs once a process, whichever thread asks first."""

    def __init__(self, load: Callable[[], Loaded]) -> None:
        """Wrap a function, as its decorator."""
        self._load = load
        self._loading = threading.Lock()
        self._loaded: list[Loaded] = []

    def __call__(self) -> Loaded:
        """Return what was loaded; the span that loaded says how long it took.

        One that only waited for another's loading says nothing, so that no time is told twice.
        """
        if not self._loaded:
            with self._loading:
                if not self._loaded:
                    started = time.perf_counter()
                    self._loaded.append(self._load())
                    note(load_ms=(time.perf_counter() - started) * 1000)
        return self._loaded[0]

    def forget(self) -> None:
        """Load anew when somebody asks again."""
        self._loaded.clear()
