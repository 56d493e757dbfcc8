import importlib
from pathlib import Path

import pytest

import whimbrel_http_parser


def test_every_public_name_is_there() -> None:
    for name in whimbrel_http_parser.__all__:
        assert getattr(whimbrel_http_parser, name) is not None


@pytest.mark.parametrize(
    "module", ["errors", "events", "limits", "reader", "writer", "codings", "fields"]
)
def test_what_a_module_offers_the_package_offers(module: str) -> None:
    names = importlib.import_module(f"whimbrel_http_parser.{module}").__all__
    assert set(names) <= set(whimbrel_http_parser.__all__)


def test_compiled_tells_what_is_in_use() -> None:
    reader = importlib.import_module("whimbrel_http_parser.reader")
    assert reader.__file__ is not None
    assert whimbrel_http_parser.COMPILED is (Path(reader.__file__).suffix != ".py")
