"""One target in one mode under atheris, in a process of its own; `tools.fuzz.runs` starts it.

Arguments: the target, the mode, the folder for findings, then libFuzzer's: options and folders of
inputs. It ends by exiting the process.
"""

from __future__ import annotations

import importlib
import shlex
import sys
from pathlib import Path

import atheris

from tools.fuzz.findings import Recorder
from tools.fuzz.mutation import CorpusMutator

_PACKAGES = [
    "whimbrel_http_parser",
    "whimbrel_cookiejar",
    "whimbrel_connector",
    "whimbrel_websocket_client",
]
# What feeds the parser is not what is to be covered, and takes time when instrumented.
_FEEDING = ["whimbrel_http_parser.testing"]


def main() -> None:
    """Fuzz, or do what else libFuzzer is told."""
    target, mode, findings, *options = sys.argv[1:]
    compiled = mode == "compiled"
    if compiled:
        from tools.fuzz.targets import TARGETS  # noqa: PLC0415 - nothing to instrument
    else:
        # Coverage is counted in what is imported here for the first time.
        with atheris.instrument_imports(include=_PACKAGES, exclude=_FEEDING):
            from tools.fuzz.targets import TARGETS  # noqa: PLC0415
    from tools.fuzz.runs import compiled_packages  # noqa: PLC0415 - after the instrumented import

    for name in sorted(compiled_packages(target)):
        package = importlib.import_module(name)
        if getattr(package, "COMPILED", compiled) is not compiled:
            sys.exit(f"the mode is {mode}, and {package.__file__} is not")
    # libFuzzer starts itself again by this name when it merges.
    program = shlex.join([sys.executable, "-m", "tools.fuzz.worker", target, mode, findings])
    check = Recorder(TARGETS[target][0], Path(findings))
    if compiled:
        folders = [Path(option) for option in options if not option.startswith("-")]
        units = [path.read_bytes() for folder in folders for path in sorted(folder.iterdir())]
        mutator = CorpusMutator(units, _mutate)
        atheris.Setup([program, *options], check, custom_mutator=mutator)
    else:
        atheris.Setup([program, *options], check)
    atheris.Fuzz()


def _mutate(data: bytes, maximum: int) -> bytes:
    # Looked up at each call: atheris replaces it when it begins.
    mutated: bytes = atheris.Mutate(data, maximum)
    return mutated


if __name__ == "__main__":
    main()
