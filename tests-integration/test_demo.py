"""The demo is the first thing that many people run."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

from tools.webapp.processes import ROOT

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
