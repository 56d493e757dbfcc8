"""Reading and writing files of cookies: the only I/O of this package."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from whimbrel_cookiejar.errors import CookieFileError

__all__ = ["MAX_FILE_SIZE", "read_file", "write_file"]

MAX_FILE_SIZE = 16 * 1024 * 1024
"""The bytes that a file of cookies may have: some 5,000 for each of 3,300 cookies."""

_PRIVATE = 0o600
# 0 where there is no such flag. Windows would write other line ends than it is told without the
# second.
_EXCLUSIVE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def read_file(path: str | os.PathLike[str], max_size: int) -> bytes:
    """Return what is in a file.

    Args:
        path: the file.
        max_size: the bytes that it may have.

    Raises:
        OSError: it cannot be read.
        CookieFileError: it has more bytes.
    """
    with open(path, "rb") as file:
        # One more than may be there, whatever size the file system tells, if it tells any.
        content = file.read(max(max_size, 0) + 1)
    if len(content) > max_size:
        raise CookieFileError(f"there are more than max_size={max_size} bytes", "", os.fspath(path))
    return content


def write_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Put `content` into the place of a file, for the user alone to read, or change nothing.

    At any moment, and after a crash of the machine too, the file is the old one or the new one as a
    whole. Of two processes that write at once, one has the last word. The directory must be
    writable. A symbolic link at `path` is replaced and not followed: whoever may put a link there
    would otherwise choose the file that is overwritten.

    Args:
        path: the file. It need not exist.
        content: all of it.

    Raises:
        OSError: it could not be written; a file that was there is as it was.
    """
    path = os.fspath(path)
    _refuse_special(path)
    directory = os.path.dirname(path) or os.curdir
    # In the same directory, so that it is on the same file system, and of a new name, so that it is
    # no other process's and no link.
    temporary = os.path.join(directory, f".cookies-{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, _EXCLUSIVE, _PRIVATE)
    try:
        with open(descriptor, "wb") as file:
            if os.name != "nt":  # where directories say who may read
                # The umask may have taken from the mode even what its owner needs.
                os.fchmod(descriptor, _PRIVATE)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(directory)


def _refuse_special(path: str) -> None:
    """Refuse what `os.replace` would put a file in the place of, such as `/dev/null`."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        # Nothing is there, or a link to nothing; or writing will say what is wrong.
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "cookies are saved to regular files only", path)


def _sync_directory(directory: str) -> None:
    """Make the new name outlast a crash, where the system can."""
    if os.name == "nt":  # which cannot open directories
        return
    # The file is in its place already, and not every file system syncs directories.
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
