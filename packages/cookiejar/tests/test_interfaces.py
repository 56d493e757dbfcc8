from whimbrel_cookiejar import PublicSuffixes, PublicSuffixList
from whimbrel_cookiejar.testing import FixedPublicSuffixes


def test_public_suffixes_is_known_by_its_method() -> None:
    assert isinstance(PublicSuffixList(), PublicSuffixes)
    assert isinstance(FixedPublicSuffixes(), PublicSuffixes)
    assert not isinstance(object(), PublicSuffixes)
