import copy
import pickle

import pytest

from whimbrel_http_parser import Challenge, ContentDisposition, ContentType, Credentials, Link
from whimbrel_http_parser.fields._parameters import Attributes, Parameters


def test_parameters_are_a_mapping() -> None:
    parameters = Parameters({"a": "1", "b": "2"})
    assert parameters == {"b": "2", "a": "1"} == dict(parameters)
    assert list(parameters) == ["a", "b"]
    assert len(parameters) == 2
    assert parameters["a"] == "1"
    assert parameters.get("c") is None
    assert "c" not in parameters
    assert repr(parameters) == "{'a': '1', 'b': '2'}"
    assert Parameters([("a", "1"), ("b", "2")]) == parameters
    assert not Parameters()


def test_the_order_does_not_matter_for_equality() -> None:
    one, other = Parameters({"a": "1", "b": "2"}), Parameters({"b": "2", "a": "1"})
    assert one == other
    assert hash(one) == hash(other)
    assert one != Parameters({"a": "1"})


@pytest.mark.parametrize(
    "value", [Parameters({"a": "1"}), Attributes([("a", "1"), ("b", "2"), ("a", "3")])]
)
def test_copies(value: Parameters | Attributes) -> None:
    for copied in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert copied == value
        assert list(copied.items()) == list(value.items())
        assert hash(copied) == hash(value)
        assert type(copied) is type(value)
    with pytest.raises(TypeError):
        value["a"] = "4"  # type: ignore[index]  # what the test is about


@pytest.mark.parametrize(
    ("kind", "first"),
    [(ContentType, "a/b"), (ContentDisposition, "a"), (Challenge, "a"), (Credentials, "a")],
)
def test_a_value_keeps_its_parameters_whatever_becomes_of_what_was_given(
    kind: type[ContentType], first: str
) -> None:
    given = {"a": "1"}
    value = kind(first, parameters=given)
    before = hash(value)
    given["a"] = "2"
    assert value.parameters == {"a": "1"}
    assert hash(value) == before
    assert value == kind(first, parameters=Parameters({"a": "1"}))


def test_a_link_keeps_its_attributes() -> None:
    given = Attributes([("a", "1")])
    assert Link("x", ("y",), given).parameters is given
    assert hash(Link("x", ("y",), given)) == hash(Link("x", ("y",), Attributes([("a", "1")])))


def test_secrets_are_not_shown() -> None:
    credentials = Credentials("X", None, {"k": "hush"})
    copied = pickle.loads(pickle.dumps(credentials))
    assert copied == credentials
    assert "hush" not in repr(copied)
