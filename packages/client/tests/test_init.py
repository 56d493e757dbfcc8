"""What `import whimbrel` offers, and what it leaves to be imported when it is used."""

from __future__ import annotations

import subprocess
import sys

import whimbrel
import whimbrel_connector

NO_PART_OF_SESSIONS = {
    "Attempt",  # to write a connector, or to use one without a session
    "ConnectTimings",
    "ConnectionKey",
    "Endpoint",
    "ReadableBuffer",
    "Receiver",
    "Resolver",
    "SocketTransport",
    "Transport",
    "merge_ssl",
    "ProxyRefused",  # a session says it as ClientHttpProxyError
}
OPTIONAL = ("aiodns", "backports.zstd", "brotli", "publicsuffixlist", "rich", "truststore")
SLOW = ("email", "http.client", "multiprocessing", "urllib.request")


def test_every_name_of_the_connector_for_users_of_a_session_is_offered() -> None:
    names = set(whimbrel_connector.__all__) - {"__version__"}
    assert names > NO_PART_OF_SESSIONS
    assert names - set(whimbrel.__all__) == NO_PART_OF_SESSIONS
    for name in names - NO_PART_OF_SESSIONS:
        assert getattr(whimbrel, name) is getattr(whimbrel_connector, name)


def test_importing_it_imports_nothing_that_is_rarely_used() -> None:
    program = f"import sys, whimbrel; print({{*{OPTIONAL + SLOW}}} & {{*sys.modules}})"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"
