"""The page as a process of its own: browser checks look at it, benchmarks time it."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from pathlib import Path

# What the user has set is not meant for a server that is started here.
SETTINGS = ("HANDOFF_", "OPENAI_", "STREAMLIT_")


@contextlib.contextmanager
def serving(
    folder: Path, script: Path | None = None, port: int | None = None, **variables: str
) -> Generator[tuple[subprocess.Popen[bytes], str]]:
    """Run `handoff ui` in a folder, or another page; yield its process and its address.

    Args:
        folder: Where the server works and keeps its log, `cache` and `state`.
        script: A page of Streamlit's that is not this project's.
        port: Where a server before it was; None for a free one.
        variables: Of the server's environment; without a key the fast embedded model embeds.
    """
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    if script is None:
        command = [str(Path(sys.executable).with_name("handoff")), "ui", "--port", str(port)]
    else:
        command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"]
    own = {name: said for name, said in os.environ.items() if not name.startswith(SETTINGS)}
    places = {f"HANDOFF_{name.upper()}_DIR": str(folder / name) for name in ("cache", "state")}
    model = {} if "OPENAI_API_KEY" in variables else {"HANDOFF_EMBEDDER": "local-fast"}
    environment = own | {"STREAMLIT_SERVER_HEADLESS": "true"} | model | places | variables
    log = folder / "server.log"
    with log.open("a") as output:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_healthy(address, server, log)
            yield server, address
        finally:
            server.kill()
            server.wait()


def wait_until_healthy(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the body `ok`; an unknown path would answer 200 as well."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(f"{address}/_stcore/health").read() == b"ok":  # noqa: S310
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")
