"""Where the response goes: a file or standard output."""

from __future__ import annotations

import asyncio
import os
import select
import stat
import sys
from contextlib import suppress
from typing import Protocol

from whimbrel._cli.exits import CliError, Exit

__all__ = ["FileSink", "Sink", "StandardOutput", "open_sink"]


class Sink(Protocol):
    """Takes the octets of a response, in order."""

    async def write(self, data: bytes) -> None:
        """Write all of `data`.

        Raises:
            CliError: it could not be written (exit status 23).
        """

    def close(self) -> None:
        """Close it.

        Raises:
            CliError: the system could not keep what was written (exit status 23).
        """


def open_sink(output: str | None, deadline: float | None) -> Sink:
    """Return the sink for --output.

    Args:
        output: its value.
        deadline: the loop's time at which --max-time is over, or `None`.

    Raises:
        CliError: the file cannot be opened for writing.
    """
    if output is None or output == "-":
        return StandardOutput(refuse_binary=output is None, deadline=deadline)
    return FileSink(output)


class FileSink:
    """A file, created or emptied when it is opened."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            # Unbuffered, so that an error belongs to the write that caused it.
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115  # closed by close()
        except OSError as exc:
            raise self._failure(exc) from exc

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as exc:
            raise self._failure(exc) from exc

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as exc:
            raise self._failure(exc) from exc

    def _failure(self, exc: OSError) -> CliError:
        return CliError(Exit.WRITE_FAILED, f"cannot write {self._path!r}: {exc.strerror or exc}")


class StandardOutput:
    """Standard output: a pipe, a terminal, or a file that the shell opened."""

    def __init__(self, *, refuse_binary: bool, deadline: float | None) -> None:
        """Look at what standard output is.

        Args:
            refuse_binary: write nothing to a terminal that looks like a binary file.
            deadline: the loop's time after which its reader is not waited for any more.
        """
        self._deadline = deadline
        try:
            self._fd = sys.stdout.fileno()
            mode = os.fstat(self._fd).st_mode
        except (AttributeError, OSError) as exc:  # AttributeError: started without one
            raise CliError(Exit.WRITE_FAILED, "standard output is not open") from exc
        terminal = os.isatty(self._fd)
        self._refuse_binary = terminal and refuse_binary
        # A pipe whose reader is slow must not stop the loop: then --max-time and ^C would not
        # work. Files cannot be waited for and need not be.
        self._waits = os.name == "posix" and (
            terminal or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
        )
        if self._waits:
            self._poll = select.poll()
            self._poll.register(self._fd, select.POLLOUT)

    async def write(self, data: bytes) -> None:
        if self._refuse_binary and b"\0" in data:
            raise CliError(
                Exit.WRITE_FAILED,
                "binary output can mess up the terminal: use '--output FILE' to save it, "
                "or '--output -' to show it anyway",
            )
        view = memoryview(data)
        try:
            while view:
                if self._waits:
                    if not self._poll.poll(0):
                        async with asyncio.timeout_at(self._deadline):
                            await _writable(self._fd)
                    # A writable pipe takes this much without blocking.
                    count = os.write(self._fd, view[: select.PIPE_BUF])
                else:
                    count = os.write(self._fd, view)
                view = view[count:]
        except TimeoutError as exc:  # an OSError, but from the deadline
            message = "the reader of standard output was too slow for --max-time"
            raise CliError(Exit.TIMED_OUT, message) from exc
        except BrokenPipeError as exc:
            # The reader has seen enough (`| head`): nothing worth telling.
            raise CliError(Exit.WRITE_FAILED, "") from exc
        except OSError as exc:
            raise CliError(
                Exit.WRITE_FAILED, f"cannot write to standard output: {exc.strerror or exc}"
            ) from exc

    def close(self) -> None:
        """Leave it open: it is not this object's."""


async def _writable(fd: int) -> None:
    """Wait until `fd` takes data, or has no reader any more."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(fd, wake)
    try:
        await ready
    finally:
        with suppress(OSError):
            loop.remove_writer(fd)
