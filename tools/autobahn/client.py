"""The client under test: it echoes what it receives, as any user of `ws_connect` would write it."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from whimbrel import ClientConnectionError, ClientSession, WSMsgType

__all__ = ["AGENT", "CALLBACK", "run_cases"]

AGENT = "whimbrel"
"""What the suite's reports call the client."""

CALLBACK = "callback"
"""Instead of a case, where it is not known."""

_AT_ONCE = 4
_STATUS_SECONDS = 10.0
_REPORT_SECONDS = 120.0


async def run_cases(url: str, cases: Sequence[str]) -> dict[str, str]:
    """Take every case, four at once, and have the server write its reports.

    Args:
        url: the server's.
        cases: their names.

    Returns:
        What the client raised and should not have, as a traceback, by case; what it raised in a
        callback of the event loop is filed under `CALLBACK`.
    """
    problems: dict[str, str] = {}
    waiting = iter(cases)

    def report_callback(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        trace = "".join(traceback.format_exception(error)) if error is not None else ""
        problems[CALLBACK] = f"{context['message']}\n{trace}"

    asyncio.get_running_loop().set_exception_handler(report_callback)

    async def take_cases() -> None:
        for case in waiting:
            try:
                await _run_case(session, url, case)
            except Exception:
                problems[case] = traceback.format_exc()

    async with ClientSession() as session:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(take_cases())
        await _ask(session, f"{url}/updateReports?{urlencode({'agent': AGENT})}", _REPORT_SECONDS)
    return problems


async def _run_case(session: ClientSession, url: str, case: str) -> None:
    query = urlencode({"casetuple": case, "agent": AGENT})
    await _echo(session, f"{url}/runCase?{query}")
    # It answers when it knows the result, which may be after it has closed.
    await _ask(session, f"{url}/getCaseStatus?{query}", _STATUS_SECONDS)


async def _echo(session: ClientSession, url: str) -> None:
    # Some messages have 16 MiB.
    async with session.ws_connect(url, max_msg_size=0, compress=15) as ws:
        try:
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    await ws.send_str(message.data)
                elif message.type is WSMsgType.BINARY:
                    await ws.send_bytes(message.data)
        except ClientConnectionError:
            pass  # it was closed before the echo was sent, as some cases do


async def _ask(session: ClientSession, url: str, seconds: float) -> None:
    """Wait until the server has done what the URL asks for, which is when it closes."""
    async with asyncio.timeout(seconds), session.ws_connect(url) as ws:
        async for _ in ws:
            pass
