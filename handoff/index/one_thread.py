"""Arithmetic on one thread."""

from collections.abc import Generator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController


class OneThread:
    """Holds BLAS to one thread: on a busy machine two take up to ten times as long."""

    def __init__(self) -> None:
        """Look up the libraries once."""
        self._blas = ThreadpoolController().select(user_api="blas").lib_controllers

    @contextmanager
    def hold(self) -> Generator[None]:
        """Do so for a while.

        The controller's own `limit` does the same and takes three times as long to do it.
        """
        before = [library.get_num_threads() for library in self._blas]
        for library in self._blas:
            library.set_num_threads(1)
        try:
            yield
        finally:
            for library, threads in zip(self._blas, before, strict=True):
                library.set_num_threads(threads)
