"""One request of one hop, as middlewares see it and as the exchange sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy

from whimbrel.fields import field_values
from whimbrel_http_parser import LocalProtocolError, request_head

if TYPE_CHECKING:
    from yarl import URL

    from whimbrel.content import Content
    from whimbrel.http_version import HttpVersion
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

    def serialize(self, version: HttpVersion) -> bytes:
        """Return the head as it goes over the wire.

        Raises:
            ValueError: the method, the target or a header field cannot be expressed in HTTP.
        """
        try:
            return request_head(self.method, self.target, self.fields, version)
        except LocalProtocolError as exc:
            raise ValueError(str(exc)) from exc

    @property
    def closes(self) -> bool:
        """Whether the request asks for its connection to be closed (RFC 9112 section 9.6)."""
        return any(
            option.strip().lower() == "close"
            for value in field_values(self.fields, "connection")
            for option in value.split(",")
        )

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields as a case-insensitive multidict: a copy."""
        return CIMultiDict(self.fields)

    @property
    def request_info(self) -> RequestInfo:
        """The facts about this request that outlive it."""
        url = self.url
        return RequestInfo(
            url.with_fragment(None) if url.raw_fragment else url,
            self.method,
            CIMultiDictProxy(self.headers),
            url,
        )

    def __repr__(self) -> str:
        return f"<ClientRequest({self.method} {self.url})>"
