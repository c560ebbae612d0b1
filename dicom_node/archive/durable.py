"""Files that are still there after the power failed."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from inference.domain.errors import OutOfSpace, RepositoryUnavailable

_making = threading.RLock()
_TRIES = 5
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def translated() -> Iterator[None]:
    """Turn an `OSError` of the archive's disk into `OutOfSpace` or `RepositoryUnavailable`."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise OutOfSpace("The archive's disk is full.") from error
        reason = error.strerror or type(error).__name__
        raise RepositoryUnavailable(f"The archive cannot be written: {reason}.") from error


def sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Make the names in `path` durable: fsync of a file does not cover its name."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Make `path` and its parents, each durable within the one above."""
    # Nobody may find a directory that another thread has made but not yet synced.
    with _making:
        if path.is_dir():
            return
        make_directory(path.parent)
        path.mkdir(exist_ok=True)
        sync_directory(path.parent)


def move(source: Path, target: Path) -> None:
    """Rename within one file system; content and name are durable afterwards."""
    sync_file(source)
    for attempt in range(1, _TRIES + 1):
        try:
            make_directory(target.parent)
            source.rename(target)
            sync_directory(target.parent)
            return
        except FileNotFoundError:
            # Another process may have removed the folder while it was empty.
            if attempt == _TRIES or not source.exists():
                raise


def remove(path: Path, root: Path) -> None:
    """Remove a file, and the folders below `root` that are empty then; durable afterwards."""
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == root:
            break
        with suppress(FileNotFoundError):
            sync_directory(folder)
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # something lies in it
            return
    sync_directory(root)


def write(path: Path, content: bytes) -> None:
    """Write a file that others see whole or not at all."""
    make_directory(path.parent)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        temporary.write_bytes(content)
        move(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
