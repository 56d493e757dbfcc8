from __future__ import annotations

import sys

import pytest

from whimbrel_connector._caller import caller, warn_caller


def test_caller_is_outside_of_the_packages() -> None:
    line = sys._getframe().f_lineno + 1
    where, level = caller()
    assert where == f"{__file__}:{line}"
    assert level == 1


def test_warning_names_the_callers_line() -> None:
    with pytest.warns(DeprecationWarning, match="old is deprecated") as caught:
        warn_caller("old is deprecated")
    assert caught[0].filename == __file__
