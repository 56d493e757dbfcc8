from typing import Any

import pytest

from whimbrel_cookiejar.testing import FixedPublicSuffixes, check_public_suffixes


class Careless:
    """Takes the list literally: what curl and others once did with "co.UK" and "com."."""

    def is_public_suffix(self, domain: str) -> bool:
        return "." not in domain or domain in {"co.uk", "127.0.0.1", "a..com"}


def test_the_double_keeps_the_contract() -> None:
    check_public_suffixes(
        FixedPublicSuffixes(["co.example"]), public=["co.example"], private=["a.co.example", "a.b"]
    )


@pytest.mark.parametrize(
    ("suffixes", "public", "private", "message"),
    [
        (FixedPublicSuffixes(), ["co.uk"], [], r"is_public_suffix\('co.uk'\) is False, not True"),
        (FixedPublicSuffixes(["a.b"]), [], ["a.b"], r"'a.b'\) is True, not False"),
        (Careless(), ["co.uk"], [], r"is False, not True"),
        (object(), [], [], "has no is_public_suffix"),
    ],
)
def test_the_check_finds_what_does_not_keep_it(
    suffixes: Any, public: list[str], private: list[str], message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        check_public_suffixes(suffixes, public=public, private=private)
