"""The feed against a real Orthanc."""

from __future__ import annotations

import logging
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from inference.domain.errors import ConflictingInstance, OutOfSpace, RepositoryUnavailable
from inference.domain.instance import Source
from tests.integration.orthanc.conftest import House
from tests.support.instances import PATIENT
from tests.support.servers import OrthancServer, storescu, wait_for

Make = Callable[..., tuple[Path, pydicom.Dataset]]
MakeOrthanc = Callable[..., OrthancServer]


@pytest.fixture
def server(make_orthanc: MakeOrthanc) -> OrthancServer:
    return make_orthanc(stable_age=1)


def wait_completed(house: House, *studies: str) -> None:
    wait_for(lambda: set(studies) <= set(house.intake.completed), "the study is completed")


def wait_caught_up(house: House, server: OrthancServer) -> None:
    wait_for(lambda: house.cursor == server.get("/changes?last")["Last"], "the feed caught up")


def test_a_stable_study_is_taken_in_once(
    server: OrthancServer, house: House, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house.feed(server)
    (first, one), (second, two) = make(study="1.2.3", series="1.2.3.1"), make(study="1.2.3")
    server.upload(first, second)

    wait_completed(house, "1.2.3")
    wait_caught_up(house, server)

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


def test_the_cursor_survives_a_restart(server: OrthancServer, house: House, make: Make) -> None:
    feed = house.feed(server)
    server.upload(make(study="1.2.3")[0])
    wait_completed(house, "1.2.3")
    wait_caught_up(house, server)
    feed.stop()

    server.upload(make(study="1.2.4")[0])
    server.wait_stable(2)
    house.feed(server)
    wait_completed(house, "1.2.4")

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
    wait_completed(house, "1.2.4")

    assert house.intake.completed == (["1.2.3", "1.2.4"] if from_start else ["1.2.4"])


def test_results_put_back_do_not_come_in_again(
    server: OrthancServer, house: House, make: Make
) -> None:
    house.feed(server)
    server.upload(make(study="1.2.3")[0])
    wait_completed(house, "1.2.3")

    result, made = make(study="1.2.3")
    house.intake.own_results.add(str(made.SOPInstanceUID))
    server.upload(result)
    server.wait_stable(2)
    wait_caught_up(house, server)

    assert house.intake.received == 1
    assert house.intake.completed == ["1.2.3"]
    assert house.archive.spooled == 1


def test_a_late_instance_completes_the_study_again(
    server: OrthancServer, house: House, make: Make
) -> None:
    house.feed(server)
    server.upload(make(study="1.2.3")[0])
    wait_completed(house, "1.2.3")
    server.upload(make(study="1.2.3")[0])
    wait_for(lambda: house.intake.completed == ["1.2.3", "1.2.3"], "completed twice")

    assert house.intake.received == 2


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_orthanc_goes_away_and_comes_back(
    server: OrthancServer, house: House, make: Make, how: str
) -> None:
    feed = house.feed(server)
    server.upload(make(study="1.2.3")[0])
    wait_completed(house, "1.2.3")
    getattr(server, how)()
    wait_for(lambda: feed.problem, "the feed says that Orthanc is away")
    server.start()
    server.upload(make(study="1.2.4")[0])
    wait_completed(house, "1.2.4")
    wait_for(lambda: not feed.problem, "the feed is well again")

    assert house.intake.received == 2


@pytest.mark.parametrize("restart_feed", [False, True])
def test_a_study_whose_stable_change_orthanc_forgot(
    make_orthanc: MakeOrthanc, house: House, make: Make, restart_feed: bool
) -> None:
    """Orthanc is stopped between the arrival and StableStudy, which then never comes."""
    server = make_orthanc(stable_age=3600)
    feed = house.feed(server)
    server.upload(make(study="1.2.3")[0])
    wait_for(lambda: server.changes("NewInstance"), "it arrived")
    if restart_feed:
        feed.stop()
    server.stop()
    server.start()
    if restart_feed:
        house.feed(server)
    wait_completed(house, "1.2.3")
    wait_caught_up(house, server)

    assert server.changes("StableStudy") == []
    assert house.intake.completed == ["1.2.3"]


def test_a_study_that_still_arrives_is_left_alone(
    make_orthanc: MakeOrthanc, house: House, make: Make
) -> None:
    server = make_orthanc(stable_age=3600)
    house.feed(server)
    server.upload(make(study="1.2.3")[0], make(study="1.2.4")[0])
    first, second = (change["Seq"] for change in server.changes("NewInstance"))
    wait_for(lambda: house.cursor == first - 1, "the cursor stays before the first")
    server.delete(f"/studies/{server.find('1.2.3')[0]}")
    # Who looks at all that waits finds the first gone, and the second still arriving.
    wait_for(lambda: house.cursor == second - 1, "the cursor stays before the second")

    assert house.intake.received == 0


def test_a_study_deleted_before_it_is_read(server: OrthancServer, house: House, make: Make) -> None:
    server.upload(make(study="1.2.3")[0])
    server.wait_stable(1)
    server.upload(make(study="1.2.4")[0])
    server.wait_stable(2)
    server.delete(f"/studies/{server.find('1.2.3')[0]}")
    house.feed(server)
    wait_completed(house, "1.2.4")
    wait_caught_up(house, server)

    assert house.intake.received == 1


def test_a_refused_instance_does_not_stop_the_others(
    server: OrthancServer, house: House, make: Make
) -> None:
    def refuse_second(number: int) -> None:
        if number == 2:
            raise ConflictingInstance

    house.intake.fail = refuse_second
    house.feed(server)
    server.upload(*(make(study="1.2.3")[0] for _ in range(3)))
    wait_completed(house, "1.2.3")
    server.upload(make(study="1.2.3")[0])
    wait_for(lambda: len(house.intake.completed) == 2, "completed again")
    wait_caught_up(house, server)

    assert len(house.intake.held) == 3
    assert house.intake.received == 4  # the refused one is not fetched again
    assert house.archive.left_over == []


@pytest.mark.parametrize("error", [OutOfSpace, RepositoryUnavailable, OSError(28, "no space")])
def test_no_room_now_is_tried_again(
    server: OrthancServer, house: House, make: Make, error: Any
) -> None:
    def refuse_twice(number: int) -> None:
        if number in (2, 3):
            raise error

    house.intake.fail = refuse_twice
    house.feed(server)
    server.upload(*(make(study="1.2.3")[0] for _ in range(3)))
    wait_completed(house, "1.2.3")
    wait_caught_up(house, server)

    assert len(house.intake.held) == 3
    assert house.intake.received == 5
    assert house.archive.left_over == []


def test_the_cursor_waits_while_there_is_no_room(
    server: OrthancServer, house: House, make: Make
) -> None:
    def full() -> None:
        raise OutOfSpace

    house.archive.check = full
    feed = house.feed(server)
    server.upload(make(study="1.2.3")[0])
    wait_for(lambda: feed.problem == "OutOfSpace", "the feed has no room")
    assert house.cursor < 1
    house.archive.check = lambda: None
    wait_completed(house, "1.2.3")


def test_an_unforeseen_error_does_not_stop_the_feed(
    server: OrthancServer, house: House, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    broken = True

    def break_first(number: int) -> None:
        if broken and number == 1:
            raise ZeroDivisionError(PATIENT)

    house.intake.fail = break_first
    house.feed(server, sweep=1.0)
    server.upload(make(study="1.2.3")[0])
    server.wait_stable(1)
    server.upload(make(study="1.2.4")[0])
    wait_completed(house, "1.2.3", "1.2.4")
    wait_caught_up(house, server)

    assert "ZeroDivisionError" in caplog.text
    assert PATIENT not in caplog.text


def test_an_instance_that_orthanc_cannot_read(
    make_orthanc: MakeOrthanc, house: House, make: Make
) -> None:
    """Its file is missing in Orthanc's storage: the others come in, and it when it is back."""
    server = make_orthanc(stable_age=1)
    storage = server.directory / "storage"
    damaged, _ = make(study="1.2.3")
    server.upload(damaged)
    server.wait_stable(1)
    (hidden,) = (p for p in storage.rglob("*") if p.is_file() and p.stat().st_size > 50_000)
    hidden.rename(server.directory / "hidden")
    server.stop()  # it would have the file in its cache
    server.start()
    server.upload(make(study="1.2.4")[0])
    house.feed(server)
    wait_completed(house, "1.2.4")
    assert house.intake.completed == ["1.2.4"]
    (first, _) = (change["Seq"] for change in server.changes("StableStudy"))
    assert house.cursor < first

    (server.directory / "hidden").rename(hidden)
    wait_completed(house, "1.2.3")
    wait_caught_up(house, server)


def test_a_list_of_changes_that_was_reset(
    make_orthanc: MakeOrthanc, house: House, make: Make
) -> None:
    """Orthanc was set up anew: its changes count from 1 again."""
    server = make_orthanc(stable_age=1)
    house.cursors.values["orthanc:pacs"] = 100_000
    house.feed(server, from_start=False)
    server.upload(make(study="1.2.3")[0])
    wait_completed(house, "1.2.3")
    wait_caught_up(house, server)


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
    wait_completed(house, "1.2.3")

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
