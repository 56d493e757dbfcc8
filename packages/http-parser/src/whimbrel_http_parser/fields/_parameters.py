"""Parameters as values: they do not change, and so can be hashed, copied and pickled."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from multidict import MultiDict, MultiDictProxy

__all__ = ["NO_ATTRIBUTES", "NO_PARAMETERS", "Attributes", "Parameters"]


class Parameters(Mapping[str, str]):
    """Values by name.

    Args:
        pairs: names and values; of several with one name the last counts.
    """

    __slots__ = ("_values",)

    def __init__(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        self._values = dict(pairs)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return repr(self._values)

    def __reduce__(self) -> tuple[type["Parameters"], tuple[dict[str, str]]]:
        return Parameters, (self._values.copy(),)


class Attributes(MultiDictProxy[str]):
    """Values by name, of which some are there several times.

    Args:
        pairs: names and values.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(MultiDict(pairs))

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __reduce__(  # type: ignore[override]  # what sees another's changes cannot be pickled, but nobody else has this one's
        self,
    ) -> tuple[type["Attributes"], tuple[tuple[tuple[str, str], ...]]]:
        return Attributes, (tuple(self.items()),)


NO_PARAMETERS: Final = Parameters()
NO_ATTRIBUTES: Final = Attributes()
