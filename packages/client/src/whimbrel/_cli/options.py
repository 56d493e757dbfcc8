"""The command line's grammar: arguments in, one frozen value out."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from whimbrel._cli.exits import CliError, Exit
from whimbrel._version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Options", "parse"]

_DESCRIPTION = "Transfer one URL over HTTP, as curl does and with its options and exit statuses."
_EPILOG = """\
exit status: 0 transferred; 1 scheme not supported; 2 bad usage; 3 bad URL; 5 proxy's name not
resolved; 6 host not resolved; 7 not connected; 8 unparsable reply; 18 incomplete body; 22 HTTP
error (--fail); 23 write error; 26 --data file not read; 28 timeout; 35 TLS error; 47 too many
redirects; 52 empty reply; 56 receive error; 60 bad certificate; 61 bad content coding;
130 interrupted.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for, in the words of the long options."""

    url: str
    request: str | None
    header: tuple[str, ...]
    data: tuple[str, ...]
    json: str | None
    output: str | None
    compressed: bool
    location: bool
    max_redirs: int
    proxy: str | None
    max_time: float | None
    insecure: bool
    unix_socket: str | None
    verbose: bool
    timing: bool
    include: bool
    head: bool
    user: str | None
    fail: bool
    user_agent: str | None


def parse(arguments: Sequence[str]) -> Options:
    """Parse the command line.

    Args:
        arguments: what follows the program's name.

    Raises:
        CliError: the arguments make no sense (exit status 2).
        SystemExit: --help or --version was asked for and printed.
    """
    found = _parser().parse_args(arguments)
    found.header = tuple(found.header)
    found.data = tuple(found.data)
    options = Options(**vars(found))
    if options.json is not None and options.data:
        raise CliError(Exit.USAGE, "--json and --data cannot be used together")
    if options.head and (options.json is not None or options.data):
        raise CliError(Exit.USAGE, "--head sends no body: --data and --json make no sense with it")
    if options.max_redirs < -1:
        raise CliError(Exit.USAGE, "--max-redirs takes a number, or -1 for no limit")
    if options.user is not None and ":" not in options.user:
        raise CliError(Exit.USAGE, "--user takes USER:PASSWORD")
    return options


class _Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that reports errors like the rest of the program."""

    def error(self, message: str) -> NoReturn:
        raise CliError(Exit.USAGE, f"{message}; try 'whimbrel --help'")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="whimbrel",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "url", metavar="URL", help="what to transfer; http:// when it has no scheme"
    )
    parser.add_argument("--version", action="version", version=f"whimbrel {__version__}")
    _add_request(parser.add_argument_group("request"))
    _add_connection(parser.add_argument_group("connection"))
    _add_output(parser.add_argument_group("output"))
    return parser


def _add_request(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-X", "--request", metavar="METHOD", help="the method; GET, or POST with a body")
    add(
        "-H",
        "--header",
        action="append",
        default=[],
        metavar="LINE",
        help="'Name: value' adds, 'Name;' adds it empty, 'Name:' removes; repeatable",
    )
    add(
        "-d",
        "--data",
        action="append",
        default=[],
        metavar="DATA",
        help="form data to POST, @FILE or @- to read it; repeated ones are joined by &",
    )
    add("--json", metavar="DATA", help="JSON to POST, @FILE or @- to read it")
    add("-I", "--head", action="store_true", help="request and show the head only")
    add("-u", "--user", metavar="USER:PASSWORD", help="Basic authentication")
    add("-A", "--user-agent", metavar="NAME", help="User-Agent; empty to send none")
    add("--compressed", action="store_true", help="ask for a compressed body and decode it")
    add("-L", "--location", action="store_true", help="follow redirects")
    add(
        "--max-redirs",
        type=int,
        default=50,
        metavar="N",
        help="follow at most N redirects (50; -1: no limit)",
    )


def _add_connection(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--proxy", metavar="URL", help="proxy: http, https, socks4, socks4a, socks5 or socks5h")
    add(
        "-m",
        "--max-time",
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="give up when the whole transfer takes longer",
    )
    add("-k", "--insecure", action="store_true", help="do not verify the certificate")
    add("--unix-socket", metavar="PATH", help="connect to this socket instead of the host")


def _add_output(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-o", "--output", metavar="FILE", help="write the body to FILE; - forces standard output")
    add("-i", "--include", action="store_true", help="write response heads before the body")
    add("-f", "--fail", action="store_true", help="exit with 22 on a status of 400 or more")
    add("-v", "--verbose", action="store_true", help="show the heads of requests and responses")
    add("--timing", action="store_true", help="show how long each phase took")


def _seconds(text: str) -> float:
    value = float(text)
    # NaN is not > 0 either; infinity would be no limit, which is what leaving it out means.
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds above zero, not {text!r}")
    return value
