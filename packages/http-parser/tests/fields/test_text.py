import re
from typing import Any

import pytest

from whimbrel_http_parser import LocalProtocolError
from whimbrel_http_parser.fields import _text

CONTROLS = [chr(code) for code in (*range(9), *range(10, 32), 127)]


@pytest.mark.parametrize("control", CONTROLS)
def test_no_control_character_is_written(control: str) -> None:
    with pytest.raises(
        LocalProtocolError, match=f"it has the control character U.{ord(control):04X}"
    ):
        _text.check_text(f"a{control}b", "it")
    with pytest.raises(LocalProtocolError):
        _text.quoted(control, "it")
    with pytest.raises(LocalProtocolError):
        _text.token(control, "it")


@pytest.mark.parametrize("text", ["", "\t", "a b", "é€", "\udc80\udcff", '"\\'])
def test_other_text_is_what_it_was(text: str) -> None:
    assert _text.check_text(text, "it") == text
    assert _text.unescaped(_text.quoted(text, "it")[1:-1]) == text


@pytest.mark.parametrize("code", [0xD800, 0xDC7F, 0xDD00, 0xDFFF])
def test_a_surrogate_that_is_no_byte_is_not_written(code: int) -> None:
    with pytest.raises(LocalProtocolError, match="surrogate"):
        _text.check_text(f"a{chr(code)}", "it")


def test_an_error_does_not_show_the_value() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        _text.parameter("response", "secret\n")
    assert "secret" not in str(caught.value)
    assert "response" in str(caught.value)
    with pytest.raises(LocalProtocolError) as caught:
        _text.parameter("a" * 1000, "\n")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("names", [[""], ["a b"], ["a", "b", "A"], ["é"], ["a\n"], ["x" * 999] * 2])
def test_names_that_are_not_written(names: list[str]) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        _text.check_names(names)
    assert len(str(caught.value)) < 200


def test_names_that_are_written() -> None:
    _text.check_names(["a", "b*", "c-d"])
    _text.check_names([])


def test_a_match_may_be_of_nothing() -> None:
    spaces = re.compile("[ ]*+")
    assert _text.match_at(spaces, "a  b", 1).span() == (1, 3)
    assert _text.match_at(spaces, "a  b").span() == (0, 0)
    assert _text.match_at(spaces, "", 0).span() == (0, 0)


def test_lines() -> None:
    assert _text.lines_of("ab") == ["ab"]
    assert _text.lines_of(b"a\xe4\xc3\xa4") == ["a\udce4ä"]
    assert _text.lines_of(["a", "b"]) == ["a", "b"]
    assert _text.lines_of((b"a", "b")) == ["a", "b"]
    assert _text.lines_of([]) == []
    assert _text.lines_of(None) == [""]


@pytest.mark.parametrize("value", [5, ["a"], bytearray(b"a"), object()])
def test_what_is_no_text(value: Any) -> None:
    with pytest.raises(TypeError, match="is text, bytes or None, and not "):
        _text.text_of(value)
    with pytest.raises(TypeError):
        _text.lines_of([value])
