"""Real servers in other processes: started, waited for, always stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = [
    "ROOT",
    "ServerFailed",
    "accepts_tcp",
    "accepts_unix",
    "free_port",
    "printed",
    "running",
]

ROOT = Path(__file__).resolve().parents[2]
"""The workspace: servers run here, so that they can import the application."""

START_SECONDS = 20.0
STOP_SECONDS = 5.0
_PROBE_SECONDS = 0.02

_outputs: dict[str, IO[bytes]] = {}


class ServerFailed(RuntimeError):  # noqa: N818  # reads as what happened
    """A server did not start; the message ends with what it printed."""


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port on which nothing listens at the moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def accepts_tcp(port: int, host: str = "127.0.0.1") -> Callable[[], bool]:
    """Return a readiness check: does `host`:`port` take connections?"""
    return lambda: _connects(socket.AF_INET, (host, port))


def accepts_unix(path: Path) -> Callable[[], bool]:
    """Return a readiness check: does the UNIX socket at `path` take connections?"""
    return lambda: _connects(socket.AF_UNIX, str(path))


@contextmanager
def running(
    command: Sequence[str | Path], ready: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` as a server until the block ends.

    Args:
        command: the program and its arguments; `sys.executable` for Python ones.
        ready: called until it returns true, or until the process has ended.

    Raises:
        ServerFailed: the process ended, or was not ready after 20 seconds.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Its own session: ^C at a terminal stops this process, which stops the server.
            start_new_session=True,
        )
        title = " ".join(map(str, command))
        try:
            _wait_until(ready, process, title, output)
            _outputs[title] = output
            yield process
        finally:
            _outputs.pop(title, None)
            _stop(process)


def printed() -> dict[str, str]:
    """Return what each running server has printed so far, by its command."""
    return {title: _text(output) for title, output in _outputs.items()}


def _wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], title: str, output: IO[bytes]
) -> None:
    deadline = time.monotonic() + START_SECONDS
    problem = ""
    while not problem and not ready():
        if process.poll() is not None:
            problem = f"ended with status {process.returncode} instead of serving"
        elif time.monotonic() > deadline:
            problem = f"took no connection within {START_SECONDS} seconds"
        time.sleep(_PROBE_SECONDS)
    if not problem and process.poll() is not None:
        # Somebody else listens where this server should: the port was taken in between.
        problem = f"ended with status {process.returncode} although its port is in use"
    if problem:
        raise ServerFailed(f"{title}\n{problem}; it printed:\n{_text(output)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process: politely, then not."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _text(output: IO[bytes]) -> str:
    # By its descriptor and position: the server goes on writing at the end.
    size = os.fstat(output.fileno()).st_size
    return os.pread(output.fileno(), size, 0).decode(errors="replace")


def _connects(family: int, address: tuple[str, int] | str) -> bool:
    with socket.socket(family) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
        return True
