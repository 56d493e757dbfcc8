"""The bench harness on a tiny case of its own: the rivals are in another environment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

import whimbrel
from tools.bench.harness import Case, Operations, Variant, children_time, measure
from tools.bench.loops import AsyncOperations, on_a_loop
from tools.bench.report import table, write_json
from tools.bench.server import BODY, serving


def spinning(turns: int, calls: list[str], name: str) -> Variant:
    @contextmanager
    def opened() -> Iterator[Operations]:
        calls.append(f"open {name}")

        def run(count: int) -> None:
            calls.append(name)
            for _ in range(count * turns):
                pass

        yield run
        calls.append(f"close {name}")

    return Variant(name, opened)


def test_variants_are_measured_in_turn_and_compared_within_a_round() -> None:
    calls: list[str] = []
    case = Case(
        "spin", "turns of a loop", (spinning(40_000, calls, "a"), spinning(10_000, calls, "b"))
    )
    ours, rival = measure(case, rounds=5, sample=0.005)
    assert calls[:2] == ["open a", "open b"]
    assert calls[-12:] == ["a", "b"] * 5 + ["close b", "close a"]
    assert rival.ratio == 1
    assert ours.ratio > 1  # it does four times as much
    assert len(ours.samples) == 5


def keeping(size: int, name: str) -> Variant:
    @contextmanager
    def opened() -> Iterator[Operations]:
        kept: list[bytes] = []

        def run(count: int) -> None:
            kept.extend(bytes(size) for _ in range(count))
            [None] * size  # what does not stay does not count

        yield run

    return Variant(name, opened)


def test_memory_is_what_stays_of_each_thing() -> None:
    case = Case("keep", "bytes", (keeping(8000, "a"), keeping(2000, "b")), things=100)
    ours, rival = measure(case, rounds=2, sample=0.001)
    assert ours.unit == "B"
    assert 8000 < ours.median < 8100
    assert 2000 < rival.median < 2100
    assert 3.9 < ours.ratio < 4.1
    assert "B     1.00 x b" in table(case, [rival])


def test_the_table_and_the_file_tell_what_was_measured(tmp_path: Path) -> None:
    case = Case("spin", "turns of a loop", (spinning(100, [], "a"), spinning(100, [], "b")))
    measured = measure(case, rounds=2, sample=0.001)
    text = table(case, measured)
    assert "spin: turns of a loop" in text
    assert text.count("x b") == 2

    path = tmp_path / "bench.json"
    write_json(path, measured)
    data = json.loads(path.read_text())
    assert data["environment"]["python"]
    assert [m["variant"] for m in data["measurements"]] == ["a", "b"]
    assert all(len(m["samples"]) == 2 for m in data["measurements"])


def test_a_case_over_the_servers_runs() -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        with serving() as ports:
            async with (
                whimbrel.ClientSession() as session,
                session.ws_connect(f"ws://127.0.0.1:{ports.websocket}/") as websocket,
            ):

                async def run(count: int) -> None:
                    for _ in range(count):
                        async with session.get(f"http://127.0.0.1:{ports.http}/") as response:
                            assert await response.read() == BODY
                        await websocket.send_bytes(b"hello")
                        assert await websocket.receive_bytes() == b"hello"

                yield run

    case = Case("echo", "a GET and an echo", (Variant("whimbrel", on_a_loop(opened)),))
    [measured] = measure(case, rounds=2, sample=0.001)
    assert measured.ratio == 1
    assert measured.median > 0


def test_a_wrong_result_is_no_measurement() -> None:
    @contextmanager
    def opened() -> Iterator[Operations]:
        def run(count: int) -> None:
            raise AssertionError("this is not what was sent")

        yield run

    with pytest.raises(AssertionError, match="not what was sent"):
        measure(Case("wrong", "", (Variant("x", opened),)), rounds=1, sample=0.001)


def test_time_of_children_is_theirs_alone() -> None:
    work = "sum(range(20_000_000))"
    before = children_time()
    exec(work)  # what a child does below
    assert children_time() == before
    subprocess.run([sys.executable, "-S", "-c", work], check=True)
    assert children_time() > before
