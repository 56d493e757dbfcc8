"""The checks of `hatch run lint` that are written here, on a copy that breaks them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from packaging.version import Version

from tools.checks.build_hooks import check_build_hooks
from tools.checks.fragments import check_fragments
from tools.checks.private_names import check_private_names
from tools.checks.ranges import check_ranges, series_of
from tools.workspace import load_members, member_named

CONNECTOR = "packages/connector/src/whimbrel_connector/broken.py"


@pytest.mark.parametrize(
    ("file", "line", "name"),
    [
        (CONNECTOR, "import whimbrel_http_parser._grammar", "whimbrel_http_parser._grammar"),
        (
            CONNECTOR,
            "from whimbrel_http_parser._grammar import x",
            "whimbrel_http_parser._grammar.x",
        ),
        (CONNECTOR, "from whimbrel_http_parser import _x", "whimbrel_http_parser._x"),
        (CONNECTOR, "def f():\n    from whimbrel_http_parser import _x", "whimbrel_http_parser._x"),
        (
            CONNECTOR,
            "import whimbrel_http_parser as p\np.reader._x()",
            "whimbrel_http_parser.reader._x",
        ),
        (
            CONNECTOR,
            "import whimbrel_http_parser.reader\nwhimbrel_http_parser._x",
            "whimbrel_http_parser._x",
        ),
        (
            CONNECTOR,
            "from whimbrel_http_parser import ResponseReader\nResponseReader._x = 1",
            "whimbrel_http_parser.ResponseReader._x",
        ),
        (
            "packages/client/tests/test_broken.py",
            "from whimbrel_connector import _pool",
            "whimbrel_connector._pool",
        ),
        (
            "tools/broken.py",
            "from whimbrel_connector._pool import Pool",
            "whimbrel_connector._pool.Pool",
        ),
        ("tests-integration/test_broken.py", "from whimbrel import _x", "whimbrel._x"),
    ],
)
def test_a_reach_for_a_private_name_is_found(
    workspace_copy: Path, file: str, line: str, name: str
) -> None:
    path = workspace_copy / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(line)
    last_line = line.count("\n") + 1
    assert check_private_names(workspace_copy) == [
        f"{file}:{last_line}: {name} is private to its package"
    ]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (CONNECTOR, "from whimbrel_connector._pool import Pool\nPool._x"),
        (CONNECTOR, "from . import _pool\nfrom ._pool import _x"),
        (CONNECTOR, "from whimbrel_http_parser import ResponseReader\nResponseReader().x"),
        (CONNECTOR, "import whimbrel_http_parser\nwhimbrel_http_parser.__version__"),
        (CONNECTOR, "import asyncio\nasyncio._get_running_loop"),
        ("packages/connector/tests/test_fine.py", "from whimbrel_connector import _pool"),
    ],
)
def test_a_packages_own_private_names_are_its_own(
    workspace_copy: Path, file: str, line: str
) -> None:
    path = workspace_copy / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(line)
    assert check_private_names(workspace_copy) == []


@pytest.mark.parametrize(
    ("version", "series"),
    [("0.1.0", "<0.2,>=0.1"), ("0.9.3", "<0.10,>=0.9"), ("2.4.1", "<3,>=2.4")],
)
def test_series(version: str, series: str) -> None:
    assert str(series_of(Version(version))) == series


@pytest.mark.parametrize(
    ("version", "written", "accepted"),
    [
        ("0.1.0", ">=0.1,<0.2", True),
        ("0.1.7", ">=0.1,<0.2", True),
        ("0.2.0", ">=0.1,<0.2", False),
        ("0.2.0", ">=0.1,<0.3", False),
        ("0.2.0", ">=0.2", False),
        ("0.2.0", ">=0.2.0,<0.3", False),
        ("0.2.0", ">=0.3,<0.4", False),
        ("0.2.0", ">=0.2,<0.3,!=0.2.1", False),
        ("0.2.0", "~=0.2", False),
        ("1.4.0", ">=1.2,<2", True),
        ("1.4.0", ">=1.5,<2", False),
        ("2.0.0", ">=1.2,<2", False),
    ],
)
def test_a_range_has_the_one_form_and_admits_the_tree(
    workspace_copy: Path, version: str, written: str, accepted: bool
) -> None:
    pyproject = workspace_copy / "packages/connector/pyproject.toml"
    text = pyproject.read_text().replace("whimbrel-http-parser>=0.1,<0.2", "REQUIREMENT")
    assert "REQUIREMENT" in text
    pyproject.write_text(text.replace("REQUIREMENT", f"whimbrel-http-parser{written}"))
    member_named(load_members(workspace_copy), "http-parser").write_version(Version(version))

    findings = [f for f in check_ranges(workspace_copy) if f.startswith("packages/connector")]

    assert len(findings) == (not accepted)
    assert all("whimbrel-http-parser" in f and version in f for f in findings)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("+good-one.added.md", "Text.", None),
        ("123.fixed.md", "Text.", None),
        (".gitignore", "", None),
        ("+odd.improved.md", "Text.", "a fragment is called"),
        ("no-plus.added.md", "Text.", "a fragment is called"),
        ("+text.added.rst", "Text.", "a fragment is called"),
        ("+added.md", "Text.", "a fragment is called"),
        ("+empty.added.md", " \n", "the fragment is empty"),
    ],
)
def test_fragment_names(workspace_copy: Path, name: str, text: str, problem: str | None) -> None:
    path = workspace_copy / "packages/cookiejar/changes" / name
    path.write_text(text)
    findings = check_fragments(workspace_copy)
    assert len(findings) == (problem is not None)
    assert all(f"cookiejar/changes/{name}: {problem}" in finding for finding in findings)


_MODULES = '[tool.hatch.build.targets.wheel.hooks.custom]\nmodules = ["jar"]\n'


@pytest.mark.parametrize(
    ("modules", "change", "finding"),
    [
        (_MODULES, lambda hook: hook.write_text("# another\n"), "differs; edit packages/http-p"),
        (_MODULES, lambda hook: hook.unlink(), "is missing; copy packages/http-parser/hatch_b"),
        ("", lambda hook: None, "pyproject.toml names no modules"),
    ],
)
def test_the_build_hook_is_the_same_where_it_is_of_use(
    workspace_copy: Path, modules: str, change: Callable[[Path], object], finding: str
) -> None:
    assert check_build_hooks(workspace_copy) == []
    packages = workspace_copy / "packages"
    hook = packages / "cookiejar" / "hatch_build.py"
    hook.write_bytes((packages / "http-parser" / "hatch_build.py").read_bytes())
    with (packages / "cookiejar" / "pyproject.toml").open("a", encoding="utf-8") as project:
        project.write(f"\n{modules}")
    change(hook)
    (found,) = check_build_hooks(workspace_copy)
    assert found.startswith("packages/cookiejar/hatch_build.py")
    assert finding in found


def test_the_command_prints_what_it_found_and_fails(
    workspace_copy: Path, run_in: Callable[..., CompletedProcess[str]]
) -> None:
    (workspace_copy / "packages/cookiejar/changes/nonsense").touch()
    (workspace_copy / CONNECTOR).write_text("from whimbrel_http_parser import _x")
    result = run_in(sys.executable, "-m", "tools.checks")
    assert result.returncode == 1
    assert "cookiejar/changes/nonsense: a fragment is called" in result.stderr
    assert f"{CONNECTOR}:1: whimbrel_http_parser._x is private" in result.stderr


def test_the_command_says_that_all_is_well(
    run_in: Callable[..., CompletedProcess[str]],
) -> None:
    result = run_in(sys.executable, "-m", "tools.checks")
    assert (result.returncode, result.stderr) == (0, "")
    assert "all checks passed" in result.stdout
