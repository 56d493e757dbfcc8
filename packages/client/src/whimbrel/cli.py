"""The `whimbrel` program."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from whimbrel._cli.exits import CliError, Exit
from whimbrel._cli.loop import lookups_left, run
from whimbrel._cli.options import parse
from whimbrel._cli.transfer import transfer

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status.

    Args:
        arguments: what follows the program's name; `sys.argv` by default.

    Raises:
        SystemExit: --help or --version was asked for.
    """
    try:
        run(transfer(parse(sys.argv[1:] if arguments is None else arguments)))
    except CliError as exc:
        if exc.message:
            sys.stderr.write(f"whimbrel: ({exc.code:d}) {exc.message}\n")
        return _ended(exc.code)
    except KeyboardInterrupt:
        return _ended(Exit.INTERRUPTED)
    return Exit.OK


def _ended(code: int) -> int:
    """Return `code`; or end here, when the interpreter would wait for a name's look-up."""
    if lookups_left():
        sys.stderr.flush()
        os._exit(code)  # nothing is left to be written: standard output is not buffered here
    return code
