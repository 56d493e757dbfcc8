"""What happens to each request: drawn from a seed, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from random import Random
from typing import NamedTuple, TypeVar

__all__ = ["DEAD", "UNKNOWN", "Deed", "Request", "Use", "hosts", "is_rude", "requests"]

T = TypeVar("T")

UNKNOWN = "unknown.test"
"""A name that has no address."""
DEAD = "dead.test"
"""A name at whose address nothing listens."""


class Deed(Enum):
    """What the server does with a request."""

    ANSWER = "answer"
    """Answers it, and keeps the connection."""
    CHUNKS = "chunks"
    """Answers in chunks, in two parts."""
    LARGE = "large"
    """Answers with 100,000 bytes."""
    SLOW = "slow"
    """Answers after a while."""
    GOODBYE = "goodbye"
    """Answers with `Connection: close`, and closes."""
    BRIEF = "brief"
    """Answers with `Keep-Alive: timeout=2`, and keeps the connection."""
    CLOSE = "close"
    """Answers, and closes without a word."""
    RESET = "reset"
    """Answers, and resets the connection when it has been idle for a moment."""
    BABBLE = "babble"
    """Answers, and sends another response that nobody asked for right behind it."""
    LATE = "late"
    """Answers, and sends another response when the connection has been idle for a moment."""
    HANG_UP = "hang-up"
    """Closes without an answer."""
    BREAK = "break"
    """Resets the connection without an answer."""
    CUT = "cut"
    """Closes in the middle of the content."""


class Use(Enum):
    """What the client does."""

    GET = "get"
    """Asks, and reads the answer."""
    POST = "post"
    """The same, by a request that must not be sent twice."""
    UNREAD = "unread"
    """Asks, and leaves without reading the content."""
    HURRY = "hurry"
    """Asks with a timeout that is hardly enough."""
    LEASE = "lease"
    """Takes a connection from the connector, and gives it back unused."""
    CLOSE = "close"
    """Takes a connection from the connector, and closes it."""
    DETACH = "detach"
    """Takes a connection out of the connector, and closes it."""


class Request(NamedTuple):
    """One request, and all that is done to it."""

    number: int
    host: str
    deed: Deed
    use: Use
    cancelled_after: int | None
    """After how many turns of the event loop the client's task is cancelled, if it is."""

    @property
    def path(self) -> str:
        """What is asked for."""
        return f"/{self.deed.value}/{self.number}"


_DEEDS = {
    Deed.ANSWER: 60,
    Deed.CHUNKS: 6,
    Deed.LARGE: 3,
    Deed.SLOW: 3,
    Deed.GOODBYE: 3,
    Deed.BRIEF: 5,
    Deed.CLOSE: 6,
    Deed.RESET: 4,
    Deed.BABBLE: 4,
    Deed.HANG_UP: 2,
    Deed.BREAK: 2,
    Deed.CUT: 2,
}
_RUDE_DEEDS = {Deed.ANSWER: 3, Deed.LATE: 1}
_USES = {
    Use.GET: 70,
    Use.POST: 8,
    Use.UNREAD: 4,
    Use.HURRY: 4,
    Use.LEASE: 8,
    Use.CLOSE: 3,
    Use.DETACH: 3,
}
_CANCELLED = 0.15
_LAST_TURN = 25
_NOWHERE = 0.01


def hosts(count: int) -> list[str]:
    """Return the names that can be reached."""
    return [f"host{number}.test" for number in range(count)]


def is_rude(host: str) -> bool:
    """Tell whether the host speaks when it was not asked, at any time.

    What it says then can cross a request on the way, and nobody can tell it from the answer. So
    the answers of these hosts prove nothing, but the connector has to bear them, too.
    """
    return host.endswith("0.test")


def requests(seed: int, count: int, number_of_hosts: int) -> Iterator[Request]:
    """Draw the requests, in order; the same for the same arguments."""
    random = Random(seed)
    names = hosts(number_of_hosts)
    # A few hosts are asked for again and again, most of them now and then.
    weights = [1 / (rank + 1) for rank in range(number_of_hosts)]
    random.shuffle(weights)
    for number in range(count):
        [host] = random.choices(names, weights)
        if random.random() < _NOWHERE:
            host = random.choice((UNKNOWN, DEAD))
        yield Request(
            number,
            host,
            _choose(random, _RUDE_DEEDS if is_rude(host) else _DEEDS),
            _choose(random, _USES),
            random.randrange(_LAST_TURN) if random.random() < _CANCELLED else None,
        )


def _choose(random: Random, weights: dict[T, int]) -> T:
    [chosen] = random.choices(list(weights), list(weights.values()))
    return chosen
