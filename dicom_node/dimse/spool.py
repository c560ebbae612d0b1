"""A data set on its way to the disk, fragment by fragment."""

from __future__ import annotations

from dicom_node.archive import durable
from inference.domain.errors import ResourceError
from inference.ports import Archive

_CHECK_SPACE_EVERY = 64 << 20  # bytes


class Spool:
    """A Part 10 file being written; has what pynetdicom expects of its temporary file.

    Never raises while the data set arrives, since nothing can be answered before its last
    fragment: the first error is kept in `error`, and the rest of the data set is dropped.
    """

    def __init__(self, archive: Archive, head: bytes) -> None:
        self._archive = archive
        self._unchecked = 0
        self.error: ResourceError | None = None
        self.name = ""  # pynetdicom removes the file of this name; it is gone by then
        try:
            archive.check_space()
            with durable.translated():
                self.path = archive.spool()
                self.name = str(self.path)
                self._file = self.path.open("wb", buffering=0)
                self._file.write(head)
        except ResourceError as error:
            self._fail(error)

    def write(self, data: bytes | memoryview) -> None:
        if self.error is not None:
            return
        try:
            with durable.translated():
                self._write_all(memoryview(data))
            self._unchecked += len(data)
            if self._unchecked >= _CHECK_SPACE_EVERY:
                self._unchecked = 0
                self._archive.check_space()
        except ResourceError as error:
            self._fail(error)

    @property
    def file(self) -> Spool:
        return self

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        if self.name:
            self._file.close()

    def discard(self) -> None:
        self.close()
        if self.name:
            self._archive.discard(self.path)

    def _write_all(self, data: memoryview) -> None:
        while data:
            data = data[self._file.write(data) or 0 :]

    def _fail(self, error: ResourceError) -> None:
        # At once, and not when the last fragment has come: others may need the space.
        self.discard()
        self.error = error
