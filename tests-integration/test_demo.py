"""The demo is the first thing that many people run."""

from __future__ import annotations

import os
import pty
import re
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tools.demo.__main__ import take_steps
from tools.demo.display import Display
from tools.demo.steps import QUICK, StepFailed, Tour
from tools.webapp.faults import answer_each, raw_server
from tools.webapp.processes import ROOT, accepts_tcp, free_port

COMMAND = [sys.executable, "-m", "tools.demo", "--quick"]


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "COLUMNS": "120", **changes}


def test_in_a_log() -> None:
    """Complete, checked, and without a control character."""
    done = subprocess.run(
        COMMAND,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert done.stdout.replace("\n", "").isprintable()
    for words in ("60 answers over 12 connections", "2.0 MB", "-> /cookies", "WebSocket", "reused"):
        assert words in done.stdout


def test_on_a_terminal() -> None:
    """With bars that move, which takes control characters."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            COMMAND, cwd=ROOT, env=environment(TERM="xterm"), stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        output = b""
        while piece := read(ours):
            output += piece
        assert process.wait(10) == 0, output.decode()
    finally:
        os.close(ours)
    assert b"\x1b[" in output
    assert re.search(rb"100\.0%|2\.0/2\.0 MB", output)


def read(terminal: int) -> bytes:
    """Read from a pseudo-terminal; it ends with an error, not an empty read."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


async def test_a_wrong_answer_is_noticed(trust: ssl.SSLContext) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    async with raw_server(answer_each(head + b'{"bird": "duck"}')) as server:
        tour = Tour(server.url, server.url, trust, QUICK)
        with pytest.raises(StepFailed, match=r"document: expected .*whimbrel.*, got .*duck"):
            await take_steps(tour, Display())


async def test_a_server_that_is_gone_is_noticed(trust: ssl.SSLContext) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StepFailed, match="ClientConnectorError"):
        await take_steps(Tour(url, url, trust, QUICK), Display())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_servers_stop_when_the_demo_is_told_to(number: signal.Signals, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tools.demo"],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=log,
        )
    with process:
        assert process.stdout is not None
        first = process.stdout.readline().decode()
        process.send_signal(number)
        process.stdout.read()
    assert process.returncode == (130 if number is signal.SIGINT else 143)
    ports = re.findall(r":(\d+)", first)
    assert len(ports) == 2
    for port in ports:
        assert not accepts_tcp(int(port))()
