"""What is around the Autobahn TestSuite: finding Python 2, the server, the client, the verdict."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tools.autobahn.__main__ import failures_of, main
from tools.autobahn.client import AGENT, CALLBACK, run_cases
from tools.autobahn.report import Outcome, fault, read_outcomes, table
from tools.autobahn.suite import find_python2, install, serving, specification
from tools.workspace import WorkspaceError

INTERPRETER = """#!/bin/sh
echo {version}
"""
SERVER = """#!/bin/sh
echo '{"port": 12345, "cases": ["1.1.1", "1.1.2"]}'
echo "the suite babbles" >&2
"""


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has no Python 2 yet; the folder is on PATH."""
    folder = tmp_path / "path"
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.delenv("WHIMBREL_PYTHON2", raising=False)
    return folder


def test_a_machine_without_python2_is_told_what_to_do(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 1
    message = capsys.readouterr().err
    assert "no Python 2.7" in message
    assert "WHIMBREL_PYTHON2" in message


def test_python2_on_the_path_is_found(nowhere: Path) -> None:
    wanted = program(nowhere / "python2.7", INTERPRETER.format(version="2.7"))
    assert find_python2() == wanted


def test_python2_of_pyenv_is_found_when_its_shim_does_not_run(nowhere: Path) -> None:
    program(nowhere / "python2.7", "#!/bin/sh\nexit 127\n")
    wanted = nowhere.parent / "pyenv/versions/2.7.18/bin/python2.7"
    program(wanted, INTERPRETER.format(version="2.7"))
    assert find_python2() == wanted


def test_the_variable_goes_first(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(nowhere / "python2.7", INTERPRETER.format(version="2.7"))
    wanted = program(nowhere.parent / "elsewhere", INTERPRETER.format(version="2.7"))
    monkeypatch.setenv("WHIMBREL_PYTHON2", str(wanted))
    assert find_python2() == wanted


@pytest.mark.parametrize("named", [sys.executable, "/nowhere/python2.7"])
def test_a_variable_that_names_something_else_is_an_error(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    program(nowhere / "python2.7", INTERPRETER.format(version="2.7"))
    monkeypatch.setenv("WHIMBREL_PYTHON2", named)
    with pytest.raises(WorkspaceError, match=r"which does not run Python 2\.7"):
        find_python2()


def test_what_cannot_be_installed_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="virtualenv"):
        install(tmp_path / "missing", tmp_path / "environment")
    assert not (tmp_path / "environment" / "installed.txt").exists()


def test_the_specification_leaves_nothing_out(tmp_path: Path) -> None:
    written = json.loads(specification(["7.*"], tmp_path))
    assert written["cases"] == ["7.*"]
    assert written["exclude-cases"] == []
    assert written["exclude-agent-cases"] == {}
    assert written["outdir"] == str(tmp_path)


def test_a_server_is_told_by_its_first_line_and_ended_by_its_input(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    python2 = program(tmp_path / "python2", f"{SERVER}cat\ntouch {ended}\n")
    (tmp_path / "reports").mkdir()
    stale = tmp_path / "reports" / "index.json"
    stale.write_text("{}")
    with serving(python2, tmp_path, ["1.*"], 10) as server:
        assert server.url == "ws://127.0.0.1:12345"
        assert server.cases == ("1.1.1", "1.1.2")
        assert not stale.exists()
        assert not ended.exists()
    assert ended.exists()
    assert (tmp_path / "server.log").read_text() == "the suite babbles\n"


def test_a_server_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    python2 = program(tmp_path / "python2", "#!/bin/sh\necho 'no module twisted' >&2; exit 1\n")
    with (
        pytest.raises(WorkspaceError, match="does not start:\nno module twisted"),
        serving(python2, tmp_path, ["*"], 10),
    ):
        pytest.fail("it did not start")


def test_a_server_that_ends_in_the_middle_is_quoted(tmp_path: Path) -> None:
    python2 = program(tmp_path / "python2", SERVER)
    with (
        pytest.raises(WorkspaceError, match="has ended:\nthe suite babbles") as caught,
        serving(python2, tmp_path, ["*"], 10),
    ):
        raise ConnectionError("a consequence")
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_what_goes_wrong_while_the_server_runs_is_not_its_fault(tmp_path: Path) -> None:
    python2 = program(tmp_path / "python2", SERVER + "exec cat\n")
    with (
        pytest.raises(ConnectionError, match="something else"),
        serving(python2, tmp_path, ["*"], 10),
    ):
        raise ConnectionError("something else")


async def test_the_client_echoes_each_case_and_asks_for_its_result() -> None:
    asked: list[str] = []
    echoes: list[str | bytes] = []

    def refuse(connection: ServerConnection, request: Request) -> Response | None:
        path, query = urlsplit(request.path).path, dict(parse_qsl(urlsplit(request.path).query))
        assert query["agent"] == AGENT
        asked.append(f"{path} {query.get('casetuple')}")
        return connection.respond(403, "") if query.get("casetuple") == "9.9.9" else None

    async def take_case(connection: ServerConnection) -> None:
        assert connection.request is not None
        if connection.request.path.startswith("/runCase"):
            for message in ("text", b"octets"):
                await connection.send(message)
                echoes.append(await connection.recv())
        else:
            await connection.send("{}")

    async with serve(take_case, "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        problems = await run_cases(f"ws://127.0.0.1:{port}", ["1.1.1", "9.9.9", "1.1.2"])
    assert echoes.count("text") == echoes.count(b"octets") == 2
    cases = [
        f"{path} {case}" for case in ("1.1.1", "1.1.2") for path in ("/runCase", "/getCaseStatus")
    ]
    assert sorted(asked) == sorted([*cases, "/runCase 9.9.9", "/updateReports None"])
    assert asked[-1] == "/updateReports None"
    [(case, trace)] = problems.items()
    assert case == "9.9.9"
    assert "WSServerHandshakeError" in trace


def test_outcomes_are_read_from_the_reports(tmp_path: Path) -> None:
    behaviors = {"behavior": "NON-STRICT", "behaviorClose": "OK", "reportfile": "case.json"}
    (tmp_path / "index.json").write_text(json.dumps({AGENT: {"2.1": behaviors}, "other": {}}))
    words = {"description": "one", "expectation": "two", "result": "three", "resultClose": "four"}
    (tmp_path / "case.json").write_text(json.dumps(words))
    found, missing = read_outcomes(tmp_path, AGENT, ["2.1", "2.2"])
    assert found[:3] == ("2.1", "NON-STRICT", "OK")
    assert found.explanation == "one\nexpected: two\nresult: three\nclosing: four"
    assert missing[:3] == ("2.2", "MISSING", "MISSING")
    assert [outcome.behavior for outcome in read_outcomes(tmp_path, "nobody", ["2.1"])] == [
        "MISSING"
    ]


def test_without_reports_everything_is_missing(tmp_path: Path) -> None:
    assert [outcome.close for outcome in read_outcomes(tmp_path, AGENT, ["2.1"])] == ["MISSING"]


@pytest.mark.parametrize(
    ("case", "behavior", "close", "wanted"),
    [
        ("1.1.1", "OK", "OK", None),
        ("7.1.6", "INFORMATIONAL", "INFORMATIONAL", None),
        ("7.13.1", "INFORMATIONAL", "INFORMATIONAL", None),
        ("7.13.2", "INFORMATIONAL", "INFORMATIONAL", None),
        ("7.13.2", "OK", "OK", "is OK, not INFORMATIONAL and closes OK, not INFORMATIONAL"),
        ("1.1.1", "INFORMATIONAL", "OK", "is INFORMATIONAL, not OK"),
        ("1.1.1", "NON-STRICT", "OK", "is NON-STRICT, not OK"),
        ("1.1.1", "FAILED", "FAILED", "is FAILED, not OK and closes FAILED, not OK"),
        ("1.1.1", "UNIMPLEMENTED", "OK", "is UNIMPLEMENTED, not OK"),
        ("1.1.1", "OK", "UNCLEAN", "closes UNCLEAN, not OK"),
        ("1.1.1", "OK", "WRONG CODE", "closes WRONG CODE, not OK"),
        ("1.1.1", "MISSING", "MISSING", "is MISSING, not OK and closes MISSING, not OK"),
    ],
)
def test_a_case_must_be_ok_and_close_cleanly_or_be_informational(
    case: str, behavior: str, close: str, wanted: str | None
) -> None:
    assert fault(Outcome(case, behavior, close)) == wanted


def test_the_table_counts_by_section_in_order() -> None:
    outcomes = [
        Outcome("10.1.1", "OK", "OK"),
        Outcome("2.1", "OK", "UNCLEAN"),
        Outcome("2.2", "NON-STRICT", "OK"),
        Outcome("7.1.6", "INFORMATIONAL", "INFORMATIONAL"),
        Outcome("12.1.1", "UNIMPLEMENTED", "OK"),
        Outcome("12.1.2", "MISSING", "MISSING"),
    ]
    head, *rows = table(outcomes).splitlines()
    assert head.split() == ["cases", "OK", "informational", "non-strict", "failed", "unclean"]
    assert [(row.split()[0], row.split()[-6:]) for row in rows] == [
        ("2", ["2", "1", "0", "1", "0", "1"]),
        ("7", ["1", "0", "1", "0", "0", "0"]),
        ("10", ["1", "1", "0", "0", "0", "0"]),
        ("12", ["2", "0", "0", "0", "2", "1"]),
        ("all", ["6", "2", "1", "1", "2", "2"]),
    ]
    assert {len(line) for line in (head, *rows)} == {len(head)}


def test_a_failure_has_the_suites_words_and_the_clients() -> None:
    outcomes = [
        Outcome("1.1.1", "OK", "OK", "fine"),
        Outcome("1.1.2", "FAILED", "OK", "not fine"),
        Outcome("1.1.3", "OK", "OK", "fine as well"),
    ]
    assert failures_of(outcomes, {"1.1.3": "Traceback\n", CALLBACK: "another\n"}) == [
        "1.1.2 is FAILED, not OK\nnot fine",
        "1.1.3 makes the client raise\nfine as well\nTraceback",
        "a callback of the event loop raised\nanother\n",
    ]
    assert failures_of(outcomes[:1], {}) == []
