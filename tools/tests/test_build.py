"""Builds, made for real of one package and of broken copies of it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tools.build import build_member, check_wheel
from tools.workspace import Member, WorkspaceError, load_members, member_named


@pytest.fixture
def cookiejar(workspace_copy: Path) -> Member:
    """The smallest pure package, in the copy."""
    return member_named(load_members(workspace_copy), "cookiejar")


def test_a_package_builds_and_replaces_what_was_built_before(
    cookiejar: Member, tmp_path: Path
) -> None:
    out = tmp_path / "dist"
    out.mkdir()
    (out / "whimbrel_cookiejar-0.0.1.tar.gz").touch()
    (out / "whimbrel_cookiejar-0.0.1-py3-none-any.whl").touch()
    (out / "whimbrel_connector-0.0.1.tar.gz").touch()

    sdist, wheel = build_member(cookiejar, out, isolated=False)

    assert {path.name for path in out.iterdir()} >= {sdist.name, wheel.name}
    assert not (out / "whimbrel_cookiejar-0.0.1.tar.gz").exists()
    assert (out / "whimbrel_connector-0.0.1.tar.gz").exists()
    assert wheel.name == f"whimbrel_cookiejar-{cookiejar.version}-py3-none-any.whl"


def test_a_wheel_without_py_typed_is_refused(cookiejar: Member, tmp_path: Path) -> None:
    (cookiejar.version_file.parent / "py.typed").unlink()
    with pytest.raises(WorkspaceError, match=r"has no py\.typed"):
        build_member(cookiejar, tmp_path / "dist", isolated=False)


def test_an_sdist_without_the_changelog_is_refused(cookiejar: Member, tmp_path: Path) -> None:
    (cookiejar.folder / "CHANGELOG.md").unlink()
    with pytest.raises(WorkspaceError, match=r"lacks CHANGELOG\.md"):
        build_member(cookiejar, tmp_path / "dist", isolated=False)


def test_a_package_that_does_not_build_shows_why(cookiejar: Member, tmp_path: Path) -> None:
    pyproject = cookiejar.folder / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('readme = "README.md"', 'readme = "NO.md"'))
    with pytest.raises(WorkspaceError, match=r"(?s)does not build.*NO\.md"):
        build_member(cookiejar, tmp_path / "dist", isolated=False)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"whimbrel_cookiejar/jar.py": None}, "lacks whimbrel_cookiejar/jar.py"),
        ({"tests/test_jar.py": b""}, "should not hold tests/test_jar.py"),
        ({"stray__mypyc.so": b""}, "should not hold stray__mypyc.so"),
        ({"whimbrel_cookiejar/jar__mypyc.so": b""}, None),
    ],
)
def test_what_a_wheel_holds(
    cookiejar: Member, tmp_path: Path, change: dict[str, bytes | None], finding: str | None
) -> None:
    source = cookiejar.version_file.parent
    name = f"whimbrel_cookiejar-{cookiejar.version}-py3-none-any.whl"
    contents: dict[str, bytes | None] = {
        f"whimbrel_cookiejar/{path.name}": b"" for path in source.glob("*.py")
    }
    contents["whimbrel_cookiejar/py.typed"] = b""
    metadata = f"whimbrel_cookiejar-{cookiejar.version}.dist-info/METADATA"
    contents[metadata] = f"Version: {cookiejar.version}\n".encode()
    with zipfile.ZipFile(tmp_path / name, "w") as wheel:
        for path, data in {**contents, **change}.items():
            if data is not None:
                wheel.writestr(path, data)
    expected = [] if finding is None else [f"{name} {finding}"]
    assert check_wheel(cookiejar, tmp_path / name) == expected


def test_the_wheel_has_the_version_of_the_tree(cookiejar: Member, tmp_path: Path) -> None:
    _, wheel = build_member(cookiejar, tmp_path / "dist", isolated=False)
    old = cookiejar.version
    text = cookiejar.version_file.read_text()
    cookiejar.version_file.write_text(text.replace(str(old), "99.0.0"))
    assert check_wheel(cookiejar, wheel) == [f"{wheel.name} says version {old}, the tree 99.0.0"]
