"""The transfer itself: one request, its response into the sink, the reports."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from whimbrel import (
    BaseConnector,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    TCPConnector,
    UnixConnector,
)
from whimbrel._cli.exits import CliError, Exit
from whimbrel._cli.explain import explain
from whimbrel._cli.progress import progress
from whimbrel._cli.report import request_lines, response_head, timing_table, visible
from whimbrel._cli.request import Request, build
from whimbrel._cli.sink import FileSink, Sink, open_sink

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whimbrel._cli.options import Options

__all__ = ["transfer"]

_CONNECT_SECONDS = 30.0
_REASON_SHOWN = 100
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def transfer(options: Options) -> None:
    """Do what `options` ask for.

    Raises:
        CliError: it could not be done; the error says which exit status that is.
    """
    request = build(options)
    started = asyncio.get_running_loop().time()
    deadline = None if options.max_time is None else started + options.max_time
    try:
        async with ClientSession(
            connector=_connector(options),
            timeout=ClientTimeout(total=options.max_time, sock_connect=_CONNECT_SECONDS),
            auto_decompress=options.compressed,
        ) as session:
            await _request(session, request, options, deadline)
    except (ClientError, TimeoutError) as exc:
        raise explain(exc) from exc
    except ValueError as exc:  # what the options ask for cannot be said in HTTP, or not be done
        raise CliError(Exit.USAGE, visible(str(exc))) from exc


def _with_scheme(proxy: str | None) -> str | None:
    """Return the proxy's URL; as with curl, one without a scheme is an HTTP proxy's."""
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _connector(options: Options) -> BaseConnector:
    if options.unix_socket is not None:
        return UnixConnector(options.unix_socket)
    return TCPConnector()


async def _request(
    session: ClientSession, request: Request, options: Options, deadline: float | None
) -> None:
    async with session.request(
        request.method,
        request.url,
        headers=request.headers,
        skip_auto_headers=request.skip_auto_headers,
        data=request.body,
        allow_redirects=options.location and options.max_redirs != 0,
        max_redirects=max(options.max_redirs, 0),  # for the session, 0 is no limit
        proxy=_with_scheme(options.proxy),
        ssl=not options.insecure,
    ) as response:
        responses = [*response.history, response]
        if options.verbose:
            _show_heads(responses)
        _check(response, options)
        try:
            await _receive(responses, options, deadline)
        finally:
            if options.timing:
                _show(timing_table(responses))


def _check(response: ClientResponse, options: Options) -> None:
    """Refuse responses that the options do not want, before any of the body is written."""
    if options.location and options.max_redirs == 0 and response.status in _REDIRECTS:
        raise CliError(Exit.TOO_MANY_REDIRECTS, "More than 0 redirects")
    if options.fail and response.status >= 400:
        reason = visible((response.reason or "")[:_REASON_SHOWN])
        raise CliError(Exit.HTTP_ERROR, f"the server answered {response.status} {reason}".rstrip())


async def _receive(
    responses: list[ClientResponse], options: Options, deadline: float | None
) -> None:
    """Write the response to the sink."""
    response = responses[-1]
    sink = open_sink(options.output, deadline)
    try:
        if options.include or options.head:
            for each in responses:
                await sink.write(response_head(each))
        if isinstance(sink, FileSink):
            await _save(response, sink, options)
        else:
            await _copy(response, sink)
    finally:
        sink.close()


async def _save(response: ClientResponse, sink: Sink, options: Options) -> None:
    """Copy the body to a file, showing how far it is."""
    name = options.output or ""
    # A coded body's length is not the length of what is written.
    coded = options.compressed and "Content-Encoding" in response.headers
    total = None if coded else response.content_length
    written = 0
    try:
        with progress(Path(name).name, total) as advance:
            async for piece in response.content.iter_any():
                await sink.write(piece)
                written += len(piece)
                advance(len(piece))
    except (ClientError, TimeoutError) as exc:
        error = explain(exc)
        message = f"{error.message}; {name!r} has only the first {written} bytes"
        raise CliError(error.code, message) from exc


async def _copy(response: ClientResponse, sink: Sink) -> None:
    async for piece in response.content.iter_any():
        await sink.write(piece)


def _show_heads(responses: list[ClientResponse]) -> None:
    for response in responses:
        _show(f"> {visible(line)}" for line in [*request_lines(response), ""])
        head = response_head(response).decode("latin-1").split("\r\n")[:-1]
        _show(f"< {visible(line)}" for line in head)


def _show(lines: Iterable[str]) -> None:
    sys.stderr.write("".join(f"{line.rstrip()}\n" for line in lines))
    sys.stderr.flush()
