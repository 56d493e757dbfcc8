import subprocess
import sys

import pytest

from whimbrel_cookiejar import PublicSuffixList
from whimbrel_cookiejar.testing import check_public_suffixes


def test_the_installed_list_keeps_the_contract() -> None:
    check_public_suffixes(
        PublicSuffixList(),
        public=["co.uk", "github.io", "ck", "foo.ck", "x.kawasaki.jp", "xn--55qx5d.cn"],
        private=["example.com", "example.co.uk", "me.github.io", "www.ck", "city.kawasaki.jp"],
    )


@pytest.mark.parametrize("domain", ["公司.cn", "xn--55qx5d.cn", "公司.CN."])
def test_unicode_and_a_labels_are_the_same_suffix(domain: str) -> None:
    assert PublicSuffixList().is_public_suffix(domain)


@pytest.mark.parametrize("domain", ["é" * 80 + ".example", "1.2.3.4", "0x7f.1", "a..b", "::1"])
def test_what_is_no_domain_is_public(domain: str) -> None:
    assert PublicSuffixList().is_public_suffix(domain)


def test_another_list_takes_the_place_of_the_installed_one() -> None:
    suffixes = PublicSuffixList(["example", "shop.example"])
    check_public_suffixes(
        suffixes, public=["shop.example"], private=["my.shop.example", "github.io", "other.example"]
    )


def test_the_list_is_read_once_when_it_is_first_needed() -> None:
    script = """
import sys
from whimbrel_cookiejar import CookieJar
jar = CookieJar()
jar.store("a=1; Path=/", "https://www.example.com/")
jar.store("a=1; Domain=other.com", "https://www.example.com/")
assert jar.cookie_header("https://www.example.com/") == "a=1"
assert "publicsuffixlist" not in sys.modules
assert "asyncio" not in sys.modules
jar.store("a=1; Domain=example.com", "https://www.example.com/")
assert "publicsuffixlist" in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
    first, second = PublicSuffixList(), PublicSuffixList()
    assert first.is_public_suffix("co.uk")
    assert second.is_public_suffix("co.uk")
    assert first._list is second._list
