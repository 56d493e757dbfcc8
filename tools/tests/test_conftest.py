"""The root conftest.py, run on tests that leave things behind and on tests that do not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LEAKING = """
import asyncio, socket, sys
import pytest

kept = []

async def test_task():
    kept.append(asyncio.create_task(asyncio.Event().wait(), name="forgotten"))

async def test_timer():
    asyncio.get_running_loop().call_later(3600, print)

async def test_transport():
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    async with server:
        kept.append(await asyncio.open_connection(*server.sockets[0].getsockname()))

async def test_process():
    kept.append(await asyncio.create_subprocess_exec("cat", stdin=-1))

def test_socket():
    kept.append(socket.socket())

def test_loop_without_runner():
    loop = asyncio.new_event_loop()
    loop.call_later(3600, print)
    loop.close()

def test_asyncio_run():
    async def main():
        kept.append(asyncio.create_task(asyncio.Event().wait(), name="forgotten by run"))
    asyncio.run(main())

@pytest.fixture
async def careless():
    kept.append(asyncio.create_task(asyncio.Event().wait(), name="forgotten by fixture"))

async def test_fixture(careless):
    pass
"""

MESSAGES = (
    ("test_task", "task 'forgotten'*wait*"),
    ("test_timer", "armed timer, due in*print*"),
    ("test_transport", "open transport: *_SelectorSocketTransport*"),
    ("test_process", "open transport: *_UnixSubprocessTransport*"),
    ("test_socket", "open socket, made at *test_leaking.py:2?: *"),
    ("test_loop_without_runner", "armed timer*"),
    ("test_asyncio_run", "task 'forgotten by run'*"),
    ("test_fixture", "task 'forgotten by fixture'*"),
)

CLEAN = """
import asyncio, socket, tempfile
import pytest

@pytest.fixture(scope="module")
def shared():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server

@pytest.fixture
async def own():
    task = asyncio.create_task(asyncio.Event().wait())
    yield task
    task.cancel()

async def test_everything_given_back(shared, own):
    async with asyncio.timeout(3600):
        reader, writer = await asyncio.open_connection(*shared.getsockname())
        peer, _ = shared.accept()
        peer.close()
        writer.close()
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    asyncio.get_running_loop().call_later(3600, print).cancel()

def test_own_loops():
    asyncio.run(asyncio.sleep(0))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

def test_unix():
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX) as client,
    ):
        server.bind(folder + "/s")
        server.listen()
        client.connect(folder + "/s")

@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "localhost"])
def test_loopback(host):
    with socket.socket() as client:
        assert client.connect_ex((host, 1))
"""

REACHING_OUT = """
import asyncio, socket
import pytest

@pytest.mark.parametrize("host", ["192.0.2.1", "example.org", "10.0.0.1"])
def test_connect(host):
    with socket.socket() as client:
        with pytest.raises(RuntimeError):
            client.connect((host, 80))

def test_swallowed():
    with socket.socket(socket.AF_INET6) as client:
        try:
            client.connect_ex(("2001:db8::1", 80))
        except RuntimeError:
            pass

async def test_loop():
    with pytest.raises(RuntimeError):
        await asyncio.open_connection("192.0.2.1", 80)
"""

FAILING = """
import socket
kept = []

def test_failing():
    kept.append(socket.socket())
    assert kept == []
"""


def run(pytester: pytest.Pytester, source: str, name: str) -> pytest.RunResult:
    shutil.copy(ROOT / "conftest.py", pytester.path / "conftest.py")
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        "filterwarnings = error\naddopts = -p no:cacheprovider --import-mode=importlib\n"
    )
    pytester.makepyfile(**{name: source})
    return pytester.runpytest_subprocess("-q")


def test_whatever_is_left_fails_the_test_that_left_it(pytester: pytest.Pytester) -> None:
    result = run(pytester, LEAKING, "test_leaking")
    result.assert_outcomes(passed=len(MESSAGES), errors=len(MESSAGES))
    for name, message in MESSAGES:
        result.stdout.fnmatch_lines([f"*ERROR at teardown of {name} *", f"*  {message}"])


def test_what_is_given_back_or_belongs_to_a_wider_scope_is_fine(pytester: pytest.Pytester) -> None:
    run(pytester, CLEAN, "test_clean").assert_outcomes(passed=6)


def test_only_this_machine_can_be_reached(pytester: pytest.Pytester) -> None:
    result = run(pytester, REACHING_OUT, "test_reaching_out")
    result.assert_outcomes(passed=5, errors=5)
    for host in ("192.0.2.1", "example.org", "10.0.0.1", "2001:db8::1"):
        result.stdout.fnmatch_lines([f"the test tried to connect to ('{host}', 80*"])


def test_a_failing_test_is_not_blamed_twice(pytester: pytest.Pytester) -> None:
    run(pytester, FAILING, "test_failing").assert_outcomes(failed=1)
