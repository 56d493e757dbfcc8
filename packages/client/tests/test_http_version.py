from __future__ import annotations

import pickle

from whimbrel.http_version import HttpVersion, HttpVersion10, HttpVersion11


def test_versions_are_pairs_in_order() -> None:
    assert HttpVersion10 == (1, 0)
    assert HttpVersion11 == HttpVersion(1, 1)
    assert HttpVersion10 < HttpVersion11 < HttpVersion(2, 0)
    assert (HttpVersion11.major, HttpVersion11.minor) == (1, 1)
    assert type(pickle.loads(pickle.dumps(HttpVersion11))) is HttpVersion
