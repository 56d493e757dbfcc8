"""The fuzz targets hold on their seeds and on what hypothesis makes of them, without atheris."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tools.fuzz.__main__ import bounds_of, main, plan_of
from tools.fuzz.dictionaries import DICTIONARIES, dictionary_text
from tools.fuzz.findings import Finding, Recorder
from tools.fuzz.mutation import CorpusMutator
from tools.fuzz.runs import Bounds, compiled_packages, executed_units
from tools.fuzz.targets import TARGETS
from tools.fuzz.targets._pieces import pieces_of

Fuzz = Callable[..., "CompletedProcess[str]"]

CASES = [(name, seed) for name, (_, seeds) in TARGETS.items() for seed in seeds]


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_a_target_holds_on_its_seeds(name: str, seed: bytes) -> None:
    TARGETS[name][0](seed)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_target_holds_on_mutated_seeds(name: str, data: st.DataObject) -> None:
    check, seeds = TARGETS[name]
    seed = data.draw(st.sampled_from(list(seeds)))
    place = data.draw(st.integers(0, len(seed)))
    cut = data.draw(st.integers(0, 3))
    check(seed[:place] + data.draw(st.binary(max_size=4)) + seed[place + cut :])


@given(data=st.binary(max_size=50), sizes=st.binary(max_size=5))
@example(data=b"abc", sizes=b"")
def test_pieces_are_the_whole(data: bytes, sizes: bytes) -> None:
    pieces = pieces_of(data, sizes)
    assert b"".join(pieces) == data
    assert all(pieces)


def check_letters(data: bytes) -> None:
    if b"a" in data:
        raise ValueError("an a")
    assert b"b" not in data, "a b"


def test_each_failure_is_noted_once_with_its_shortest_input(tmp_path: Path) -> None:
    check = Recorder(check_letters, tmp_path)
    for data in (b"..", b"..a", b".b", b".a", b"..ba", b".", b"b"):
        check(data)
    assertion, value = Finding.read_all(tmp_path, "unused")
    assert re.fullmatch(r"AssertionError-test_fuzz-[0-9]+", assertion.name)
    assert (assertion.data, value.data) == (b"b", b".a")
    assert "AssertionError: a b" in assertion.report
    assert "ValueError: an a" in value.report


def test_nothing_is_noted_of_a_target_that_holds(tmp_path: Path) -> None:
    Recorder(check_letters, tmp_path)(b"")
    assert Finding.read_all(tmp_path, "") == []


def test_an_input_that_ended_the_process_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "crash-0123").write_bytes(b"boom")
    assert Finding.read_all(tmp_path, "the log") == [Finding("crash-0123", b"boom", "the log")]


def test_a_finding_is_kept_until_a_shorter_input_shows_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    for data, report in ((b"12", "first"), (b"123", "longer"), (b"34", "as long"), (b"1", "last")):
        Finding("E-x-1", data, report).write(folder, "target-")
        kept = (folder / "target-E-x-1.input").read_bytes()
        assert kept == (b"1" if report == "last" else b"12")
    assert (folder / "target-E-x-1.txt").read_text() == "last"


@given(seed=st.integers(0, 2**32 - 1), maximum=st.integers(1, 9))
def test_a_mutant_comes_from_the_corpus_by_a_few_mutations(seed: int, maximum: int) -> None:
    corpus = [b"", b"short", b"longer than that"]
    calls = []

    def mutate(data: bytes, most: int) -> bytes:
        assert len(data) <= most == maximum
        calls.append(data)
        return data[::-1]

    mutant = CorpusMutator(corpus, mutate)(b"whatever", maximum, seed)
    assert calls[0] in {unit[:maximum] for unit in corpus}
    assert 1 <= len(calls) <= 4
    assert mutant == (calls[0][::-1] if len(calls) % 2 else calls[0])


def test_every_member_of_the_corpus_is_mutated_in_every_depth() -> None:
    mutator = CorpusMutator([b"a", b"b", b"c"], lambda data, _: data + b".")
    mutants = {mutator(b"", 10, seed) for seed in range(12)}
    assert mutants == {name + b"." * depth for name in (b"a", b"b", b"c") for depth in range(1, 5)}


def test_only_what_uses_compiled_packages_is_run_compiled() -> None:
    assert compiled_packages("response_reader") == {"whimbrel_http_parser"}
    assert compiled_packages("set_cookie") == frozenset()
    assert compiled_packages("websocket_frames") == {"whimbrel_websocket_client"}
    names = ["set_cookie", "response_reader"]
    assert plan_of(names, "interpreted") == [(name, "interpreted") for name in names]
    assert plan_of(names, "compiled") == [("response_reader", "compiled")]
    assert plan_of(names, "both") == [
        ("set_cookie", "interpreted"),
        ("response_reader", "interpreted"),
        ("response_reader", "compiled"),
    ]


@pytest.mark.parametrize(
    ("seconds", "runs", "expected"),
    [
        (None, None, ["-max_total_time=20", "-max_len=1024"]),
        (3, None, ["-max_total_time=3", "-max_len=1024"]),
        (None, 5, ["-runs=5", "-max_len=1024"]),
        (3, 5, ["-max_total_time=3", "-runs=5", "-max_len=1024"]),
    ],
)
def test_a_run_ends_at_the_first_bound(
    seconds: int | None, runs: int | None, expected: list[str]
) -> None:
    bounds = bounds_of(argparse.Namespace(seconds=seconds, runs=runs))
    assert bounds.options() == expected
    assert bounds == (Bounds(20) if seconds is runs is None else Bounds(seconds, runs))


def test_how_many_inputs_were_run_is_read_from_the_log() -> None:
    assert executed_units("a\nstat::number_of_executed_units: 1234\nb 5") == 1234
    assert executed_units("nothing of the kind: 5") == 0


def test_a_dictionary_has_a_quoted_word_a_line() -> None:
    assert dictionary_text([b"a\r", b'"\\']) == '"\\x61\\x0d"\n"\\x22\\x5c"\n'
    for words in DICTIONARIES.values():
        assert all(words)
        assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["cookies"], "no target is called 'cookies'; there are "),
        (["--minimise"], "--minimise needs --corpus"),
        (["set_cookie", "--mode", "compiled"], "no target of set_cookie uses what is compiled"),
        (["--mode", "fast"], "invalid choice: 'fast'"),
    ],
)
def test_what_cannot_be_done_is_a_usage_error(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


_STAND_IN = '''
"""As much of atheris as runs what is in the folders, round and round, or merges them."""
import contextlib
import pathlib
import shutil
import sys


def instrument_imports(include, exclude):
    assert all(map(str.isidentifier, include)), include
    return contextlib.nullcontext()


def Setup(arguments, check, custom_mutator=None):
    global command, test, mutator
    command, test, mutator = arguments, check, custom_mutator


def Mutate(data, maximum):
    return data[: maximum - 1] + b"~"


def Fuzz():
    options = dict(a[1:].split("=") for a in command[1:] if a.startswith("-"))
    folders = [pathlib.Path(a) for a in command[1:] if not a.startswith("-")]
    units = [path for folder in folders for path in sorted(folder.iterdir())]
    if "merge" in options:
        print("MERGE-OUTER: stand-in")
        for path in units:
            if path.name.startswith("good"):
                shutil.copy(path, folders[0] / path.name)
        sys.exit(0)
    for number in range(int(options["runs"])):
        data = units[number % len(units)].read_bytes()
        test(data if mutator is None else mutator(data, int(options["max_len"]), number))
    (folders[0] / "good-1").write_bytes(b"found")
    print("stat::number_of_executed_units:", options["runs"])
    sys.exit(0)
'''


@pytest.fixture
def stand_in(workspace_copy: Path) -> None:
    """Put a stand-in for atheris into the copy of the workspace."""
    (workspace_copy / "atheris.py").write_text(_STAND_IN)


@pytest.fixture
def fuzz_in_copy(stand_in: None, run_in: Fuzz) -> Fuzz:
    """Run the command in the copy of the workspace."""
    return lambda *arguments: run_in(sys.executable, "-m", "tools.fuzz", *arguments)


def test_the_command_fuzzes_and_keeps_a_corpus_and_minimises_it(
    fuzz_in_copy: Fuzz, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    for _ in range(2):
        result = fuzz_in_copy("set_cookie", "websocket_frames", "--runs=9", f"--corpus={corpus}")
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines() == [
            "set_cookie, interpreted: 9 inputs, held",
            "websocket_frames, interpreted: 9 inputs, held",
            "18 inputs in all",
        ]
    (corpus / "set_cookie" / "bad").write_bytes(b"covers nothing")
    result = fuzz_in_copy("set_cookie", "--minimise", f"--corpus={corpus}")
    assert result.stdout == "set_cookie: 1 of 2 inputs cover what the seeds do not\n"
    assert [path.name for path in (corpus / "set_cookie").iterdir()] == ["good-1"]


def test_the_command_shows_and_keeps_what_fails(
    fuzz_in_copy: Fuzz, workspace_copy: Path, tmp_path: Path
) -> None:
    target = workspace_copy / "tools/fuzz/targets/set_cookie.py"
    broken = target.read_text().replace(
        "for line in data[1:]", "assert not data\n    for line in data"
    )
    assert broken != target.read_text()
    target.write_text(broken)
    result = fuzz_in_copy("set_cookie", "--runs=5", f"--findings={tmp_path / 'found'}")
    assert result.returncode == 1
    assert result.stdout.startswith("set_cookie, interpreted: 5 inputs, FAILED (findings: 1)\n")
    assert "assert not data\n" in result.stderr
    data, text = sorted((tmp_path / "found").iterdir())
    assert data.name.startswith("set_cookie-interpreted-AssertionError-set_cookie-")
    assert repr(data.read_bytes()) in result.stderr
    assert "assert not data\n" in text.read_text()


def test_a_worker_that_does_not_begin_is_an_error(fuzz_in_copy: Fuzz, workspace_copy: Path) -> None:
    (workspace_copy / "tools/fuzz/mutation.py").write_text("raise RuntimeError('broken')\n")
    result = fuzz_in_copy("set_cookie", "--runs=5")
    assert result.returncode == 1
    assert "set_cookie, interpreted: the fuzzer ended early\n" in result.stderr
    assert "RuntimeError: broken" in result.stderr


def test_a_mode_is_never_silently_the_other_one(
    run_in: Fuzz, workspace_copy: Path, stand_in: None, tmp_path: Path
) -> None:
    worker = (sys.executable, "-m", "tools.fuzz.worker", "response_reader")
    options = (str(tmp_path), "-runs=5", "-max_len=100", str(tmp_path))
    result = run_in(*worker, "compiled", *options)
    assert result.returncode == 1
    assert re.fullmatch(r"the mode is compiled, and \S+__init__\.py is not\n", result.stderr)
    init = workspace_copy / "packages/http-parser/src/whimbrel_http_parser/__init__.py"
    init.write_text(init.read_text() + "\nCOMPILED = True\n")
    result = run_in(*worker, "interpreted", *options)
    assert result.returncode == 1
    assert re.fullmatch(r"the mode is interpreted, and \S+__init__\.py is not\n", result.stderr)


def test_the_compiled_mode_mutates_the_corpus(
    run_in: Fuzz, workspace_copy: Path, stand_in: None, tmp_path: Path
) -> None:
    init = workspace_copy / "packages/http-parser/src/whimbrel_http_parser/__init__.py"
    init.write_text(init.read_text() + "\nCOMPILED = True\n")
    target = workspace_copy / "tools/fuzz/targets/response_reader.py"
    target.write_text(
        f"{target.read_text()}\n\ndef check_response_reader(data):\n    assert not data, data\n"
    )
    for folder, data in (("found", b""), ("a", b"abc"), ("b", b"1234")):
        (tmp_path / folder).mkdir()
        if data:
            (tmp_path / folder / "unit").write_bytes(data)
    worker = (sys.executable, "-m", "tools.fuzz.worker", "response_reader", "compiled")
    folders = [str(tmp_path / name) for name in "ab"]
    result = run_in(*worker, str(tmp_path / "found"), "-runs=6", "-max_len=100", *folders)
    assert result.returncode == 0, result.stderr
    (finding,) = Finding.read_all(tmp_path / "found", "")
    assert finding.data == b"abc~"
