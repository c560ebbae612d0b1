"""PS3.18 Section 10.4: the Retrieve transaction, and Chapter 9: the URI service."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from tests.conformance.target import DICOM, JSON, OCTETS, Target, clause
from tests.support.multipart import parts_of
from tests.support.studies import FRAMES, IMAGE, OTHER, PIXELS, SERIES, STACK, STACKED, STUDY

AT = f"/studies/{STUDY}/series/{SERIES}/instances"
MULTI = f"/studies/{STUDY}/series/{STACK}/instances/{FRAMES}"
PLAIN = "1.2.840.10008.1.2.1"
RLE, JLS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"


def files(answer: Any) -> list[pydicom.Dataset]:
    assert answer.status_code == 200, answer.text[:200]
    return [pydicom.dcmread(io.BytesIO(content)) for _, content in parts_of(answer)]


def picture(answer: Any) -> Image.Image:
    assert answer.status_code == 200, answer.text[:200]
    return Image.open(io.BytesIO(answer.content))


@clause("10.4.1.1.1", "A Study is retrieved")
def test_study(server: Target) -> None:
    assert len(files(server.get(f"/studies/{STUDY}", f"{DICOM}; transfer-syntax=*"))) == 4


@clause("10.4.1.1.1", "A Series is retrieved")
def test_series(server: Target) -> None:
    path = f"/studies/{STUDY}/series/{SERIES}"
    assert len(files(server.get(path, f"{DICOM}; transfer-syntax=*"))) == 3


@clause("10.4.1.1.1", "An Instance is retrieved")
def test_instance(server: Target) -> None:
    (made,) = files(server.get(f"{AT}/{IMAGE}", DICOM))
    assert made.SOPInstanceUID == IMAGE


@clause("10.4.1.1.2", "Metadata of a Study, a Series and an Instance are retrieved")
def test_metadata(server: Target) -> None:
    for path, count in (
        (f"/studies/{STUDY}", 4),
        (f"/studies/{STUDY}/series/{SERIES}", 3),
        (MULTI, 1),
    ):
        assert len(server.json(f"{path}/metadata")) == count


@clause("10.4.1.1.2", "Metadata are application/dicom+xml where that is asked for")
def test_metadata_xml(server: Target) -> None:
    answer = server.get(f"{MULTI}/metadata", 'multipart/related; type="application/dicom+xml"')
    ((headers, content),) = parts_of(answer)
    assert headers["content-type"].startswith("application/dicom+xml")
    assert b"NativeDicomModel" in content


@clause("10.4.1.1.2", "Metadata have a URI for the pixels, which are there")
def test_bulk_data(server: Target) -> None:
    (model,) = server.json(f"{AT}/{IMAGE}/metadata")
    uri = model["7FE00010"]["BulkDataURI"]
    answer = server.client.get(uri, headers={"Accept": OCTETS})
    ((_, content),) = parts_of(answer)
    assert content == PIXELS.tobytes()


@clause("10.4.1.1.5", "Bulk data come as a single part where that is asked for")
def test_bulk_data_alone(server: Target) -> None:
    (model,) = server.json(f"{AT}/{IMAGE}/metadata")
    uri = model["7FE00010"]["BulkDataURI"]
    answer = server.client.get(uri, headers={"Accept": "application/octet-stream"})
    assert answer.content == PIXELS.tobytes()


@clause("10.4.1.1.6", "Frames are retrieved, in the order that is asked for")
def test_frames(server: Target) -> None:
    parts = parts_of(server.get(f"{MULTI}/frames/3,1", OCTETS))
    assert [content for _, content in parts] == [STACKED[2].tobytes(), STACKED[0].tobytes()]


@clause("10.4.1.1.6", "Frames of compressed images are retrieved uncompressed")
@pytest.mark.parametrize("number", [2, 3])
def test_frames_uncompressed(server: Target, number: int) -> None:
    parts = parts_of(server.get(f"{AT}/{SERIES}.{number}/frames/1", OCTETS))
    assert parts[0][1] == PIXELS.tobytes()


@clause("10.4.1.1.6", "Frames are retrieved as they are held")
def test_frames_as_held(server: Target) -> None:
    accept = f'multipart/related; type="image/jls"; transfer-syntax={JLS}'
    parts = parts_of(server.get(f"{AT}/{SERIES}.3/frames/1", accept))
    assert parts[0][1].startswith(b"\xff\xd8\xff\xf7")


@clause("10.4.3.1", "A frame that is not there: 404, or 400")
def test_no_frame(server: Target) -> None:
    assert server.get(f"{MULTI}/frames/9", OCTETS).status_code in (400, 404)


@clause("10.4.3.1", "A malformed list of frames: 400")
def test_malformed_frames(server: Target) -> None:
    assert server.get(f"{MULTI}/frames/one", OCTETS).status_code == 400


@clause("10.4.3.1", "A Study, Series or Instance that is not there: 404")
def test_not_there(server: Target) -> None:
    for path in ("/studies/1.9", f"/studies/{STUDY}/series/1.9", f"{AT}/1.9"):
        assert server.get(path, DICOM).status_code == 404
        assert server.get(f"{path}/metadata", JSON).status_code == 404


@clause("10.4.3.1", "An Instance is not found under another Study")
def test_other_study(server: Target) -> None:
    assert server.get(f"{AT}/{IMAGE}".replace(STUDY, "1.9", 1), DICOM).status_code == 404


@clause("8.7.3", "Without a transfer syntax, Explicit VR Little Endian comes")
def test_default_syntax(server: Target) -> None:
    for number in (1, 2, 3):
        (made,) = files(server.get(f"{AT}/{SERIES}.{number}", DICOM))
        assert made.file_meta.TransferSyntaxUID == PLAIN
        np.testing.assert_array_equal(made.pixel_array, PIXELS)


@clause("8.7.3.5.2", "The transfer syntax that is named comes")
def test_named_syntax(server: Target) -> None:
    (made,) = files(server.get(f"{AT}/{SERIES}.3", f"{DICOM}; transfer-syntax={PLAIN}"))
    assert made.file_meta.TransferSyntaxUID == PLAIN
    (held,) = files(server.get(f"{AT}/{SERIES}.3", f"{DICOM}; transfer-syntax={JLS}"))
    assert held.file_meta.TransferSyntaxUID == JLS


@clause("8.7.3.5.2", "transfer-syntax=* leaves it as it is held")
def test_any_syntax(server: Target) -> None:
    for number, syntax in ((1, PLAIN), (2, RLE), (3, JLS)):
        (made,) = files(server.get(f"{AT}/{SERIES}.{number}", f"{DICOM}; transfer-syntax=*"))
        assert made.file_meta.TransferSyntaxUID == syntax


@clause("8.7.3.5.2", "The part says its transfer syntax")
def test_said_syntax(server: Target) -> None:
    answer = server.get(f"{AT}/{SERIES}.3", f"{DICOM}; transfer-syntax=*")
    ((headers, _),) = parts_of(answer)
    assert JLS in headers["content-type"]


@clause("8.7.3", "Implicit VR Little Endian is not sent")
def test_no_implicit_vr(server: Target) -> None:
    path = f"/studies/{OTHER}/series/{OTHER}.1/instances/{OTHER}.1.1"
    for accept in (DICOM, f"{DICOM}; transfer-syntax=*"):
        (made,) = files(server.get(path, accept))
        assert made.file_meta.TransferSyntaxUID == PLAIN
        np.testing.assert_array_equal(made.pixel_array, PIXELS)


@clause("8.7.5", "A transfer syntax that cannot be made is not acceptable: 406")
def test_impossible_syntax(server: Target) -> None:
    accept = f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.100"
    assert server.get(f"{AT}/{IMAGE}", accept).status_code == 406


@clause("8.7.5", "Instances are not made into what they are not: 406")
def test_not_acceptable(server: Target) -> None:
    assert server.get(f"/studies/{STUDY}", "text/html").status_code == 406


@clause("10.4.1.1.3", "An Instance is rendered")
@pytest.mark.parametrize(("media", "kind"), [("image/jpeg", "JPEG"), ("image/png", "PNG")])
def test_rendered(server: Target, media: str, kind: str) -> None:
    found = picture(server.get(f"{AT}/{IMAGE}/rendered", media))
    assert (found.format, found.size) == (kind, (64, 64))


@clause("10.4.1.1.3", "A frame is rendered")
def test_rendered_frame(server: Target) -> None:
    assert picture(server.get(f"{MULTI}/frames/2/rendered", "image/png")).size == (64, 64)


@clause("10.4.1.1.3", "Series and Studies are rendered")
def test_rendered_series(server: Target) -> None:
    for path in (f"/studies/{STUDY}", f"/studies/{STUDY}/series/{SERIES}"):
        accept = 'multipart/related; type="image/jpeg"'
        assert len(parts_of(server.get(f"{path}/rendered", accept))) >= 3


@clause("10.4.1.1.4", "Studies, Series, Instances and frames have thumbnails")
@pytest.mark.parametrize(
    "path", [f"/studies/{STUDY}", f"/studies/{STUDY}/series/{SERIES}", MULTI, f"{MULTI}/frames/2"]
)
def test_thumbnails(server: Target, path: str) -> None:
    assert picture(server.get(f"{path}/thumbnail", "image/jpeg")).format == "JPEG"


@clause("8.3.5.1", "viewport: the size is that of the viewport")
def test_viewport(server: Target) -> None:
    found = picture(server.get(f"{AT}/{IMAGE}/rendered?viewport=32,32", "image/png"))
    assert found.size == (32, 32)


@clause("8.3.5.1", "window: values are windowed as asked")
def test_window(server: Target) -> None:
    path = f"{AT}/{IMAGE}/rendered?window=1024,512,linear"
    shown = np.asarray(picture(server.get(path, "image/png")).convert("L")).astype(int)
    assert shown[PIXELS < 700].max() == 0
    assert shown[PIXELS > 1400].min() == 255
    assert abs(int(shown[PIXELS == 1024][0]) - 128) <= 2


@clause("8.3.5.1", "window: what is malformed is refused: 400")
def test_malformed_window(server: Target) -> None:
    assert server.get(f"{AT}/{IMAGE}/rendered?window=wide", "image/png").status_code == 400


@clause("8.3.5.1", "quality: a lower one makes a smaller JPEG")
def test_quality(server: Target) -> None:
    low, high = (
        len(server.get(f"{AT}/{IMAGE}/rendered?quality={each}", "image/jpeg").content)
        for each in (5, 95)
    )
    assert low < high


@clause("9.4", "The URI service retrieves a picture")
def test_uri_picture(server: Target) -> None:
    assert picture(uri(server)).format == "JPEG"


@clause("9.4", "The URI service retrieves an Instance")
def test_uri_instance(server: Target) -> None:
    answer = uri(server, contentType="application/dicom")
    assert pydicom.dcmread(io.BytesIO(answer.content)).SOPInstanceUID == IMAGE


@clause("9.4", "The URI service scales to rows and columns")
def test_uri_size(server: Target) -> None:
    answer = uri(server, contentType="image/png", rows="32", columns="32")
    assert picture(answer).size == (32, 32)


@clause("9.4", "The URI service refuses a request without UIDs: 400")
def test_uri_malformed(server: Target) -> None:
    assert uri(server, objectUID="").status_code == 400


@clause("9.4", "The URI service does not find what is not there: 404")
def test_uri_not_there(server: Target) -> None:
    assert uri(server, objectUID="1.9").status_code == 404


def uri(server: Target, **parameters: str) -> Any:
    basic = {"requestType": "WADO", "studyUID": STUDY, "seriesUID": SERIES, "objectUID": IMAGE}
    # Slashes as they are: some servers do not decode them.
    query = "&".join(f"{name}={value}" for name, value in {**basic, **parameters}.items())
    return server.client.get(f"{server.uri}?{query}")
