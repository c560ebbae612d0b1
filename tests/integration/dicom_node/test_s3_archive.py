"""The contract of Archive, on a real object store."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import boto3.session
import pytest

from dicom_node.archive import DiskArchive
from dicom_node.archive.object_store import ObjectStore
from dicom_node.archive.s3 import S3Archive
from inference.domain.errors import DamagedFile, OutOfSpace, RepositoryUnavailable, SettingsError
from inference.domain.instance import Description
from inference.ports import Archive
from tests.contracts.archive import DESCRIPTION, ArchiveContract
from tests.support.seaweedfs import SeaweedServer
from tests.support.stub_http import Answer, StubServer
from tests.unit.dicom_node.part10 import from_description

BUCKET = "wetread"
CACHE = 1 << 30  # bytes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    directory = tmp_path_factory.mktemp("seaweedfs")
    with SeaweedServer(directory) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        client(server).create_bucket(Bucket=BUCKET)
        yield server


def client(server: SeaweedServer):  # type: ignore[no-untyped-def]  # boto3 has no types
    return boto3.session.Session().client("s3", endpoint_url=server.url, region_name="us-east-1")


def store(server: SeaweedServer, prefix: str = "", bucket: str = BUCKET) -> ObjectStore:
    return ObjectStore(bucket, prefix, server.url, "us-east-1")


class TestS3Archive(ArchiveContract):
    @pytest.fixture
    def prefix(self) -> str:
        return uuid.uuid4().hex

    @pytest.fixture
    def archive(self, tmp_path: Path, server: SeaweedServer, prefix: str) -> S3Archive:
        return S3Archive(store(server, prefix), tmp_path, 0, CACHE)

    @pytest.fixture
    def elsewhere(self, tmp_path: Path, server: SeaweedServer, prefix: str) -> S3Archive:
        """The same archive, seen from another machine."""
        return S3Archive(store(server, prefix), tmp_path / "elsewhere", 0, CACHE)

    def full_archive(self, tmp_path: Path) -> Archive:
        unused = ObjectStore(BUCKET, "", "http://127.0.0.1:9", "us-east-1")
        return S3Archive(unused, tmp_path, 1 << 60, CACHE)

    def encode(self, description: Description, payload: bytes) -> bytes:
        return from_description(description, payload)

    def test_another_machine_reads_what_was_kept(
        self, archive: S3Archive, elsewhere: S3Archive
    ) -> None:
        content = self.encode(DESCRIPTION, b"ab")
        spooled = self.spool(archive, content)
        key = archive.keep(spooled, DESCRIPTION, archive.digest(spooled))
        assert elsewhere.path(key).read_bytes() == content
        result = elsewhere.keep_result("1.2", "1.2.3", b"whole")
        assert archive.path(result).read_bytes() == b"whole"

    def test_a_large_instance_goes_in_parts(self, archive: S3Archive, elsewhere: S3Archive) -> None:
        content = self.encode(DESCRIPTION, bytes(range(256)) * (70 << 12))
        spooled = self.spool(archive, content)
        key = archive.keep(spooled, DESCRIPTION, archive.digest(spooled))
        assert elsewhere.path(key).stat().st_size == len(content) > 64 << 20
        with elsewhere.path(key).open("rb") as file:
            assert hashlib.file_digest(file, "sha256").digest() == hashlib.sha256(content).digest()

    def test_a_file_that_is_nowhere_has_a_path_all_the_same(self, archive: S3Archive) -> None:
        assert not archive.path("results/1.2/1.2.3.dcm").exists()

    def test_the_reason_lies_beside_the_file(self, archive: S3Archive) -> None:
        key = archive.quarantine(self.spool(archive, b"x"), "not a DICOM file")
        beside = archive.path(key.removesuffix(".dcm") + ".json")
        assert json.loads(beside.read_bytes()) == {"reason": "not a DICOM file"}

    def test_other_bytes_than_were_put_are_not_given_out(
        self, archive: S3Archive, elsewhere: S3Archive, server: SeaweedServer, prefix: str
    ) -> None:
        key = archive.keep_result("1.2", "1.2.3", b"whole")
        held = client(server).head_object(Bucket=BUCKET, Key=f"{prefix}/{key}")
        client(server).put_object(
            Bucket=BUCKET, Key=f"{prefix}/{key}", Body=b"other", Metadata=held["Metadata"]
        )
        with pytest.raises(RepositoryUnavailable, match="other bytes"):
            elsewhere.path(key)

    def test_an_object_that_nobody_vouches_for_is_not_given_out(
        self, archive: S3Archive, elsewhere: S3Archive, server: SeaweedServer, prefix: str
    ) -> None:
        key = archive.keep_result("1.2", "1.2.3", b"whole")
        client(server).put_object(Bucket=BUCKET, Key=f"{prefix}/{key}", Body=b"whole")
        with pytest.raises(DamagedFile, match="other bytes"):
            elsewhere.path(key)

    def test_the_archive_of_a_disk_is_adopted(
        self, archive: S3Archive, elsewhere: S3Archive, tmp_path: Path
    ) -> None:
        disk = DiskArchive(tmp_path / "disk", 0)
        key = disk.keep_result("1.2", "1.2.3", b"whole")
        assert archive.adopt(key, disk.path(key))
        assert not archive.adopt(key, disk.path(key))
        assert elsewhere.path(key).read_bytes() == b"whole"
        disk.path(key).write_bytes(b"other")
        assert archive.adopt(key, disk.path(key))

    def test_copies_give_way_before_an_image_is_refused(
        self,
        archive: S3Archive,
        server: SeaweedServer,
        prefix: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        disk, watermark = 10_000, 4_000  # bytes
        small = S3Archive(store(server, prefix), archive.root / "small", watermark, CACHE)

        def used() -> list[Path]:
            return [each for each in (small.root / "cache").rglob("*") if each.is_file()]

        monkeypatch.setattr(
            small, "free_bytes", lambda: disk - sum(each.stat().st_size for each in used())
        )
        key = small.keep_result("1.2", "1.2.3", b"x" * 7_000)
        with pytest.raises(OutOfSpace):
            small.check_space()  # somebody may have asked for it just now
        for each in used():
            os.utime(each, (0, 0))
        small.check_space()
        assert archive.path(key).read_bytes() == b"x" * 7_000

    def test_nothing_is_left_in_the_spool(self, archive: S3Archive, elsewhere: S3Archive) -> None:
        key = archive.keep_result("1.2", "1.2.3", b"whole")
        elsewhere.path(key)
        assert archive.sweep_spool(-1) == elsewhere.sweep_spool(-1) == 0


def test_who_only_says_yes_is_no_object_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with StubServer(lambda method, path: Answer(body=b"<p>Sign in</p>")) as proxy:
        archive = S3Archive(ObjectStore(BUCKET, "", proxy.url, "us-east-1"), tmp_path, 0, CACHE)
        with pytest.raises(RepositoryUnavailable, match="is none"):
            archive.keep_result("1.2", "1.2.3", b"whole")
        with pytest.raises(RepositoryUnavailable, match="is none"):
            archive.path("results/1.2/1.2.3.dcm")


def test_what_the_store_did_not_take_is_not_kept(tmp_path: Path) -> None:
    with SeaweedServer(tmp_path) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        client(server).create_bucket(Bucket=BUCKET)
        archive = S3Archive(store(server), tmp_path / "scratch", 0, CACHE)
        server.kill()
        spooled = archive.spool()
        spooled.write_bytes(from_description(DESCRIPTION, b"ab"))
        sha256 = archive.digest(spooled)
        with pytest.raises(RepositoryUnavailable, match="object store cannot be used"):
            archive.keep(spooled, DESCRIPTION, sha256)
        assert spooled.exists()
        server.start()
        key = archive.keep(spooled, DESCRIPTION, sha256)
        other = S3Archive(store(server), tmp_path / "elsewhere", 0, CACHE)
        assert other.path(key).read_bytes() == from_description(DESCRIPTION, b"ab")


def test_a_bucket_that_is_missing_is_named(server: SeaweedServer) -> None:
    store(server).check()
    with pytest.raises(SettingsError, match="no bucket nowhere"):
        store(server, bucket="nowhere").check()


def test_wrong_credentials_say_where_to_look(
    server: SeaweedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(SettingsError, match="AWS_SECRET_ACCESS_KEY"):
        store(server).check()


def test_nothing_counts_as_removed_or_lost_where_there_is_no_bucket(
    server: SeaweedServer, tmp_path: Path
) -> None:
    nowhere = store(server, bucket="elsewhere")
    for use in (
        lambda: nowhere.delete("studies/1/2/3-ab.dcm"),
        lambda: nowhere.get("studies/1/2/3-ab.dcm", tmp_path / "target"),
    ):
        with pytest.raises(RepositoryUnavailable, match="no such bucket"):
            use()
    store(server).delete("studies/1/2/3-ab.dcm")  # was never there
