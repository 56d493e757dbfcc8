"""The `whimbrel` program."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

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
    # Imported late, so that usage errors and --help do not wait for the client to load.
    from whimbrel._cli.exits import CliError, Exit  # noqa: PLC0415
    from whimbrel._cli.options import parse  # noqa: PLC0415

    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        from whimbrel._cli.transfer import transfer  # noqa: PLC0415

        asyncio.run(transfer(options))
    except CliError as exc:
        if exc.message:
            sys.stderr.write(f"whimbrel: ({exc.code:d}) {exc.message}\n")
        return exc.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.OK
