"""Breaking a rule of docs/architecture.md fails the lint: each rule is broken once, in a copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

PARSER, JAR, CONNECTOR, WEBSOCKET, CLIENT = (
    "http-parser/src/whimbrel_http_parser",
    "cookiejar/src/whimbrel_cookiejar",
    "connector/src/whimbrel_connector",
    "websocket-client/src/whimbrel_websocket_client",
    "client/src/whimbrel",
)

BREAKS = (
    # upwards, or sideways
    (PARSER, "errors.py", "whimbrel_connector"),
    (PARSER, "errors.py", "whimbrel_cookiejar"),
    (JAR, "rules.py", "whimbrel_http_parser"),
    (JAR, "rules.py", "whimbrel"),
    (CONNECTOR, "connector.py", "whimbrel"),
    (CONNECTOR, "connector.py", "whimbrel_websocket_client"),
    (CONNECTOR, "connector.py", "whimbrel_cookiejar"),
    (WEBSOCKET, "connection.py", "whimbrel_http_parser"),
    (WEBSOCKET, "connection.py", "whimbrel_cookiejar"),
    (WEBSOCKET, "connection.py", "whimbrel_connector.errors"),
    (CLIENT, "errors.py", "tools"),
    # I/O and clocks in a pure core
    (PARSER, "reader.py", "asyncio"),
    (PARSER, "_grammar.py", "time"),
    (JAR, "rules.py", "time"),
    (JAR, "jar.py", "asyncio"),
    (JAR, "rules.py", "whimbrel_cookiejar.jar"),
    (WEBSOCKET, "protocol.py", "time"),
    (WEBSOCKET, "frames.py", "whimbrel_websocket_client._channel"),
    (WEBSOCKET, "_channel.py", "socket"),
    (CONNECTOR, "_pool.py", "asyncio"),
    (CONNECTOR, "_connect_dialogue.py", "time"),
    (CONNECTOR, "endpoint.py", "socket"),
    (CLIENT, "redirects.py", "asyncio"),
    (CLIENT, "cookies.py", "whimbrel.session"),
)


@pytest.mark.parametrize(("package", "file", "imported"), BREAKS)
def test_a_forbidden_import_fails_the_lint(
    workspace_copy: Path,
    lint_imports: Callable[[], CompletedProcess[str]],
    package: str,
    file: str,
    imported: str,
) -> None:
    path = workspace_copy / "packages" / package / file
    with path.open("a") as module:
        module.write(f"\nimport {imported}\n")

    result = lint_imports()

    importer = f"{path.parent.name}.{path.stem}"
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{importer} -> {imported}" in " ".join(result.stdout.split())


def test_the_workspace_as_it_is_passes(lint_imports: Callable[[], CompletedProcess[str]]) -> None:
    result = lint_imports()
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout
