"""The contract of Archive, on the fake and on the disk."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from dicom_node.archive import DiskArchive
from inference.domain.errors import OutOfSpace, RepositoryUnavailable
from inference.domain.instance import Description
from inference.fakes.archive import FakeArchive
from inference.ports import Archive
from tests.contracts.archive import DESCRIPTION, ArchiveContract
from tests.unit.dicom_node.part10 import from_description


class TestFakeArchive(ArchiveContract):
    @pytest.fixture
    def archive(self, tmp_path: Path) -> Archive:
        return FakeArchive(tmp_path)

    def full_archive(self, tmp_path: Path) -> Archive:
        archive = FakeArchive(tmp_path)
        archive.full = True
        return archive

    def encode(self, description: Description, payload: bytes) -> bytes:
        return FakeArchive.encode(description, payload)


class TestDiskArchive(ArchiveContract):
    @pytest.fixture
    def archive(self, tmp_path: Path) -> DiskArchive:
        return DiskArchive(tmp_path, low_watermark_bytes=0)

    def full_archive(self, tmp_path: Path) -> Archive:
        return DiskArchive(tmp_path, low_watermark_bytes=1 << 60)

    def encode(self, description: Description, payload: bytes) -> bytes:
        return from_description(description, payload)

    def test_layout(self, archive: DiskArchive) -> None:
        spooled = self.spool(archive, self.encode(DESCRIPTION, b""))
        sha256 = archive.digest(spooled)
        key = archive.keep(spooled, DESCRIPTION, sha256)
        assert key == f"studies/1.2.3/1.2.3.4/1.2.3.4.5-{sha256[:8]}.dcm"
        key = archive.keep_result("1.2", "1.2.3", b"")
        assert key == f"results/1.2/1.2.3-{hashlib.sha256(b'').hexdigest()[:16]}.dcm"

    def test_another_archive_is_adopted_file_by_file(
        self, archive: DiskArchive, tmp_path: Path
    ) -> None:
        spooled = self.spool(archive, self.encode(DESCRIPTION, b"ab"))
        archive.keep(spooled, DESCRIPTION, archive.digest(spooled))
        archive.keep_result("1.2", "1.2.3", b"whole")
        archive.quarantine(self.spool(archive, b"x"), "why")
        other = DiskArchive(tmp_path / "other", low_watermark_bytes=0)
        keys = sorted(archive.keys())
        assert len(keys) == 4
        assert [other.adopt(key, archive.path(key)) for key in keys] == [True] * 4
        assert sorted(other.keys()) == keys
        for key in keys:
            assert other.path(key).read_bytes() == archive.path(key).read_bytes()
        other.path(keys[0]).write_bytes(b"cut off")
        assert [other.adopt(key, archive.path(key)) for key in keys] == [True, *[False] * 3]
        assert other.sweep_spool(-1) == 0

    def test_the_reason_lies_beside_the_file(self, archive: DiskArchive) -> None:
        key = archive.quarantine(self.spool(archive, b"x"), "not a DICOM file")
        beside = archive.path(key).with_suffix(".json")
        assert json.loads(beside.read_text()) == {"reason": "not a DICOM file"}

    def test_a_collision_of_the_short_digest_replaces_nothing(self, archive: DiskArchive) -> None:
        first = self.spool(archive, self.encode(DESCRIPTION, b"ab"))
        digest = archive.digest(first)
        key = archive.keep(first, DESCRIPTION, digest)
        second = self.spool(archive, self.encode(DESCRIPTION, b"cd"))
        forged = digest[:8] + archive.digest(second)[8:]
        other = archive.keep(second, DESCRIPTION, forged)
        assert other != key
        assert archive.path(other).read_bytes() != archive.path(key).read_bytes()

    def test_keep_is_durable(self, archive: DiskArchive, monkeypatch: pytest.MonkeyPatch) -> None:
        """fsync of the file before the rename; of each new directory's parent and of the
        directory itself after it."""
        calls: list[str] = []
        fsync, rename = os.fsync, Path.rename

        def spy_fsync(descriptor: int) -> None:
            calls.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            fsync(descriptor)

        def spy_rename(self: Path, target: Path) -> Path:
            calls.append("rename")
            return rename(self, target)

        monkeypatch.setattr(os, "fsync", spy_fsync)
        monkeypatch.setattr(Path, "rename", spy_rename)
        spooled = self.spool(archive, self.encode(DESCRIPTION, b""))
        key = archive.keep(spooled, DESCRIPTION, archive.digest(spooled))
        series = archive.path(key).parent
        assert calls == [
            str(spooled),
            str(series.parent.parent),
            str(series.parent),
            "rename",
            str(series),
        ]

    def test_a_broken_disk_is_a_resource_error(
        self, archive: DiskArchive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number, expected in ((28, OutOfSpace), (5, RepositoryUnavailable)):

            def fail(descriptor: int, number: int = number) -> None:
                raise OSError(number, os.strerror(number))

            spooled = self.spool(archive, self.encode(DESCRIPTION, b""))
            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", fail)
                with pytest.raises(expected):
                    archive.keep(spooled, DESCRIPTION, archive.digest(spooled))
            assert spooled.exists()

    def test_sweep_removes_only_what_is_old(self, archive: DiskArchive) -> None:
        old, new = archive.spool(), archive.spool()
        os.utime(old, (0, 0))
        assert archive.sweep_spool(older_than_seconds=3600) == 1
        assert not old.exists()
        assert new.exists()
