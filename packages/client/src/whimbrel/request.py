"""One request of one hop, as the exchange sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy

from whimbrel.fields import field_values
from whimbrel.http_version import HttpVersion, HttpVersion11
from whimbrel_http_parser import LocalProtocolError, request_head

if TYPE_CHECKING:
    from yarl import URL

    from whimbrel.content import Content
    from whimbrel.options import RequestOptions
    from whimbrel_connector import Endpoint

__all__ = ["ClientRequest", "RequestInfo"]


class RequestInfo(NamedTuple):
    """What was asked: part of every response and of the errors about one.

    Attributes:
        url: the URL without its fragment.
        method: the request method.
        headers: the header fields that were sent.
        real_url: the URL as it was asked for, with its fragment.
    """

    url: URL
    method: str
    headers: CIMultiDictProxy[str]
    real_url: URL

    def __reduce__(self) -> tuple[Any, ...]:
        # The proxy does not pickle, so that its fields go as a list.
        fields = list(self.headers.items())
        return _rebuild_request_info, (self.url, self.method, fields, self.real_url)


def _rebuild_request_info(
    url: URL, method: str, fields: list[tuple[str, str]], real_url: URL
) -> RequestInfo:
    return RequestInfo(url, method, CIMultiDictProxy(CIMultiDict(fields)), real_url)


class ClientRequest:
    """One request to one URL.

    Attributes:
        method: the request method, in upper case.
        url: the URL as it was asked for, without user information.
        endpoint: where the connection goes to.
        target: the request target that goes into the request line (RFC 9112 section 3.2).
        fields: the header fields in the order they are sent.
        body: the content, or `None`.
        length: how many bytes the content is sent as; `None` sends it in chunks.
        coding: the content coding to apply while sending, or `None`.
        options: everything else the caller said.
        version: the HTTP version that it states.
    """

    __slots__ = (
        "body",
        "coding",
        "endpoint",
        "fields",
        "length",
        "method",
        "options",
        "target",
        "url",
        "version",
    )

    def __init__(
        self,
        method: str,
        url: URL,
        *,
        endpoint: Endpoint,
        target: str,
        fields: list[tuple[str, str]],
        options: RequestOptions,
        content: Content,
        version: HttpVersion,
    ) -> None:
        self.method = method
        self.url = url
        self.endpoint = endpoint
        self.target = target
        self.fields = fields
        self.body = content.payload
        self.length = content.length
        self.coding = content.coding
        self.options = options
        self.version = version

    def serialize(self) -> bytes:
        """Return the head as it goes over the wire.

        Raises:
            ValueError: the method, the target or a header field cannot be expressed in HTTP.
        """
        try:
            return request_head(self.method, self.target, self.fields, self.version)
        except LocalProtocolError as exc:
            raise ValueError(str(exc)) from exc

    @property
    def closes(self) -> bool:
        """Whether the server takes it that the connection is closed (RFC 9112 section 9.3)."""
        options = self._connection_options()
        if self.version < HttpVersion11:
            return "keep-alive" not in options
        return "close" in options

    @property
    def upgrades(self) -> bool:
        """Whether the server may switch protocols (RFC 9110 section 7.8)."""
        return "upgrade" in self._connection_options()

    def _connection_options(self) -> set[str]:
        return {
            option.strip().lower()
            for value in field_values(self.fields, "connection")
            for option in value.split(",")
        }

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields as a case-insensitive multidict: a copy."""
        return CIMultiDict(self.fields)

    @property
    def request_info(self) -> RequestInfo:
        """The facts about this request that outlive it."""
        url = self.url
        return RequestInfo(
            url.with_fragment(None),
            self.method,
            CIMultiDictProxy(self.headers),
            url,
        )

    def __repr__(self) -> str:
        return f"<ClientRequest({self.method} {self.url})>"
