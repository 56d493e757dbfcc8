"""Exit statuses, which are curl's where curl has one, and the error that carries them."""

from __future__ import annotations

import enum

__all__ = ["CliError", "Exit"]


class Exit(enum.IntEnum):
    """What the program's exit status means."""

    OK = 0
    UNSUPPORTED_SCHEME = 1
    USAGE = 2
    BAD_URL = 3
    PROXY_NOT_RESOLVED = 5
    NOT_RESOLVED = 6
    NOT_CONNECTED = 7
    UNPARSABLE_REPLY = 8
    INCOMPLETE = 18
    HTTP_ERROR = 22
    WRITE_FAILED = 23
    READ_FAILED = 26
    TIMED_OUT = 28
    TLS_FAILED = 35
    TOO_MANY_REDIRECTS = 47
    EMPTY_REPLY = 52
    RECEIVE_FAILED = 56
    BAD_CERTIFICATE = 60
    BAD_ENCODING = 61
    INTERRUPTED = 130


class CliError(Exception):
    """Ends the program with an exit status and one line on standard error."""

    def __init__(self, code: Exit, message: str) -> None:
        """Keep both.

        Args:
            code: the exit status.
            message: what happened; empty to end without a word.
        """
        super().__init__(code, message)
        self.code = code
        self.message = message
