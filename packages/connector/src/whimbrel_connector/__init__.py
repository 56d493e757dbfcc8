"""Where an asyncio HTTP client's connections come from: pool, DNS, TLS, proxies."""

from whimbrel_connector._attempt import Attempt, ConnectTimings
from whimbrel_connector._base import BaseConnector
from whimbrel_connector._statistics import HostStatistics, PoolStatistics
from whimbrel_connector._tls import merge_ssl
from whimbrel_connector._transport import SocketTransport
from whimbrel_connector._version import __version__
from whimbrel_connector.address_filters import public_addresses_only
from whimbrel_connector.connection import Connection
from whimbrel_connector.connector import TCPConnector
from whimbrel_connector.endpoint import Endpoint, Proxy
from whimbrel_connector.errors import (
    AddressRefused,
    ClientConnectionError,
    ClientConnectionResetError,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientOSError,
    ClientProxyConnectionError,
    ClientSSLError,
    ConnectionKey,
    ConnectionTimeoutError,
    ProxyRefused,
    ServerConnectionError,
    ServerDisconnectedError,
    ServerFingerprintMismatch,
    ServerTimeoutError,
    SocketTimeoutError,
    SocksRefused,
    UnixClientConnectorError,
)
from whimbrel_connector.fingerprint import Fingerprint
from whimbrel_connector.interfaces import (
    AddressFilter,
    ConnectionTrace,
    ReadableBuffer,
    Receiver,
    Resolver,
    ResolveResult,
    Transport,
)
from whimbrel_connector.local_connectors import NamedPipeConnector, UnixConnector
from whimbrel_connector.proxy_environment import EnvironmentProxies
from whimbrel_connector.resolver import (
    AbstractResolver,
    AsyncResolver,
    DefaultResolver,
    ThreadedResolver,
)
from whimbrel_connector.system_trust import system_trust_context
from whimbrel_connector.tracing import ConnectionEvent, ConnectionStage

__all__ = [
    "AbstractResolver",
    "AddressFilter",
    "AddressRefused",
    "AsyncResolver",
    "Attempt",
    "BaseConnector",
    "ClientConnectionError",
    "ClientConnectionResetError",
    "ClientConnectorCertificateError",
    "ClientConnectorDNSError",
    "ClientConnectorError",
    "ClientConnectorSSLError",
    "ClientError",
    "ClientOSError",
    "ClientProxyConnectionError",
    "ClientSSLError",
    "ConnectTimings",
    "Connection",
    "ConnectionEvent",
    "ConnectionKey",
    "ConnectionStage",
    "ConnectionTimeoutError",
    "ConnectionTrace",
    "DefaultResolver",
    "Endpoint",
    "EnvironmentProxies",
    "Fingerprint",
    "HostStatistics",
    "NamedPipeConnector",
    "PoolStatistics",
    "Proxy",
    "ProxyRefused",
    "ReadableBuffer",
    "Receiver",
    "ResolveResult",
    "Resolver",
    "ServerConnectionError",
    "ServerDisconnectedError",
    "ServerFingerprintMismatch",
    "ServerTimeoutError",
    "SocketTimeoutError",
    "SocketTransport",
    "SocksRefused",
    "TCPConnector",
    "ThreadedResolver",
    "Transport",
    "UnixClientConnectorError",
    "UnixConnector",
    "__version__",
    "merge_ssl",
    "public_addresses_only",
    "system_trust_context",
]
