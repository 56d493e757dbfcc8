"""What every test of the workspace is held to: leave nothing behind, talk to this machine only.

A test that leaves an asyncio task, an armed timer, an open transport or an open socket fails, and
so does one that tries to connect to anything but loopback addresses and UNIX sockets. Both watch
from outside (the constructors of sockets and transports, the end of event loops), so that no test
has to ask for it. What a fixture of a wider scope than the test sets up is not the test's.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
import sys
import threading
import weakref
from asyncio import transports
from collections.abc import Callable, Generator
from typing import Any

import pytest

_SETTLING_TURNS = 4
"""Turns a loop is given to finish what is already decided (`close()` then `connection_lost`)."""

_PASSED = pytest.StashKey[bool]()


class Watch:
    """What the running test has made and what its event loops still held when they ended."""

    def __init__(self) -> None:
        self.exempt = 0
        self.findings: dict[int, str] = {}
        self.blocked: list[str] = []
        self._sockets: weakref.WeakKeyDictionary[socket.socket, str] = weakref.WeakKeyDictionary()
        self._transports: weakref.WeakSet[transports.BaseTransport] = weakref.WeakSet()

    def start(self) -> None:
        """Forget everything: a new test begins."""
        self.findings.clear()
        self.blocked.clear()
        self._sockets.clear()
        self._transports.clear()

    def made_socket(self, sock: socket.socket) -> None:
        """Remember `sock` and the line of the workspace that made it."""
        if self._is_the_tests():
            self._sockets[sock] = _maker()

    def made_transport(self, transport: transports.BaseTransport) -> None:
        """Remember `transport`."""
        if self._is_the_tests():
            try:
                self._transports.add(transport)
            except TypeError:  # one with __slots__ and without __weakref__: its socket is watched
                return

    def loop_ends(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note the tasks and the armed timers that `loop` still holds."""
        for task in asyncio.all_tasks(loop):
            self.findings[id(task)] = f"task {task.get_name()!r}: {task.get_coro()!r}"
        # The loop has no public list of its timers; a loop of another make (uvloop) has none.
        for timer in getattr(loop, "_scheduled", ()):
            if not timer.cancelled():
                due = timer.when() - loop.time()
                self.findings[id(timer)] = f"armed timer, due in {due:.3g} s: {timer!r}"

    def left_behind(self) -> list[str]:
        """Describe what is still there, now that the test and its fixtures are done."""
        found = list(self.findings.values())
        found += [f"open transport: {t!r}" for t in self._transports if not _is_done(t)]
        found += [
            f"open socket, made at {maker}: {sock!r}"
            for sock, maker in self._sockets.items()
            if sock.fileno() != -1
        ]
        return found

    def _is_the_tests(self) -> bool:
        # A server in a thread accepts and closes in its own time, whatever the test does.
        return not self.exempt and threading.current_thread() is threading.main_thread()


def _is_done(transport: transports.BaseTransport) -> bool:
    # A subprocess transport that has seen its process end drops its loop and is never "closing".
    return transport.is_closing() or getattr(transport, "_loop", transport) is None


def _maker() -> str:
    """Return the innermost line outside the standard library and site-packages."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name != __file__ and "/lib/python" not in name and not name.startswith("<"):
            return f"{name}:{frame.f_lineno}"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "an unknown place"


def _settle(loop: asyncio.AbstractEventLoop) -> None:
    for _ in range(_SETTLING_TURNS):
        loop.run_until_complete(asyncio.sleep(0))


def _is_local(family: int, address: Any) -> bool:
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return True  # AF_UNIX and the like never leave the machine
    host = address[0]
    if host == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback


def _replace(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, make: Callable[[Any], Any]
) -> None:
    original = getattr(owner, name)
    monkeypatch.setattr(owner, name, functools.wraps(original)(make(original)))


def _watch_constructors(patch: pytest.MonkeyPatch, watch: Watch) -> None:
    def socket_init(original: Any) -> Any:
        def init(self: socket.socket, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            watch.made_socket(self)

        return init

    def transport_init(original: Any) -> Any:
        def init(self: transports.BaseTransport, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            watch.made_transport(self)

        return init

    _replace(patch, socket.socket, "__init__", socket_init)
    _replace(patch, transports.BaseTransport, "__init__", transport_init)


def _watch_loops(patch: pytest.MonkeyPatch, watch: Watch) -> None:
    # asyncio.run and pytest-asyncio both end their loops by Runner.close, which cancels the tasks
    # that are left: they must be counted before. A loop without a Runner is counted as it closes.
    def runner_close(original: Any) -> Any:
        def close(self: asyncio.Runner) -> None:
            loop: asyncio.AbstractEventLoop | None = getattr(self, "_loop", None)
            if loop is not None and not loop.is_closed():
                _settle(loop)
                watch.loop_ends(loop)
            original(self)

        return close

    def loop_close(original: Any) -> Any:
        def close(self: asyncio.BaseEventLoop) -> None:
            if not self.is_closed():
                watch.loop_ends(self)
            original(self)

        return close

    _replace(patch, asyncio.Runner, "close", runner_close)
    _replace(patch, asyncio.BaseEventLoop, "close", loop_close)


def _guard_connect(patch: pytest.MonkeyPatch, watch: Watch) -> None:
    def guarded(original: Any) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            if not _is_local(self.family, address):
                watch.blocked.append(f"connect to {address!r}")
                raise RuntimeError(f"tests connect to this machine only, not to {address!r}")
            return original(self, address)

        return connect

    for name in ("connect", "connect_ex"):
        _replace(patch, socket.socket, name, guarded)


def pytest_configure(config: pytest.Config) -> None:
    """Put the watch in place for the whole run."""
    watch, patch = Watch(), pytest.MonkeyPatch()
    _watch_constructors(patch, watch)
    _watch_loops(patch, watch)
    _guard_connect(patch, watch)
    config.add_cleanup(patch.undo)
    config.pluginmanager.register(_Plugin(watch), "whimbrel-watch")


class _Plugin:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        self._watch.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, object, object]:
        wider = fixturedef.scope != "function"
        self._watch.exempt += wider
        try:
            return (yield)
        finally:
            self._watch.exempt -= wider

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        result = yield
        item.stash[_PASSED] = True
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        result = yield
        if self._watch.blocked:
            pytest.fail(f"the test tried to {', '.join(self._watch.blocked)}", pytrace=False)
        # What a failing test leaves is a consequence, and would only hide why it failed.
        found = self._watch.left_behind() if item.stash.get(_PASSED, False) else []
        if found:
            pytest.fail("the test left behind:\n  " + "\n  ".join(found), pytrace=False)
        return result
