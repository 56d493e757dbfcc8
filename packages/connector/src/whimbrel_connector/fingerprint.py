"""Trust in one certificate, by its digest (pinning)."""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from whimbrel_connector.errors import ServerFingerprintMismatch

if TYPE_CHECKING:
    from typing import Protocol

    class _HasExtraInfo(Protocol):
        def get_extra_info(self, name: str, default: Any = None) -> Any: ...


__all__ = ["Fingerprint"]

_SHA256_SIZE = 32
_WEAK_SIZES = {16: "MD5", 20: "SHA-1"}


class Fingerprint:
    """The SHA-256 digest that the peer's certificate must have.

    Nothing else about the certificate is verified: neither its issuer, nor its dates, nor the
    host name. Give it as `ssl=` of a connector or of a request.

    Args:
        fingerprint: SHA-256 digest (32 bytes) of the certificate in DER form.

    Raises:
        ValueError: the digest is not 32 bytes long.
    """

    __slots__ = ("fingerprint",)

    def __init__(self, fingerprint: bytes) -> None:
        if len(fingerprint) != _SHA256_SIZE:
            weak = _WEAK_SIZES.get(len(fingerprint))
            hint = f"; {weak} is not secure" if weak else ""
            raise ValueError(
                f"a fingerprint is a SHA-256 digest of {_SHA256_SIZE} bytes,"
                f" not {len(fingerprint)} bytes{hint}"
            )
        self.fingerprint = bytes(fingerprint)

    def check(self, transport: _HasExtraInfo) -> None:
        """Compare the certificate of a connected TLS transport; do nothing on a plain one.

        Raises:
            ServerFingerprintMismatch: the peer's certificate has another digest.
        """
        ssl_object = transport.get_extra_info("ssl_object")
        if ssl_object is None:
            return
        got = sha256(ssl_object.getpeercert(binary_form=True) or b"").digest()
        if not compare_digest(got, self.fingerprint):
            peer = transport.get_extra_info("peername") or ("", 0)
            host, port = peer[:2] if isinstance(peer, tuple) else (str(peer), 0)
            raise ServerFingerprintMismatch(self.fingerprint, got, host, port)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fingerprint):
            return NotImplemented
        return self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash((Fingerprint, self.fingerprint))

    def __repr__(self) -> str:
        return f"Fingerprint({self.fingerprint.hex()})"
