"""The Retrieve transaction: files as they are, in other transfer syntaxes, frames, metadata."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom
import pydicom.encaps
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.support.multipart import parts_of
from tests.support.origin import OriginServer, part10_of, radiograph
from tests.unit.dicom_node.images import image, item

STUDY, SERIES = "1.2.3", "1.2.3.1"
PLAIN = str(ExplicitVRLittleEndian)
DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'
VALUES = (np.arange(5 * 32 * 40) * 10).astype(np.uint16).reshape(5, 32, 40)
COLOURS = (np.arange(40 * 35 * 3) % 251).astype(np.uint8).reshape(40, 35, 3)


def at(uid: str) -> str:
    return f"/studies/{STUDY}/series/{SERIES}/instances/{uid}"


def make(uid: str, values: Any, **of: Any) -> FileDataset:
    made = radiograph(study=STUDY, series=SERIES, sop_instance=uid, values=values, **of)
    made.PatientName = "Müller^Jörg"
    made.SpecificCharacterSet = "ISO_IR 100"
    made.ReferencedImageSequence = [item(ReferencedSOPInstanceUID="1.9", ReferencedFrameNumber=[2])]
    made.SmallestImagePixelValue = 3
    made.RescaleSlope = "1.5"
    return made


def other_syntax(made: FileDataset, syntax: str) -> FileDataset:
    uid = UID(syntax)
    if uid.is_compressed and uid != DeflatedExplicitVRLittleEndian:
        made.compress(uid, generate_instance_uid=False)
        return made
    made.file_meta.TransferSyntaxUID = uid
    if uid == ExplicitVRBigEndian:
        words = np.frombuffer(made.PixelData, "<u2")
        made.PixelData = words.astype(">u2").tobytes()
    made.set_original_encoding(uid == ImplicitVRLittleEndian, uid != ExplicitVRBigEndian)
    return made


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginServer]:
    with OriginServer(tmp_path_factory.mktemp("origin")) as origin:
        for number, syntax in enumerate(SYNTAXES, 1):
            origin.add(other_syntax(make(f"1.1.{number}", VALUES, frames=5), syntax))
        for number, syntax in enumerate((PLAIN, RLELossless), 1):
            origin.add(other_syntax(make(f"1.2.{number}", COLOURS, photometric="RGB"), str(syntax)))
        bits = make("1.3.1", np.zeros((5, 3, 3), np.uint8), frames=5)
        bits.BitsAllocated, bits.BitsStored, bits.HighBit = 1, 1, 0
        bits.PixelData = np.packbits(BITS, axis=None, bitorder="little").tobytes()
        origin.add(bits)
        strange = make("1.4.1", VALUES, frames=5)
        strange.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.102")
        strange.PixelData = pydicom.encaps.encapsulate([b"\0\1\2\3" * 20])
        strange["PixelData"].VR = "OB"
        strange.StudyInstanceUID = "1.2.9"
        origin.add(strange)
        yield origin


SYNTAXES = [
    str(each)
    for each in (
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    )
]
BITS = (np.arange(45) * 7 % 5 < 2).astype(np.uint8).reshape(5, 9)


@pytest.mark.parametrize("number", range(1, len(SYNTAXES) + 1))
def test_an_instance_comes_as_it_is_held(filled: OriginServer, number: int) -> None:
    answer = filled.get(at(f"1.1.{number}"), f"{DICOM}; transfer-syntax=*")
    ((headers, content),) = parts_of(answer)
    syntax = SYNTAXES[number - 1]
    if syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian):  # never sent, Section 8.7.3
        assert headers["content-type"] == f"application/dicom; transfer-syntax={PLAIN}"
        return
    assert headers["content-type"] == f"application/dicom; transfer-syntax={syntax}"
    assert headers["content-location"] == filled.url + at(f"1.1.{number}")
    entry = filled.index.find(f"1.1.{number}")
    assert entry is not None
    assert content == filled.archive.path(entry.key).read_bytes()


@pytest.mark.parametrize("number", range(1, len(SYNTAXES) + 1))
@pytest.mark.parametrize("accept", [DICOM, "*/*", f"{DICOM}; transfer-syntax={PLAIN}"])
def test_an_instance_comes_uncompressed(filled: OriginServer, number: int, accept: str) -> None:
    ((headers, content),) = parts_of(filled.get(at(f"1.1.{number}"), accept))
    assert headers["content-type"] == f"application/dicom; transfer-syntax={PLAIN}"
    made = pydicom.dcmread(io.BytesIO(content))
    assert made.file_meta.TransferSyntaxUID == PLAIN
    np.testing.assert_array_equal(made.pixel_array, VALUES)
    assert made.PatientName == "Müller^Jörg"
    assert made.ReferencedImageSequence[0].ReferencedFrameNumber == 2
    assert made.SmallestImagePixelValue == 3
    assert made.RescaleSlope == 1.5
    assert made["PixelData"].VR == "OW"
    expected = make(f"1.1.{number}", VALUES, frames=5)
    assert set(made.keys()) == set(expected.keys())


@pytest.mark.parametrize("target", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("number", [1, 3, 5])
def test_an_instance_comes_compressed_without_loss(
    filled: OriginServer, number: int, target: UID
) -> None:
    answer = filled.get(at(f"1.1.{number}"), f"{DICOM}; transfer-syntax={target}")
    ((headers, content),) = parts_of(answer)
    assert headers["content-type"].endswith(target)
    np.testing.assert_array_equal(pydicom.dcmread(io.BytesIO(content)).pixel_array, VALUES)


@pytest.mark.parametrize("uid", ["1.2.1", "1.2.2"])
@pytest.mark.parametrize("target", [PLAIN, str(JPEGLSLossless)])
def test_colours_stay(filled: OriginServer, uid: str, target: str) -> None:
    answer = filled.get(at(uid), f"{DICOM}; transfer-syntax={target}")
    ((_, content),) = parts_of(answer)
    made = pydicom.dcmread(io.BytesIO(content))
    assert (made.PhotometricInterpretation, made.PlanarConfiguration) == ("RGB", 0)
    np.testing.assert_array_equal(made.pixel_array, COLOURS)


def test_what_was_compressed_with_loss_stays_so(filled: OriginServer) -> None:
    ((headers, _),) = parts_of(filled.get("/studies/1.2.9", DICOM))
    assert headers["content-type"].endswith("=1.2.840.10008.1.2.4.102")


def test_studies_and_series_come_part_by_part(filled: OriginServer) -> None:
    for path in (f"/studies/{STUDY}", f"/studies/{STUDY}/series/{SERIES}"):
        parts = parts_of(filled.get(path, f"{DICOM}; transfer-syntax=*"))
        uids = [pydicom.dcmread(io.BytesIO(part)).SOPInstanceUID for _, part in parts]
        assert uids == [f"1.1.{number}" for number in range(1, 8)] + ["1.2.1", "1.2.2", "1.3.1"]


def test_one_instance_comes_alone_where_that_is_asked_for(filled: OriginServer) -> None:
    answer = filled.get(at("1.1.1"), "application/dicom")
    assert answer.headers["content-type"] == f"application/dicom; transfer-syntax={PLAIN}"
    assert answer.content[128:132] == b"DICM"
    assert filled.get(f"/studies/{STUDY}", "application/dicom").status_code == 406


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        (at("1.1.1"), "image/jpeg"),
        (at("1.1.1"), f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.50"),
        ("/studies/1.2.9", f"{DICOM}; transfer-syntax={PLAIN}"),
        (at("1.1.2"), f"{DICOM}; transfer-syntax=1.2.840.10008.1.2"),
        (at("1.4.1").replace(STUDY, "1.2.9", 1) + "/frames/1", OCTETS),
        (at("1.1.1") + "/frames/1", "text/plain"),
        (at("1.1.1") + "/frames/1,2", "application/octet-stream"),
        (at("1.1.1") + "/frames/1", 'multipart/related; type="image/jpeg"'),
        (at("1.1.1") + "/metadata", "text/html"),
        (at("1.1.1") + "/rendered", "text/html"),
    ],
)
def test_what_cannot_be_made_is_not_acceptable(
    filled: OriginServer, path: str, accept: str
) -> None:
    answer = filled.get(path, accept)
    assert answer.status_code == 406, answer.content[:200]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/studies/1.9.9", 404),
        ("/studies/1.9.9/metadata", 404),
        ("/studies/1.9.9/rendered", 404),
        ("/studies/1.9.9/thumbnail", 404),
        (f"/studies/{STUDY}/series/1.9", 404),
        (at("1.9.9"), 404),
        (at("1.1.1").replace(STUDY, "1.2.9", 1), 404),
        (at("1.1.1") + "/frames/6", 404),
        (at("1.1.1") + "/frames/6/rendered", 404),
        (at("1.1.1") + "/bulkdata/00100010", 404),
        (at("1.1.1") + "/bulkdata/00091001", 404),
        (at("1.1.1") + "/bulkdata/00081140/7/7FE00010", 404),
        ("/studies/x", 400),
        (f"/studies/{'1' * 65}", 400),
        (at("1.1.1") + "/frames/0", 400),
        (at("1.1.1") + "/frames/one", 400),
        (at("1.1.1") + "/frames/1,,2", 400),
        (at("1.1.1") + "/bulkdata/../../etc", 400),
        (at("1.1.1") + "/bulkdata/etc", 400),
        (at("1.1.1") + "/rendered?window=1", 400),
        (at("1.1.1") + "/rendered?window=a,b,linear", 400),
        (at("1.1.1") + "/rendered?window=10,0,linear", 400),
        (at("1.1.1") + "/rendered?window=10,20,cubic", 400),
        (at("1.1.1") + "/rendered?viewport=0,10", 400),
        (at("1.1.1") + "/rendered?viewport=100000,10", 400),
        (at("1.1.1") + "/rendered?quality=0", 400),
        (at("1.1.1") + "/rendered?annotation=everything", 400),
    ],
)
def test_what_is_not_there_or_wrong(filled: OriginServer, path: str, status: int) -> None:
    assert filled.get(path).status_code == status


@pytest.mark.parametrize("number", range(1, len(SYNTAXES) + 1))
def test_frames_come_in_order(filled: OriginServer, number: int) -> None:
    parts = parts_of(filled.get(at(f"1.1.{number}") + "/frames/3,1,5", OCTETS))
    assert [content for _, content in parts] == [VALUES[each].tobytes() for each in (2, 0, 4)]
    assert parts[0][0]["content-type"] == f"application/octet-stream; transfer-syntax={PLAIN}"
    assert parts[1][0]["content-location"].endswith(f"/1.1.{number}/frames/1")


def test_frames_of_bits_are_whole(filled: OriginServer) -> None:
    parts = parts_of(filled.get(at("1.3.1") + "/frames/1,2,5", OCTETS))
    for (_, content), frame in zip(parts, (0, 1, 4), strict=True):
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")[:9]
        np.testing.assert_array_equal(bits, BITS[frame])


@pytest.mark.parametrize(
    ("number", "accept", "media", "syntax"),
    [
        (6, 'multipart/related; type="image/jls"', "image/jls", JPEGLSLossless),
        (6, f"{OCTETS}; transfer-syntax=*", "application/octet-stream", JPEGLSLossless),
        (7, 'multipart/related; type="image/*"; transfer-syntax=*', "image/jp2", JPEG2000Lossless),
        (1, 'multipart/related; type="image/jls"', "image/jls", JPEGLSLossless),
        (5, 'multipart/related; type="image/jp2"', "image/jp2", JPEG2000Lossless),
        (1, f"{OCTETS}; transfer-syntax=*", "application/octet-stream", PLAIN),
    ],
)
def test_frames_come_compressed(
    filled: OriginServer, number: int, accept: str, media: str, syntax: str
) -> None:
    answer = filled.get(at(f"1.1.{number}") + "/frames/2", accept)
    assert f'type="{media}"' in answer.headers["content-type"]
    ((headers, content),) = parts_of(answer)
    assert headers["content-type"] == f"{media}; transfer-syntax={syntax}"
    if syntax != PLAIN:
        single = image(VALUES[1], transfer_syntax=str(syntax))
        single.PixelData = pydicom.encaps.encapsulate([content])
        single["PixelData"].VR = "OB"
        content = single.pixel_array.tobytes()
    assert content == VALUES[1].tobytes()


def test_one_frame_comes_alone(filled: OriginServer) -> None:
    answer = filled.get(at("1.1.5") + "/frames/2", "application/octet-stream")
    assert answer.content == VALUES[1].tobytes()


def test_metadata_are_all_but_the_pixels(filled: OriginServer) -> None:
    models = filled.json(f"/studies/{STUDY}/metadata")
    assert len(models) == 10
    for number, model in enumerate(models[:7], 1):
        assert model["00100010"]["Value"] == [{"Alphabetic": "Müller^Jörg"}]
        assert model["00080005"]["Value"] == ["ISO_IR 192"]
        assert model["00081140"]["Value"][0]["00081155"]["Value"] == ["1.9"]
        assert model["7FE00010"]["BulkDataURI"] == (
            f"{filled.url}{at(f'1.1.{number}')}/bulkdata/7FE00010"
        )
    assert len(filled.json(f"/studies/{STUDY}/series/{SERIES}/metadata")) == 10
    assert len(filled.json(at("1.1.3") + "/metadata")) == 1
    xml = filled.get(at("1.1.3") + "/metadata", 'multipart/related; type="application/dicom+xml"')
    ((headers, content),) = parts_of(xml)
    assert headers["content-type"] == "application/dicom+xml"
    assert b'<BulkData uri="http' in content


def test_a_broken_file_does_not_hide_the_others(origin: OriginServer) -> None:
    kept = origin.add(make("1.1.1", VALUES, frames=5))
    origin.add(make("1.1.2", VALUES, frames=5))
    origin.archive.path(kept.key).write_bytes(b"broken")
    first, second = origin.json(f"/studies/{STUDY}/metadata")
    assert first["00080018"]["Value"] == ["1.1.1"]
    assert "7FE00010" in second


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_bulk_data_come_whole_and_in_ranges(filled: OriginServer, number: int) -> None:
    url = at(f"1.1.{number}") + "/bulkdata/7FE00010"
    if number == 3:  # turned round, it comes frame by frame
        parts = parts_of(filled.get(url, OCTETS))
        assert b"".join(content for _, content in parts) == VALUES.tobytes()
        return
    whole = filled.get(url, "application/octet-stream")
    assert whole.content == VALUES.tobytes()
    ((_, content),) = parts_of(filled.get(url, OCTETS))
    assert content == whole.content
    part = filled.get(url, "application/octet-stream", Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    last = filled.get(url, "application/octet-stream", Range="bytes=-4")
    assert last.content == whole.content[-4:]
    beyond = filled.get(url, "application/octet-stream", Range="bytes=99999-")
    assert beyond.status_code == 416


def test_long_values_are_bulk_data(origin: OriginServer) -> None:
    made = make("1.1.1", VALUES, frames=5)
    made.ReferencedImageSequence[0].add_new(0x00420011, "OB", bytes(range(256)) * 8)
    made.add_new(0x00420011, "OB", b"short!")
    origin.add(made)
    (model,) = origin.json(at("1.1.1") + "/metadata")
    assert model["00420011"]["InlineBinary"] == "c2hvcnQh"
    uri = model["00081140"]["Value"][0]["00420011"]["BulkDataURI"]
    assert origin.get(uri.removeprefix(origin.url), "*/*").status_code == 200
    answer = origin.get(uri.removeprefix(origin.url), "application/octet-stream")
    assert answer.content == bytes(range(256)) * 8


def test_what_is_held_already_is_not_sent_again(filled: OriginServer) -> None:
    for path in ("", "/metadata", "/frames/1", "/rendered", "/thumbnail"):
        first = filled.get(at("1.1.1") + path)
        assert first.status_code == 200
        tag = first.headers["etag"]
        assert filled.get(at("1.1.1") + path, **{"If-None-Match": tag}).status_code == 304
        since = first.headers["last-modified"]
        assert filled.get(at("1.1.1") + path, **{"If-Modified-Since": since}).status_code == 304
        assert filled.get(at("1.1.1") + path, **{"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize(
    ("path", "first", "then"),
    [
        ("", "application/dicom", 'multipart/related; type="application/dicom"'),
        ("/metadata", "application/dicom+json", 'multipart/related; type="application/dicom+xml"'),
        ("/frames/1", 'multipart/related; type="image/jls"', "application/octet-stream"),
        ("/rendered", "image/jpeg", "image/png"),
    ],
)
def test_who_holds_it_in_one_media_type_gets_it_in_another(
    filled: OriginServer, path: str, first: str, then: str
) -> None:
    held = filled.get(at("1.1.1") + path, first)
    answer = filled.get(at("1.1.1") + path, then, **{"If-None-Match": held.headers["etag"]})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(then)


def test_a_large_study_is_streamed(origin: OriginServer) -> None:
    values = np.zeros((64, 512, 512), np.uint16)
    for number in range(3):
        made = make(f"1.1.{number}", values, frames=64)
        made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        made.set_original_encoding(True, True)
        origin.add(made)
    received, largest = 0, 0
    with origin.client.stream(
        "GET", f"{origin.url}/studies/{STUDY}", headers={"Accept": DICOM}
    ) as answer:
        for chunk in answer.iter_raw():
            received += len(chunk)
            largest = max(largest, len(chunk))
    assert received > 3 * values.nbytes
    assert largest <= 1 << 20


def test_our_own_results_are_part_of_the_study(origin: OriginServer) -> None:
    made = make("1.1.1", VALUES, frames=5)
    origin.add(make("1.1.2", VALUES, frames=5))
    made.Manufacturer = "Wetread"
    key = origin.archive.keep_result(STUDY, "1.1.1", part10_of(made))
    description = origin.archive.describe(origin.archive.path(key))
    origin.store.catalogue(description, key)
    assert len(origin.json(f"/studies/{STUDY}/instances")) == 2
    assert len(parts_of(origin.get(f"/studies/{STUDY}", DICOM))) == 2
