"""The feed against a real Orthanc."""

from __future__ import annotations

import logging
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from inference.domain.instance import Source
from tests.integration.orthanc.conftest import House
from tests.support.instances import PATIENT
from tests.support.servers import OrthancServer, storescu, wait_for

Make = Callable[..., tuple[Path, pydicom.Dataset]]
MakeOrthanc = Callable[..., OrthancServer]


def test_a_stable_study_is_taken_in_once(
    server: OrthancServer, house: House, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house.feed(server)
    (first, one), (second, two) = make(study="1.2.3", series="1.2.3.1"), make(study="1.2.3")
    server.upload(first, second)

    house.wait_completed("1.2.3")
    house.wait_caught_up(server)

    assert set(house.intake.held) == {one.SOPInstanceUID, two.SOPInstanceUID}
    assert house.intake.held[one.SOPInstanceUID] == first.read_bytes()
    assert house.intake.completed == ["1.2.3"]
    assert {(o.source, o.calling_ae) for o in house.intake.origins} == {(Source.ORTHANC, "pacs")}
    assert house.archive.left_over == []
    assert PATIENT not in caplog.text


def test_dcmtk_sends_into_orthanc_and_the_change_arrives(
    server: OrthancServer, house: House, pydicom_data: Path
) -> None:
    house.feed(server, from_start=False)
    wait_for(lambda: house.cursor == 0, "the feed began")
    names = ("RG1_J2KI.dcm", "RG3_J2KR.dcm", "693_J2KR.dcm", "US1_J2KR.dcm")
    files = [pydicom_data / name for name in names]
    storescu(files, server.dicom_port, called=server.aet)

    expected = {str(pydicom.dcmread(file).SOPInstanceUID) for file in files}
    wait_for(lambda: set(house.intake.held) == expected, "all instances are in")


@pytest.mark.shared
def test_every_transfer_syntax_comes_through_orthanc(
    server: OrthancServer, house: House, shared_data: Path
) -> None:
    house.feed(server)
    files = sorted((shared_data / "dicom-samples").rglob("*.dcm"))
    storescu(files, server.dicom_port)
    # Some files hold the same Instance in two transfer syntaxes.
    expected = {str(pydicom.dcmread(file).SOPInstanceUID) for file in files}
    wait_for(lambda: set(house.intake.held) == expected, "all instances are in")


def test_the_cursor_survives_a_restart(server: OrthancServer, house: House, make: Make) -> None:
    feed = house.feed(server)
    server.upload(make(study="1.2.3")[0])
    house.wait_completed("1.2.3")
    house.wait_caught_up(server)
    feed.stop()

    server.upload(make(study="1.2.4")[0])
    server.wait_stable(2)
    house.feed(server)
    house.wait_completed("1.2.4")

    assert house.intake.received == 2
    assert house.intake.completed == ["1.2.3", "1.2.4"]


@pytest.mark.parametrize("from_start", [True, False])
def test_where_a_new_feed_begins(
    server: OrthancServer, house: House, make: Make, from_start: bool
) -> None:
    server.upload(make(study="1.2.3")[0])
    server.wait_stable(1)
    last = server.get("/changes?last")["Last"]
    house.feed(server, from_start=from_start)
    wait_for(lambda: house.cursor >= last, "the cursor is written at once")
    server.upload(make(study="1.2.4")[0])
    house.wait_completed("1.2.4")

    assert house.intake.completed == (["1.2.3", "1.2.4"] if from_start else ["1.2.4"])


def test_results_put_back_do_not_come_in_again(
    server: OrthancServer, house: House, make: Make
) -> None:
    house.feed(server)
    server.upload(make(study="1.2.3")[0])
    house.wait_completed("1.2.3")

    result, made = make(study="1.2.3")
    house.intake.own_results.add(str(made.SOPInstanceUID))
    server.upload(result)
    server.wait_stable(2)
    house.wait_caught_up(server)

    assert house.intake.received == 1
    assert house.intake.completed == ["1.2.3"]
    assert house.archive.spooled == 1


def test_a_late_instance_completes_the_study_again(
    server: OrthancServer, house: House, make: Make
) -> None:
    house.feed(server)
    server.upload(make(study="1.2.3")[0])
    house.wait_completed("1.2.3")
    server.upload(make(study="1.2.3")[0])
    wait_for(lambda: house.intake.completed == ["1.2.3", "1.2.3"], "completed twice")

    assert house.intake.received == 2


def test_a_list_of_changes_that_was_reset(
    make_orthanc: MakeOrthanc, house: House, make: Make
) -> None:
    """Orthanc was set up anew: its changes count from 1 again."""
    server = make_orthanc(stable_age=1)
    house.cursors.values["orthanc:pacs"] = 100_000
    house.feed(server, from_start=False)
    server.upload(make(study="1.2.3")[0])
    house.wait_completed("1.2.3")
    house.wait_caught_up(server)


def test_a_new_list_that_is_longer_than_the_cursor_is_read_from_its_first_change(
    server: OrthancServer, house: House, make: Make
) -> None:
    """Orthanc was set up anew, and filled before the feed looked again."""
    feed = house.feed(server)
    server.upload(make(study="1.2.3")[0])
    house.wait_completed("1.2.3")
    house.wait_caught_up(server)
    feed.stop()

    server.stop()
    for folder in ("storage", "index"):
        shutil.rmtree(server.directory / folder)
    server.start()
    for number, study in enumerate(("1.2.4", "1.2.5"), start=1):
        server.upload(make(study=study)[0])
        server.wait_stable(number)
    assert house.cursor < server.get("/changes?last")["Last"]
    house.feed(server)
    house.wait_completed("1.2.4", "1.2.5")
    house.wait_caught_up(server)


def test_deleting_what_was_read_does_not_make_the_feed_read_the_list_again(
    server: OrthancServer, house: House, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    house.feed(server)
    for number, study in enumerate(("1.2.3", "1.2.4"), start=1):
        server.upload(make(study=study, PatientID=f"P{study}")[0])
        server.wait_stable(number)
    house.wait_completed("1.2.3", "1.2.4")
    house.wait_caught_up(server)
    server.delete(f"/studies/{server.find('1.2.3')[0]}")
    server.upload(make(study="1.2.5")[0])
    house.wait_completed("1.2.5")
    house.wait_caught_up(server)
    assert "was reset" not in caplog.text


def test_a_password_is_needed(
    make_orthanc: MakeOrthanc, house: House, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = make_orthanc(stable_age=1, users={"reader": "hidden"})
    wrong = house.feed(server, username="reader", password="forgotten")
    wait_for(lambda: wrong.problem == "HTTP status 401", "the feed is not let in")
    wrong.stop()
    house.feed(server, username="reader", password="hidden")
    server.upload(make(study="1.2.3")[0])
    house.wait_completed("1.2.3")

    assert "hidden" not in caplog.text
    assert "forgotten" not in caplog.text


def test_a_large_instance_needs_little_memory(
    server: OrthancServer, house: House, make: Make
) -> None:
    pixels = bytes(96 << 20)
    file, made = make(
        study="1.2.3",
        file_meta=_uncompressed(make()[1]),
        PixelData=pixels,
        NumberOfFrames=24,
        Rows=2048,
        Columns=2048,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
    )
    del pixels, made.PixelData
    size = file.stat().st_size
    assert size > 96 << 20
    server.upload(file)
    server.wait_stable(1)

    sizes: list[int] = []
    house.intake.receive = lambda spooled, origin: sizes.append(spooled.stat().st_size)  # type: ignore[assignment,method-assign,return-value]
    tracemalloc.start()
    try:
        house.feed(server)
        wait_for(lambda: sizes, "it is in")
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert sizes == [size]


def _uncompressed(instance: pydicom.Dataset) -> pydicom.dataset.FileMetaDataset:
    meta = instance.file_meta
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return meta


def test_what_retention_removed_is_not_fetched_again_until_an_image_is_added(
    server: OrthancServer, house: House, make: Make
) -> None:
    (first, one), (second, two) = make(study="1.2.3", series="1.2.3.1"), make(study="1.2.3")
    house.intake.removed = {str(one.SOPInstanceUID), str(two.SOPInstanceUID)}
    house.feed(server)
    server.upload(first, second)
    server.wait_stable(1)
    house.wait_caught_up(server)
    assert house.intake.held == {}
    assert house.intake.completed == []

    late, three = make(study="1.2.3", series="1.2.3.2")
    server.upload(late)
    house.wait_completed("1.2.3")
    uids = {str(each.SOPInstanceUID) for each in (one, two, three)}
    assert set(house.intake.held) == uids
    assert next(iter(house.intake.held)) == three.SOPInstanceUID
