import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from whimbrel_cookiejar import CookieFileError
from whimbrel_cookiejar.files import read_file, write_file


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o7777


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_a_new_file_is_its_owner_s_alone(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "cookies"
    with umask(mask):
        write_file(path, b"one")
    assert mode(path) == 0o600
    assert read_file(path, 3) == b"one"
    assert os.listdir(tmp_path) == ["cookies"]


def test_a_file_that_others_could_read_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "cookies"
    path.write_bytes(b"a longer one than the next")
    path.chmod(0o644)
    # Who has it open, or as another name, keeps the old one.
    other = tmp_path / "other"
    other.hardlink_to(path)
    write_file(str(path), b"two")
    assert (path.read_bytes(), mode(path)) == (b"two", 0o600)
    assert other.read_bytes() == b"a longer one than the next"
    assert sorted(os.listdir(tmp_path)) == ["cookies", "other"]


def test_a_name_without_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_file("cookies", b"one")
    assert os.listdir(tmp_path) == ["cookies"]


def test_a_name_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    write_file(tmp_path / ("c" * 255), b"one")
    assert os.listdir(tmp_path) == ["c" * 255]


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path, there: bool) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    if there:
        target.write_bytes(b"somebody's")
    link.symlink_to(target)
    write_file(link, b"one")
    assert not link.is_symlink()
    assert (link.read_bytes(), mode(link)) == (b"one", 0o600)
    assert target.exists() is there
    if there:
        assert target.read_bytes() == b"somebody's"


def test_special_files_stay(tmp_path: Path) -> None:
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to(os.devnull)
    for path in (fifo, link):
        with pytest.raises(OSError, match="regular files only") as caught:
            write_file(path, b"one")
        assert caught.value.errno == errno.EINVAL
        assert caught.value.filename == str(path)
    assert fifo.is_fifo()
    assert link.is_symlink()


def test_where_no_file_can_be(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path, b"one")
    with pytest.raises(FileNotFoundError):
        write_file(tmp_path / "missing" / "cookies", b"one")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        write_file(tmp_path / "file" / "cookies", b"one")
    with pytest.raises(OSError, match="File name too long"):
        write_file(tmp_path / ("c" * 256), b"one")
    assert os.listdir(tmp_path) == ["file"]


# Both run in the directory, of which they are told nothing: a user without rights could not reach
# it by its name. What they print is the error and what is in the directory then.
FAILS = """
import os, sys
from whimbrel_cookiejar.files import write_file
{before}
try:
    write_file("cookies", b"new " * 10_000)
except OSError as error:
    print(type(error).__name__, error.errno)
print(sorted(os.listdir()))
"""
DISK_FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))"
NO_RIGHTS = "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)"


def run(directory: Path, before: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", FAILS.format(before=before)],
        cwd=directory,
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_when_there_is_no_room_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "cookies"
    path.write_bytes(b"old")
    assert run(tmp_path, DISK_FULL) == [f"OSError {errno.EFBIG}", "['cookies']"]
    assert path.read_bytes() == b"old"


def test_without_the_right_to_write_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "cookies"
    path.write_bytes(b"old")
    tmp_path.chmod(0o555)
    try:
        assert run(tmp_path, NO_RIGHTS) == [f"PermissionError {errno.EACCES}", "['cookies']"]
    finally:
        tmp_path.chmod(0o700)
    assert path.read_bytes() == b"old"


def test_no_more_is_read_than_may_be_there(tmp_path: Path) -> None:
    path = tmp_path / "cookies"
    path.write_bytes(b"12345")
    assert read_file(path, 5) == b"12345"
    for limit in (4, 0, -1, -2):
        with pytest.raises(CookieFileError, match="more than max_size=") as caught:
            read_file(path, limit)
        assert caught.value.path == str(path)
    with pytest.raises(CookieFileError, match="more than max_size=1000 bytes"):
        read_file("/dev/zero", 1000)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "missing", 5)
