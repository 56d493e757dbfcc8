"""Doubles and conformance checks for tests: no sockets, no patching.

Each published interface has a double and a check that any implementation can run; the real ones
and the doubles pass it: `MemoryTransport` and `check_transport`, `RecordingReceiver`,
`ScriptedResolver` and `check_resolver`, `RecordingTrace` and `check_trace`, `check_address_filter`.
"""

from whimbrel_connector.testing.clock import FakeClock
from whimbrel_connector.testing.names import (
    ScriptedResolver,
    check_address_filter,
    check_resolver,
)
from whimbrel_connector.testing.trace import RecordingTrace, check_trace
from whimbrel_connector.testing.transport import (
    MemoryTransport,
    RecordingReceiver,
    check_transport,
)

__all__ = [
    "FakeClock",
    "MemoryTransport",
    "RecordingReceiver",
    "RecordingTrace",
    "ScriptedResolver",
    "check_address_filter",
    "check_resolver",
    "check_trace",
    "check_transport",
]
