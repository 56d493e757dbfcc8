"""Certificates for loopback servers, made anew for each run by trustme."""

from __future__ import annotations

import hashlib
import ssl
from datetime import datetime
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

__all__ = ["Authority", "Certificate"]


class Certificate:
    """A server's certificate chain and key, as the files that servers want."""

    def __init__(self, leaf: trustme.LeafCert, folder: Path, name: str) -> None:
        """Write `name`.pem and `name`.key into `folder`."""
        self.chain = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        for index, blob in enumerate(leaf.cert_chain_pems):
            blob.write_to_path(str(self.chain), append=index > 0)
        self.key.write_bytes(_pkcs8(leaf.private_key_pem.bytes()))
        der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
        self.fingerprint = hashlib.sha256(der).digest()
        """The SHA-256 of the certificate in DER form."""

    def server_context(self) -> ssl.SSLContext:
        """Return a TLS context for a server in this process."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.chain, self.key)
        return context


class Authority:
    """A certification authority that only this run trusts."""

    def __init__(self, folder: Path) -> None:
        """Make the authority; its files go into `folder`."""
        self._folder = folder
        self._ca = trustme.CA()
        self._issued = 0
        self.file = folder / "authority.pem"
        """The authority's own certificate, for programs that take a file."""
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(
        self, *names: str, not_before: datetime | None = None, not_after: datetime | None = None
    ) -> Certificate:
        """Issue a server certificate for `names`, host names or IP addresses.

        Args:
            names: what the certificate is valid for.
            not_before: start of validity; long ago by default.
            not_after: end of validity; far away by default.
        """
        leaf = self._ca.issue_cert(*names, not_before=not_before, not_after=not_after)
        self._issued += 1
        return Certificate(leaf, self._folder, f"server-{self._issued}")

    def client_context(self) -> ssl.SSLContext:
        """Return a TLS context for a client that trusts this authority and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context


def _pkcs8(pem: bytes) -> bytes:
    """Return a PEM private key in PKCS #8 form, the only one that granian's rustls reads."""
    key = serialization.load_pem_private_key(pem, password=None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
