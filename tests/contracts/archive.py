"""What every Archive promises. A test class inherits this and says how to make its files."""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from inference.domain.errors import DamagedFile, InvalidUid, OutOfSpace, UnreadableInstance
from inference.domain.instance import Attributes, Description
from inference.ports import Archive

DESCRIPTION = Description(
    study_instance_uid="1.2.3",
    series_instance_uid="1.2.3.4",
    sop_instance_uid="1.2.3.4.5",
    sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
    transfer_syntax_uid="1.2.840.10008.1.2.1",
    attributes=Attributes(
        patient_id="P1",
        patient_name="Doe^Jane",
        patient_birth_date="19700102",
        patient_sex="F",
        patient_age_years=45.0,
        accession_number="A1",
        study_id="S1",
        study_date="20150304",
        study_time="101112",
        study_description="Chest",
        series_description="PA",
        series_number=3,
        modality="CR",
        body_part="CHEST",
        view="PA",
        manufacturer="Nobody",
        instance_number=7,
        rows=4,
        columns=5,
        frames=1,
        has_pixels=True,
    ),
)


class ArchiveContract(ABC):
    @pytest.fixture
    @abstractmethod
    def archive(self, tmp_path: Path) -> Archive: ...

    @abstractmethod
    def full_archive(self, tmp_path: Path) -> Archive:
        """Return an archive that is below its watermark."""

    @abstractmethod
    def encode(self, description: Description, payload: bytes) -> bytes:
        """Return a file that `describe` reads as `description`; `payload` makes it differ."""

    def spool(self, archive: Archive, content: bytes) -> Path:
        path = archive.spool()
        path.write_bytes(content)
        return path

    def test_spool_gives_a_new_empty_file_each_time(self, archive: Archive) -> None:
        first, second = archive.spool(), archive.spool()
        assert first != second
        assert first.read_bytes() == second.read_bytes() == b""

    def test_describe_reads_the_header(self, archive: Archive) -> None:
        assert archive.describe(self.spool(archive, self.encode(DESCRIPTION, b""))) == DESCRIPTION

    @pytest.mark.parametrize(
        "field",
        ["study_instance_uid", "series_instance_uid", "sop_instance_uid", "sop_class_uid"],
    )
    def test_describe_needs_every_uid(self, archive: Archive, field: str) -> None:
        spooled = self.spool(archive, self.encode(replace(DESCRIPTION, **{field: ""}), b""))
        with pytest.raises(UnreadableInstance):
            archive.describe(spooled)

    def test_describe_tells_a_file_that_is_gone(self, archive: Archive) -> None:
        with pytest.raises(DamagedFile):
            archive.describe(archive.path("studies/1.2/1.3/1.4-ab.dcm"))

    @pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2/3", "1..2", "1.2." + "3" * 64, "a"])
    def test_describe_refuses_what_is_no_uid(self, archive: Archive, uid: str) -> None:
        spooled = self.spool(
            archive, self.encode(replace(DESCRIPTION, study_instance_uid=uid), b"")
        )
        with pytest.raises(InvalidUid):
            archive.describe(spooled)

    @pytest.mark.parametrize("content", [b"", b"\0" * 200, b"GET / HTTP/1.1\r\n\r\n"])
    def test_describe_refuses_what_is_not_readable(self, archive: Archive, content: bytes) -> None:
        with pytest.raises(UnreadableInstance):
            archive.describe(self.spool(archive, content))

    def test_digest_is_over_the_data_set_alone(self, archive: Archive) -> None:
        one = self.spool(archive, self.encode(DESCRIPTION, b"ab"))
        other_meta = self.spool(
            archive,
            self.encode(replace(DESCRIPTION, transfer_syntax_uid="1.2.840.10008.1.2.4.50"), b"ab"),
        )
        other_data = self.spool(archive, self.encode(DESCRIPTION, b"xy"))
        assert archive.digest(one) == archive.digest(other_meta)
        assert archive.digest(one) != archive.digest(other_data)
        assert len(archive.digest(one)) == len(hashlib.sha256().hexdigest())

    def test_keep_moves_the_bytes(self, archive: Archive) -> None:
        content = self.encode(DESCRIPTION, b"ab")
        spooled = self.spool(archive, content)
        key = archive.keep(spooled, DESCRIPTION, archive.digest(spooled))
        assert not spooled.exists()
        assert archive.path(key).read_bytes() == content
        assert not key.startswith("/")
        assert ".." not in key

    def test_keep_again_gives_the_same_key(self, archive: Archive) -> None:
        keys = set()
        for _ in range(2):
            spooled = self.spool(archive, self.encode(DESCRIPTION, b"ab"))
            keys.add(archive.keep(spooled, DESCRIPTION, archive.digest(spooled)))
        assert len(keys) == 1

    def test_keep_never_replaces_other_bytes(self, archive: Archive) -> None:
        contents = [self.encode(DESCRIPTION, payload) for payload in (b"ab", b"cd")]
        keys = []
        for content in contents:
            spooled = self.spool(archive, content)
            keys.append(archive.keep(spooled, DESCRIPTION, archive.digest(spooled)))
        assert [archive.path(key).read_bytes() for key in keys] == contents

    @pytest.mark.parametrize(
        "field", ["study_instance_uid", "series_instance_uid", "sop_instance_uid"]
    )
    def test_keep_makes_no_path_of_unchecked_input(self, archive: Archive, field: str) -> None:
        spooled = self.spool(archive, self.encode(DESCRIPTION, b""))
        with pytest.raises(InvalidUid):
            archive.keep(spooled, replace(DESCRIPTION, **{field: "../1"}), "0" * 64)

    def test_what_is_removed_is_gone_and_its_neighbour_stays(self, archive: Archive) -> None:
        keys = []
        for sop in ("1.2.1", "1.2.2"):
            spooled = self.spool(archive, self.encode(DESCRIPTION, b"ab"))
            described = replace(DESCRIPTION, sop_instance_uid=sop)
            keys.append(archive.keep(spooled, described, archive.digest(spooled)))
        archive.remove(keys[0])
        assert not archive.path(keys[0]).exists()
        assert archive.path(keys[1]).is_file()
        archive.remove(keys[0])
        archive.remove(keys[1])
        assert not archive.path(keys[1]).exists()

    def test_what_comes_after_a_removal_has_a_key_of_its_own(self, archive: Archive) -> None:
        keys = []
        for removals in (0, 1, 2, 2):
            spooled = self.spool(archive, self.encode(DESCRIPTION, b"ab"))
            keys.append(archive.keep(spooled, DESCRIPTION, archive.digest(spooled), removals))
        assert len(set(keys)) == 3
        archive.remove(keys[0])
        archive.remove(keys[1])
        assert archive.path(keys[2]).is_file()

    @pytest.mark.parametrize("key", ["results/1.2/1.3.dcm", "quarantine/../x", "studies/../x"])
    def test_nothing_but_what_came_in_is_removed(self, archive: Archive, key: str) -> None:
        with pytest.raises(ValueError, match="not "):
            archive.remove(key)

    def test_others_are_kept_in_a_folder_that_is_emptied(self, archive: Archive) -> None:
        def keep_and_remove(number: int) -> None:
            described = replace(DESCRIPTION, sop_instance_uid=f"1.2.{number}")
            for _ in range(5):
                spooled = self.spool(archive, self.encode(described, b""))
                key = archive.keep(spooled, described, archive.digest(spooled))
                assert archive.path(key).is_file()
                archive.remove(key)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(keep_and_remove, range(4)))

    def test_quarantine_moves_the_bytes(self, archive: Archive) -> None:
        keys = [
            archive.quarantine(self.spool(archive, content), "conflict")
            for content in (b"one", b"one", b"two")
        ]
        assert [archive.path(key).read_bytes() for key in keys] == [b"one", b"one", b"two"]
        assert keys[0] == keys[1] != keys[2]

    def test_what_was_set_aside_is_removed_and_gets_another_key_then(
        self, archive: Archive
    ) -> None:
        keys = [
            archive.quarantine(self.spool(archive, b"one"), "conflict", removals)
            for removals in (0, 1, 1)
        ]
        assert keys[0] != keys[1] == keys[2]
        archive.remove(keys[0])
        archive.remove(keys[0])
        assert not archive.path(keys[0]).exists()
        assert archive.path(keys[1]).read_bytes() == b"one"

    def test_what_was_lost_is_told_and_can_be_put_where_it_lay(self, archive: Archive) -> None:
        content = self.encode(DESCRIPTION, b"one")
        spooled = self.spool(archive, content)
        key = archive.keep(spooled, DESCRIPTION, archive.digest(spooled))
        assert archive.holds(key)
        again = self.spool(archive, content)
        assert not archive.adopt(key, again)
        archive.remove(key)
        assert not archive.holds(key)
        assert archive.adopt(key, again)
        assert archive.holds(key)
        assert archive.path(key).read_bytes() == content
        with pytest.raises(ValueError, match="not a key"):
            archive.holds("../x")

    def test_discard_removes_and_may_be_repeated(self, archive: Archive) -> None:
        spooled = archive.spool()
        archive.discard(spooled)
        archive.discard(spooled)
        assert not spooled.exists()

    def test_an_object_of_ours_that_comes_too_late_replaces_none_of_the_same_uid(
        self, archive: Archive
    ) -> None:
        contents = (b"recorded", b"too late", b"recorded")
        keys = [archive.keep_result("1.2", "1.2.3", content) for content in contents]
        assert keys[0] == keys[2] != keys[1]
        assert archive.path(keys[0]).read_bytes() == b"recorded"

    @pytest.mark.parametrize(("study", "sop"), [("../1", "1.2"), ("1.2", "/etc/passwd")])
    def test_keep_result_refuses_what_is_no_uid(
        self, archive: Archive, study: str, sop: str
    ) -> None:
        with pytest.raises(InvalidUid):
            archive.keep_result(study, sop, b"")

    @pytest.mark.parametrize(
        "key", ["", "/etc/passwd", "studies/../../x", "studies", "elsewhere/1", "../studies/1"]
    )
    def test_path_refuses_what_is_no_key(self, archive: Archive, key: str) -> None:
        with pytest.raises(ValueError, match="not a key"):
            archive.path(key)

    def test_check_space(self, archive: Archive, tmp_path: Path) -> None:
        archive.check_space()
        with pytest.raises(OutOfSpace):
            self.full_archive(tmp_path / "full").check_space()

    def test_many_keep_at_once(self, archive: Archive) -> None:
        keys: list[str] = []

        def keep(number: int) -> None:
            description = replace(DESCRIPTION, sop_instance_uid=f"1.2.{number % 4}")
            spooled = self.spool(archive, self.encode(description, b""))
            keys.append(archive.keep(spooled, description, archive.digest(spooled)))

        threads = [threading.Thread(target=keep, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(keys) == 16
        assert len(set(keys)) == 4
        assert all(archive.path(key).is_file() for key in keys)
