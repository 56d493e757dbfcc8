"""Any bytes of a proxy open the tunnel, are a refusal or one error, however they are cut."""

from __future__ import annotations

from collections.abc import Sequence

from yarl import URL

from tools.fuzz.targets._pieces import pieces_of
from whimbrel_connector import Proxy
from whimbrel_connector.dialogues import ConnectDialogue
from whimbrel_http_parser import ProtocolError

__all__ = ["check_connect_dialogue"]

_PROXY = Proxy(URL("http://proxy.example:3128"), "Basic Og==")
_MOST_KEPT = 65536
"""Octets of a refusal's content."""
_LONGEST_ERROR = 1000

_Outcome = tuple[bool, tuple[int, str] | None, bytes, bool]
"""Accepted? The refusal; its content; was there an error?"""


def check_connect_dialogue(data: bytes) -> None:
    """Feed `data[2:]`; the first two bytes choose the end of file and the cuts.

    Raises:
        AssertionError: the outcome is none, or without bounds, or depends on how the bytes were
            cut.
    """
    if len(data) < 2:
        return
    eof, size, stream = bool(data[0] & 1), data[1], data[2:]
    whole = _run(pieces_of(stream, b"\0"), eof=eof)
    cut = _run(pieces_of(stream, bytes([size or 1])), eof=eof)
    assert whole == cut, (whole, cut)


def _run(pieces: Sequence[bytes], *, eof: bool) -> _Outcome:
    talk = ConnectDialogue("example.org", 443, _PROXY)
    error = ""
    try:
        for piece in pieces:
            finished = talk.finished
            assert talk.receive_data(piece) == b""
            assert talk.finished or not (finished or talk.accepted)
        if eof:
            talk.receive_eof()
    except ProtocolError as exc:
        error = str(exc)
        assert error
        assert len(error) <= _LONGEST_ERROR
        assert talk.refusal is None
    if eof and not error:
        assert talk.finished
        assert talk.accepted == (talk.refusal is None)
    assert len(talk.body) <= _MOST_KEPT
    assert not (talk.accepted and talk.body)
    return talk.accepted, talk.refusal, bytes(talk.body), bool(error)
