"""Any bytes of a proxy open the tunnel, are a refusal or one error, and little of them is kept."""

from __future__ import annotations

from collections.abc import Sequence

from tools.fuzz.targets._pieces import pieces_of
from whimbrel_connector.dialogues import SocksDialogue, SocksProtocolError

__all__ = ["check_socks_dialogue"]

_ASKED = (
    ("socks4", "192.0.2.7", None),
    ("socks4a", "example.org", ("bird", "")),
    ("socks5", "2001:db8::1", None),
    ("socks5h", "example.org", ("bird", "wader")),
)
_MOST_SAID = 256
"""More than the longest request for one of these, with its credentials."""
_LONGEST_ERROR = 200

_Outcome = tuple[bool, tuple[int, str] | None, str, bytes]
"""Accepted? The refusal; the error; all that was said."""


def check_socks_dialogue(data: bytes) -> None:
    """Feed `data[2:]`; the first two bytes choose what is asked, the end of file and the cuts.

    Raises:
        AssertionError: the outcome is none, or without bounds, or depends on how the bytes were
            cut, other than that bytes of two answers may not come together.
    """
    if len(data) < 2:
        return
    choice, size, stream = data[0], data[1], data[2:]
    slow = _run(choice, pieces_of(stream, b"\x01"))
    cut = _run(choice, pieces_of(stream, bytes([size])))
    assert cut == slow or "before" in cut[2], (cut, slow)


def _run(choice: int, pieces: Sequence[bytes]) -> _Outcome:
    talk = SocksDialogue(*_dialogue_arguments(choice))
    said, error = talk.opening, ""
    try:
        for piece in pieces:
            finished = talk.finished
            answer = talk.receive_data(piece)
            assert not (finished and answer)
            said += answer
            assert not talk.finished or talk.accepted == (talk.refusal is None)
        if choice & 4:
            talk.receive_eof()
    except SocksProtocolError as exc:
        error = str(exc)
        assert talk.finished
        assert not talk.accepted
        assert talk.refusal is None
    if choice & 4:
        assert talk.finished
    assert len(said) <= _MOST_SAID
    assert len(error) <= _LONGEST_ERROR
    return talk.accepted, talk.refusal, error, said


def _dialogue_arguments(choice: int) -> tuple[str, str, int, tuple[str, str] | None]:
    scheme, host, credentials = _ASKED[choice & 3]
    return scheme, host, 443, credentials
