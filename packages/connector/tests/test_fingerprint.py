from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from whimbrel_connector import Fingerprint, ServerFingerprintMismatch


class Peer:
    """What a fingerprint asks of a transport."""

    def __init__(self, **extra: Any) -> None:
        self.extra = extra

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.extra.get(name, default)

    def getpeercert(self, binary_form: bool) -> Any:
        return b"certificate"


def test_right_certificate_passes() -> None:
    Fingerprint(sha256(b"certificate").digest()).check(Peer(ssl_object=Peer()))


def test_plain_connection_has_nothing_to_check() -> None:
    Fingerprint(bytes(32)).check(Peer())


@pytest.mark.parametrize(
    ("peername", "where"), [(("::1", 4, 0, 0), ("::1", 4)), ("/run/s", ("/run/s", 0))]
)
def test_other_certificate_is_told_with_both_digests(peername: Any, where: tuple[str, int]) -> None:
    with pytest.raises(ServerFingerprintMismatch) as caught:
        Fingerprint(bytes(32)).check(Peer(ssl_object=Peer(), peername=peername))
    error = caught.value
    assert (error.host, error.port) == where
    assert error.expected == bytes(32)
    assert error.got == sha256(b"certificate").digest()
    assert error.got.hex() in str(error)


@pytest.mark.parametrize(("size", "hint"), [(16, "MD5"), (20, "SHA-1"), (31, "31 bytes")])
def test_other_digests_are_refused(size: int, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        Fingerprint(bytes(size))


def test_is_a_value() -> None:
    assert Fingerprint(bytes(32)) == Fingerprint(b"\0" * 32)
    assert len({Fingerprint(bytes(32)), Fingerprint(bytes(32)), Fingerprint(b"x" * 32)}) == 2
    assert Fingerprint(bytes(32)) != bytes(32)
    assert repr(Fingerprint(bytes(32))) == f"Fingerprint({'00' * 32})"
