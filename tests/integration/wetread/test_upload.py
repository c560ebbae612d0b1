"""Files brought in by hand: the form, without a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from inference.domain.instance import Source
from inference.domain.reading import ReadingQuery
from inference.intake.door import Door
from tests.integration.wetread.pages import Pages
from tests.support.radiographs import PATIENT_NAME, radiograph
from tests.support.validators import iod_errors
from wetread.bootstrap import Stores, SystemClock
from wetread.uploads import Uploads

MAXIMUM = 4 << 20  # bytes
ANSWER = {"Accept": "application/json"}


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    def build(stores: Stores) -> Uploads:
        door = Door(stores.archive, stores.index, SystemClock(), timedelta(hours=1))
        return Uploads(door, stores.archive, SystemClock(), MAXIMUM)

    pages = Pages(tmp_path / "home", uploads=build)
    yield pages
    pages.stores.close()


def _picture(seed: int = 0, kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 48), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def _token(pages: Pages) -> str:
    text = pages.get("/upload").text
    return text.partition('name="token" value="')[2].partition('"')[0]


def _send(
    pages: Pages,
    files: list[tuple[str, bytes]],
    headers: dict[str, str] | None = None,
    **fields: str,
) -> tuple[int, list[dict[str, Any]]]:
    answer = pages.post(
        "/upload",
        files=[("file", (name, content)) for name, content in files],
        data=fields,
        headers=ANSWER | (headers or {}),
    )
    body = answer.json()
    return answer.status_code, body.get("files", [body])


def _held(pages: Pages, study: str) -> list[pydicom.Dataset]:
    stores = pages.stores
    return [
        pydicom.dcmread(stores.archive.path(each.key)) for each in stores.index.instances(study)
    ]


def _spooled(pages: Pages) -> list[Path]:
    path = pages.stores.archive.spool()
    path.unlink(missing_ok=True)
    return [each for each in path.parent.iterdir() if each.is_file()]


def test_dicom_goes_in_as_it_is(pages: Pages, tmp_path: Path) -> None:
    source = radiograph(tmp_path / "image.dcm")
    content = (tmp_path / "image.dcm").read_bytes()
    code, (first, second) = _send(pages, [("one.dcm", content), ("two", content)])
    assert code == 200
    assert (first["receipt"], second["receipt"]) == ("stored", "held already")
    assert first["url"] == f"/studies/{source.StudyInstanceUID}"
    (instance,) = pages.stores.index.instances(source.StudyInstanceUID)
    assert instance.origin.source is Source.UPLOAD
    (held,) = _held(pages, source.StudyInstanceUID)
    assert held == source
    assert _spooled(pages) == []


def test_pictures_become_one_study_with_what_was_typed(pages: Pages, tmp_path: Path) -> None:
    told = {
        "token": _token(pages),
        "patient_id": "P 77",
        "family": "Grünwald",
        "given": "Änne",
        "birth_date": "2021-02-03",
        "sex": "F",
        "study_date": "2026-03-04",
        "study_description": "Thorax im Liegen",
        "accession_number": "A77",
        "view": "AP",
        "wrapping": "DX",
        "pixel_spacing_mm": "0,15",
    }
    pictures = [("a.png", _picture(1)), ("b.jpg", _picture(2, "JPEG"))]
    code, (one, two) = _send(pages, pictures, **told)
    assert (code, one["problem"], two["problem"]) == (200, "", "")
    assert (one["receipt"], two["receipt"]) == ("stored", "stored")
    assert one["study"] == two["study"]
    first, second = _held(pages, one["study"])
    assert (str(first.PatientName), first.PatientID) == ("Grünwald^Änne", "P 77")
    assert (first.PatientBirthDate, first.PatientSex) == ("20210203", "F")
    assert (first.StudyDate, first.AccessionNumber) == ("20260304", "A77")
    assert first.StudyDescription == "Thorax im Liegen"
    assert (first.Modality, first.BodyPartExamined, first.ViewPosition) == ("DX", "CHEST", "AP")
    assert list(first.ImagerPixelSpacing) == [0.15, 0.15]
    assert [first.InstanceNumber, second.InstanceNumber] == [1, 2]
    for number, each in enumerate((first, second)):
        each.save_as(tmp_path / f"{number}.dcm")
        assert iod_errors(tmp_path / f"{number}.dcm") == []
    # The answer was lost, and the browser sends it again.
    _, (again, _) = _send(pages, pictures, **told)
    assert again["receipt"] == "held already"
    (reading,) = pages.stores.reading.read(ReadingQuery(text="grunwald")).readings
    assert reading.study.instances == 2


def test_each_file_has_its_own_answer(pages: Pages, tmp_path: Path) -> None:
    source = radiograph(tmp_path / "image.dcm")
    good = (tmp_path / "image.dcm").read_bytes()
    files = [
        ("good.dcm", good),
        ("letter.pdf", b"%PDF-1.7 " + b"x" * 500),
        ("cut.dcm", good[:140]),
        ("cut.png", _picture()[:200]),
        ("empty.png", b""),
    ]
    code, found = _send(pages, files, token=_token(pages), patient_id="P1")
    assert code == 200
    assert [bool(each["problem"]) for each in found] == [False, True, True, True, True]
    assert "neither" in found[1]["problem"]
    assert found[0]["study"] == source.StudyInstanceUID
    assert _spooled(pages) == []
    assert _send(pages, files[1:], token=_token(pages), patient_id="P1")[0] == 422


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "patient ID is needed"),
        ({"patient_id": "P1", "token": "nonsense"}, "Load the page again"),
        ({"patient_id": "P1", "birth_date": "yesterday"}, "not a date"),
        ({"patient_id": "P1", "wrapping": "XX"}, "SC or as DX"),
        ({"patient_id": "P1", "family": "a^b"}, "no ^"),
        ({"patient_id": "P1", "number": "0"}, "number"),
        ({"patient_id": "P1", "wrapping": "DX"}, "pixel spacing"),
    ],
)
def test_what_is_missing_is_said(pages: Pages, fields: dict[str, str], words: str) -> None:
    given = {"token": _token(pages)} | fields
    code, (found,) = _send(pages, [("a.png", _picture())], **given)
    assert code == 422
    assert words in found["problem"]
    assert pages.stores.index.studies() == ()


def test_a_dicom_file_needs_no_typing(pages: Pages, tmp_path: Path) -> None:
    radiograph(tmp_path / "image.dcm")
    content = (tmp_path / "image.dcm").read_bytes()
    code, _ = _send(pages, [("one.dcm", content)], birth_date="nonsense", wrapping="XX")
    assert code == 200


def test_without_a_script_the_page_itself_answers(pages: Pages) -> None:
    told = {"token": _token(pages), "patient_id": "P1", "family": "<b>Bold</b>"}
    answer = pages.post("/upload", files=[("file", ("<i>.png", _picture()))], data=told)
    assert answer.headers["content-type"].startswith("text/html")
    assert "Open the study" in answer.text
    assert "&lt;i&gt;.png" in answer.text
    assert "<b>Bold" not in answer.text


def test_a_foreign_page_cannot_upload(pages: Pages) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        code, _ = _send(pages, [("a.png", _picture())], headers, patient_id="P1")
        assert code == 403
    code, _ = _send(pages, [("a.png", _picture())], {"Origin": "http://node"}, patient_id="P1")
    assert code == 422  # no token, and nothing else
    assert pages.stores.index.studies() == ()


def test_what_is_too_large_is_refused_and_leaves_nothing(pages: Pages) -> None:
    code, _ = _send(pages, [("a.png", b"\0" * (MAXIMUM + 1))])
    assert code == 413
    code, _ = _send(pages, [("a.png", b"x")], patient_id="y" * 2000)
    assert code == 413
    assert _spooled(pages) == []


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", json.dumps({}).encode(), 415),
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=x", b"", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno head\r\n--x--", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc',
            400,
        ),
        ("multipart/form-data; boundary=x", b"--x--", 400),
    ],
)
def test_a_broken_form_is_refused(
    pages: Pages, content_type: str, body: bytes, status: int
) -> None:
    answer = pages.post("/upload", content=body, headers={"Content-Type": content_type} | ANSWER)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert _spooled(pages) == []


def test_what_is_packed_is_not_unpacked(pages: Pages) -> None:
    code, _ = _send(pages, [("a.png", _picture())], {"Content-Encoding": "gzip"})
    assert code == 415


def test_nobody_is_named_in_the_log(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    _send(pages, [(f"{PATIENT_NAME}.png", b"no picture")], patient_id="PID-QF-7291")
    assert "Quillfeather" not in caplog.text
    assert "PID-QF" not in caplog.text
