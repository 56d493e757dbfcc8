"""`hatch run fuzz [TARGET] [--seconds N]`: each target in a process of its own, crashes shown."""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.fuzz.targets import TARGETS
from tools.workspace import ROOT

_SHOWN = 50
"""Lines of the fuzzer's output to show when it fails: the traceback is near its end."""


def fuzz(target: str, seconds: int) -> bool:
    """Fuzz one target.

    Args:
        target: a name of `TARGETS`.
        seconds: for how long.

    Returns:
        Whether it held.
    """
    with tempfile.TemporaryDirectory() as folder:
        corpus, crashes = Path(folder, "corpus"), Path(folder, "crashes")
        corpus.mkdir()
        crashes.mkdir()
        for number, seed in enumerate(TARGETS[target][1]):
            (corpus / f"seed-{number}").write_bytes(seed)
        command = [sys.executable, "-m", "tools.fuzz.worker", target, str(corpus)]
        command += [f"-max_total_time={seconds}", f"-artifact_prefix={crashes}/", "-max_len=1024"]
        command += ["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"]
        print(f"{target}: {seconds} s from {len(TARGETS[target][1])} seeds", flush=True)
        result = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        found = sorted(crashes.iterdir())
        log = result.stdout.decode(errors="replace")
        if result.returncode == 0 and not found:
            executed = re.search(r"number_of_executed_units: (\d+)", log)
            print(f"{target}: held on {executed[1] if executed else 'no'} inputs", flush=True)
            return True
        lines = [line for line in log.splitlines() if not line.startswith(("INFO:", "WARNING:"))]
        print("\n".join(lines[-_SHOWN:]), file=sys.stderr)
        for crash in found:
            print(f"{target} fails on the input\n  {crash.read_bytes()!r}", file=sys.stderr)
        return False


def main() -> int:
    """Return the exit status: 0 when every invariant held."""
    parser = argparse.ArgumentParser(prog="hatch run fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", choices=sorted(TARGETS), help="default: each in turn")
    parser.add_argument("--seconds", type=int, default=20, help="for each target (default: 20)")
    arguments = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print(
            "atheris has no wheel for this interpreter or platform"
            f" ({sys.implementation.name} {sys.version.split()[0]} on {sys.platform}):"
            " fuzz with CPython 3.11 to 3.14 on Linux x86_64",
            file=sys.stderr,
        )
        return 1
    names = [arguments.target] if arguments.target else sorted(TARGETS)
    results = [fuzz(name, arguments.seconds) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
