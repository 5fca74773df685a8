"""Servers that nobody here wrote, each installed from the index into an environment of its own."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

STARTING_SECONDS = 90
INSTALLING_SECONDS = 900
HOST = "127.0.0.1"


class NotInstalledError(Exception):
    """A server that cannot be had here, and why."""


def install_from_pypi(folder: Path, requirement: str) -> Path:
    """Install a Python package, unless the folder holds it; return its folder of programs.

    Raises:
        NotInstalledError: The index or the package refuses.
    """
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    if not (folder / "whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        pip = [str(programs / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
        _run([*pip, "--quiet", requirement])
        (folder / "whole").touch()
    return programs


def install_from_npm(folder: Path, requirement: str) -> Path:
    """Install a package of Node.js, unless the folder holds it; return its folder of programs.

    No script of a package runs while it is installed.

    Raises:
        NotInstalledError: There is no npm, or it refuses.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalledError("there is no npm")
    if not (folder / "whole").exists():
        folder.mkdir(parents=True, exist_ok=True)
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        _run([npm, "install", "--prefix", str(folder), *quiet, requirement])
        (folder / "whole").touch()
    return folder / "node_modules" / ".bin"


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(  # noqa: S603 - pip and npm, with a name from this folder
            command, check=True, capture_output=True, text=True, timeout=INSTALLING_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise NotInstalledError(f"{Path(command[0]).name} was not done in time") from None
    except (OSError, subprocess.CalledProcessError) as failure:
        said = (getattr(failure, "stderr", "") or str(failure)).strip().splitlines()
        raise NotInstalledError(said[-1] if said else "no reason was given") from None


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(
    folder: Path, command: Sequence[str], address: str, **variables: str
) -> Generator[None]:
    """Run a server until left; it gets no variable of ours but where programs are.

    Args:
        folder: Its home, and where its log goes.
        command: What starts it.
        address: It is ready when this answers.
        variables: Its environment.

    Raises:
        NotInstalledError: It does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    log = folder / "log"
    with log.open("w") as output:
        server = subprocess.Popen(  # noqa: S603 - installed above
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            if not _answers(server, address):
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise NotInstalledError(f"it does not start: {' '.join(last) or 'it is silent'}")
            yield
        finally:
            server.kill()
            server.wait()


def _answers(server: "subprocess.Popen[bytes]", address: str) -> bool:
    deadline = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):  # noqa: S310
            return True
        time.sleep(0.2)
    return False


def asked(address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> str:
    """Return what a server of this machine answers."""
    request = urllib.request.Request(  # noqa: S310 - on loopback
        address, body, {"content-type": "application/json", **(headers or {})}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        return str(reply.read().decode())
