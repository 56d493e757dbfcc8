"""The suite's server: where Python 2 is for it, its installation, and running it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tools.interpreters import find_interpreter, is_interpreter
from tools.workspace import WorkspaceError

__all__ = ["Server", "find_python2", "install", "serving", "specification"]

_FOLDER = Path(__file__).parent
_REQUIREMENTS = _FOLDER / "requirements.txt"
_VERSION = "2.7"
_VARIABLE = "WHIMBREL_PYTHON2"
_ENDING_SECONDS, _DYING_SECONDS = 10.0, 1.0


@dataclass(frozen=True, slots=True)
class Server:
    """A fuzzing server that runs."""

    url: str
    cases: tuple[str, ...]
    """What it has been asked for: `1.1.1`, in the suite's order."""
    reports: Path
    """The folder where it leaves its reports when it is asked for them."""


def find_python2() -> Path:
    """Return a program that runs Python 2.7.

    Raises:
        WorkspaceError: there is none; the message says how to get one.
    """
    named = os.environ.get(_VARIABLE)
    if named:
        if not is_interpreter(named, _VERSION):
            raise WorkspaceError(f"{_VARIABLE} is {named}, which does not run Python {_VERSION}")
        return Path(named)
    found = find_interpreter(_VERSION)
    if found is None:
        raise WorkspaceError(
            f"the Autobahn TestSuite is Python 2 code, and this machine has no Python {_VERSION}:"
            f" put python{_VERSION} on PATH, let pyenv install it, or name it in {_VARIABLE}"
        )
    return found


def install(python2: Path, folder: Path) -> Path:
    """Make a virtual environment with the suite, unless it is there already.

    Args:
        python2: a Python 2.7.
        folder: where the environment is to be.

    Returns:
        The environment's interpreter.

    Raises:
        WorkspaceError: it could not be made.
    """
    inside = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    recipe = f"{python2}\n{_REQUIREMENTS.read_text()}"
    done = folder / "installed.txt"
    if done.exists() and done.read_text() == recipe:
        return inside
    print(f"installing the Autobahn TestSuite for {python2}, which takes a minute", flush=True)
    virtualenv = [sys.executable, "-m", "virtualenv", "--quiet", "--no-download", "--clear"]
    _run([*virtualenv, "--python", str(python2), str(folder)])
    pip = [str(inside), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    _run([*pip, "--requirement", str(_REQUIREMENTS)])
    done.write_text(recipe)
    return inside


def _run(command: list[str]) -> None:
    # Everybody knows by now that Python 2 has reached its end.
    environment = {**os.environ, "PIP_NO_PYTHON_VERSION_WARNING": "1"}
    result = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        raise WorkspaceError(f"{' '.join(command)} failed:\n{result.stdout}")


def specification(patterns: list[str], reports: Path) -> str:
    """Return what the suite's server is to do, as it reads it: which cases, reports to where."""
    return json.dumps(
        {
            "url": "ws://127.0.0.1:9001",  # the port is chosen when it listens
            "outdir": str(reports),
            "cases": patterns,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
    )


@contextmanager
def serving(python2: Path, folder: Path, patterns: list[str], messages: int) -> Iterator[Server]:
    """Run the fuzzing server, bound to loopback.

    Args:
        python2: an interpreter that has the suite, from `install`.
        folder: for its specification, its log and its reports.
        patterns: which cases, such as `7.*`.
        messages: how many messages a case sends at most of those which send 1,000 each.

    Raises:
        WorkspaceError: it does not start, or it ended by itself; the message has its last words.
    """
    reports, log = folder / "reports", folder / "server.log"
    (reports / "index.json").unlink(missing_ok=True)  # of an earlier run
    (folder / "server.json").write_text(specification(patterns, reports))
    command = [str(python2), str(_FOLDER / "serve.py2"), str(folder / "server.json"), str(messages)]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            hello = process.stdout.readline()
            if not hello:
                process.wait()
                raise WorkspaceError(f"the suite's server does not start:\n{_last_words(log)}")
            started = json.loads(hello)
            try:
                yield Server(f"ws://127.0.0.1:{started['port']}", tuple(started["cases"]), reports)
            except Exception as error:
                # Perhaps it is the consequence of something else.
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_DYING_SECONDS)
                    message = f"the suite's server has ended:\n{_last_words(log)}"
                    raise WorkspaceError(message) from error
                raise
        finally:
            process.stdin.close()  # which ends it
            try:
                process.wait(_ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
