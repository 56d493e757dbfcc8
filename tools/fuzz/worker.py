"""One target under atheris; `tools.fuzz` starts it. It ends by exiting the process."""

from __future__ import annotations

import sys

import atheris

# Coverage is counted in what is imported here for the first time.
with atheris.instrument_imports(
    include=["whimbrel_http_parser", "whimbrel_cookiejar", "whimbrel_websocket_client"]
):
    from tools.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz the target that the first argument names, with libFuzzer's options behind it."""
    program, target, *options = sys.argv
    atheris.Setup([program, *options], TARGETS[target][0])
    atheris.Fuzz()


main()
