"""Real servers in other processes: started, waited for, always stopped."""

from __future__ import annotations

import socket
import subprocess
import sys
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
    "running",
]

ROOT = Path(__file__).resolve().parents[2]
"""The workspace: servers run here, so that they can import the application."""

START_SECONDS = 20.0
STOP_SECONDS = 5.0
_PROBE_SECONDS = 0.02


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
        try:
            _wait_until(ready, process, output)
            yield process
        except BaseException:
            _stop(process)
            sys.stderr.write(_printed(command, output))
            raise
        finally:
            _stop(process)


def _wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], output: IO[bytes]
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None:
            raise ServerFailed(f"ended with status {process.returncode} instead of serving")
        if time.monotonic() > deadline:
            raise ServerFailed(f"took no connection within {START_SECONDS} seconds")
        time.sleep(_PROBE_SECONDS)
    if process.poll() is not None:
        # Somebody else listens where this server should: the port was taken in between.
        raise ServerFailed(f"ended with status {process.returncode} although its port is in use")


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


def _printed(command: Sequence[str | Path], output: IO[bytes]) -> str:
    output.seek(0)
    text = output.read().decode(errors="replace")
    return f"--- {' '.join(map(str, command))} printed:\n{text}---\n"


def _connects(family: int, address: tuple[str, int] | str) -> bool:
    with socket.socket(family) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
        return True
