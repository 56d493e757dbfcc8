"""Trust in the system's authorities; cases have processes of their own, as it is cached."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import trustme

from whimbrel_connector import system_trust_context

needs_truststore = pytest.mark.skipif(
    find_spec("truststore") is None, reason="truststore is not installed"
)
reads_files = pytest.mark.skipif(
    sys.platform in {"darwin", "win32"}, reason="the authorities are in no file here"
)

CLIENT = """\
import asyncio, sys
from whimbrel_connector import (
    ClientConnectorCertificateError, Endpoint, TCPConnector, system_trust_context
)
from whimbrel_connector.testing import RecordingReceiver

async def reach(connector, endpoint):
    try:
        connection = await connector.acquire(endpoint)
    except ClientConnectorCertificateError as exc:
        return exc.certificate_error.verify_message
    receiver = RecordingReceiver()
    connection.transport.set_receiver(receiver)
    connection.transport.write(b"ping")
    await receiver.until_received(4)
    chosen = connection.transport.get_extra_info("ssl_object").selected_alpn_protocol()
    connection.release()
    return f"{receiver.data.decode()} {chosen}"

async def main():
    port = int(sys.argv[1])
    trust = system_trust_context()
    async with TCPConnector(ssl=trust) as connector:
        print(await reach(connector, Endpoint("localhost", port, True)))
        print(await reach(connector, Endpoint("localhost", port, True)))
        print(await reach(connector, Endpoint("localhost", port, True, server_hostname="other")))
        print(connector.statistics().opened)
    async with TCPConnector() as connector:
        for _ in range(2):
            endpoint = Endpoint("localhost", port, True, ssl=system_trust_context())
            print(await reach(connector, endpoint))
        print(connector.statistics().opened)

asyncio.run(main())
"""


async def run(program: str, *args: str, **variables: str) -> list[str]:
    """Run a program in a process of its own and return the lines that it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        *args,
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode().splitlines()


@needs_truststore
def test_same_context_for_the_same_protocols() -> None:
    """Otherwise no connection could be used again."""
    context = system_trust_context()
    assert system_trust_context() is context
    assert system_trust_context(alpn=("http/1.1",)) is context
    assert system_trust_context(alpn=()) is not context


@needs_truststore
def test_context_verifies() -> None:
    context = system_trust_context()
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


@needs_truststore
@reads_files
@pytest.mark.parametrize("trusted", [True, False])
async def test_trust_is_that_of_the_system(
    trusted: bool, tmp_path: Path, authority: trustme.CA, serving: Any, server_tls: Any
) -> None:
    """OpenSSL's own variable says where the system's authorities are."""
    bundle = tmp_path / "authorities.pem"
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(bundle))
    context = server_tls()
    context.set_alpn_protocols(["http/1.1"])
    async with serving(tls=context) as server:
        told = await run(CLIENT, str(server.port), SSL_CERT_FILE=str(bundle))
    if trusted:
        mismatch = "Hostname mismatch, certificate is not valid for 'other'."
        answer = "ping http/1.1"
        assert told == [answer, answer, mismatch, "1", answer, answer, "1"]
    else:
        unknown = "unable to get local issuer certificate"
        assert told == [unknown, unknown, unknown, "0", unknown, unknown, "0"]


@needs_truststore
@reads_files
async def test_authorities_are_read_once(tmp_path: Path, authority: trustme.CA) -> None:
    """truststore by itself reads them for each connection, while the event loop waits."""
    bundle = tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(str(bundle))
    program = """\
import os, ssl
from whimbrel_connector import system_trust_context
context = system_trust_context()
print(len(context.get_ca_certs()))
os.environ["SSL_CERT_FILE"] = "/nowhere"
again = system_trust_context()
connection = again.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
print(again is context, len(connection.context.get_ca_certs()))
"""
    assert await run(program, SSL_CERT_FILE=str(bundle)) == ["1", "True 1"]


@needs_truststore
async def test_context_is_one_where_truststore_took_over_the_ssl_module() -> None:
    program = """\
import truststore
truststore.inject_into_ssl()
from whimbrel_connector import TCPConnector, system_trust_context
TCPConnector(ssl=system_trust_context())
print("taken")
"""
    assert await run(program) == ["taken"]


async def test_missing_truststore_is_named_with_the_remedy() -> None:
    program = """\
import sys
sys.modules["truststore"] = None
from whimbrel_connector import system_trust_context
try:
    system_trust_context()
except RuntimeError as exc:
    print(exc)
"""
    assert await run(program) == [
        "system_trust_context needs truststore: pip install whimbrel-connector[system-trust]"
    ]


async def test_truststore_is_not_imported_before_it_is_needed() -> None:
    program = "import sys, whimbrel_connector; print('truststore' in sys.modules)"
    assert await run(program) == ["False"]
