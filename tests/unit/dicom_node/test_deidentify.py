"""Nothing of the patient is left in an image; what a model needs is."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless

from dicom_node.deidentify import deidentify
from dicom_node.deidentify.allowed import KEPT
from inference.domain.errors import InputError, UnreadableInstance, UnreadablePixels
from inference.domain.pseudonym import Pseudonyms
from tests.support.radiographs import PATIENT_ID, PATIENT_NAME, radiograph
from tests.support.validators import iod_errors

NAMES = Pseudonyms(bytes(32))


def _clean(path: Path, age: float | None = 4.6) -> Dataset:
    return deidentify(path, NAMES, "Pabc", age)


def _bytes(image: Dataset, folder: Path) -> bytes:
    image.save_as(folder / "clean.dcm", enforce_file_format=True)
    return (folder / "clean.dcm").read_bytes()


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def test_nothing_of_the_patient_is_left(tmp_path: Path) -> None:
    secrets: dict[str, Any] = {
        "InstitutionName": "St Quillfeather Hospital",
        "PatientComments": "Ottoline is afraid of dogs",
        "OtherPatientIDs": "OTHER-99",
        "OperatorsName": "Opera^Tor",
        "StationName": "XRROOM9",
        "DeviceSerialNumber": "SN-5544",
        "SeriesDescription": "chest of Ottoline",
        "StudyDescription": "Study of Ottoline",
        "AcquisitionDate": "20240302",
        "AcquisitionDateTime": "20240303101112",
        "ContentDate": "20240304",
        "RequestAttributesSequence": Sequence([_item(ScheduledProcedureStepID="STEP-77")]),
        "VOILUTSequence": Sequence(
            [_item(LUTDescriptor=[2, 0, 8], LUTExplanation="for Ottoline", LUTData=b"\0\1\2\3")]
        ),
    }
    source = radiograph(tmp_path / "source.dcm", **secrets)
    source.add_new(0x00090010, "LO", "ACME OTTOLINE")
    source.add_new(0x00091001, "LO", "private Ottoline")
    source.add_new(0x60000010, "US", 16)
    source.add_new(0x60003000, "OW", b"OVERLAY!")
    source.preamble = b"Ottoline was here".ljust(128, b"\0")
    source.file_meta.SourceApplicationEntityTitle = "XRROOM9"
    source.save_as(tmp_path / "source.dcm")
    clean = _clean(tmp_path / "source.dcm")
    written = _bytes(clean, tmp_path).lower()
    for secret in (
        *PATIENT_NAME.split("^"),
        PATIENT_ID,
        "OTHER-99",
        "Opera",
        "Tor",
        "XRROOM9",
        "SN-5544",
        "STEP-77",
        "OVERLAY!",
        "dogs",
        "ACC1",
        "ACME",
        "202403",
        "20200110",
        str(source.StudyInstanceUID),
        str(source.SeriesInstanceUID),
        str(source.SOPInstanceUID),
    ):
        assert secret.lower().encode() not in written, secret
    # What the standard wants to be said of it.
    assert clean.PatientIdentityRemoved == "YES"
    codes = [each.CodeValue for each in clean.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113108"]
    assert clean.LongitudinalTemporalInformationModified == "REMOVED"


def test_what_training_needs_is_there(tmp_path: Path) -> None:
    source = radiograph(tmp_path / "source.dcm", PixelSpacing=["0.2", "0.2"])
    clean = _clean(tmp_path / "source.dcm")
    assert (clean.Modality, clean.BodyPartExamined, clean.ViewPosition) == ("CR", "CHEST", "AP")
    assert (clean.PatientAge, clean.PatientSex) == ("004Y", "F")
    assert clean.PatientID == clean.PatientName == "Pabc"
    assert clean.PixelSpacing == source.PixelSpacing
    assert np.array_equal(clean.pixel_array, source.pixel_array)
    assert clean.WindowWidth == source.WindowWidth


@pytest.mark.parametrize(
    ("age", "said"), [(0.4, "000Y"), (89.9, "089Y"), (90.0, "090Y"), (104.0, "090Y"), (None, None)]
)
def test_the_age_is_rounded(tmp_path: Path, age: float | None, said: str | None) -> None:
    radiograph(tmp_path / "source.dcm")
    assert _clean(tmp_path / "source.dcm", age).get("PatientAge") == said


def test_uids_are_replaced_the_same_way_everywhere(tmp_path: Path) -> None:
    first = radiograph(tmp_path / "1.dcm")
    radiograph(tmp_path / "2.dcm", study=first.StudyInstanceUID, series=first.SeriesInstanceUID)
    one, two = _clean(tmp_path / "1.dcm"), _clean(tmp_path / "2.dcm")
    assert one.StudyInstanceUID == two.StudyInstanceUID != first.StudyInstanceUID
    assert one.SeriesInstanceUID == two.SeriesInstanceUID
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("BodyPartExamined", "QUILLFEATHER"),
        ("ImageType", ["ORIGINAL", "PRIMARY", "OTTOLINE"]),
        ("SeriesNumber", "20240301"),
        ("ViewPosition", "PID-QF-7291"),
    ],
)
def test_a_kept_element_that_tells_who_it_is_goes(
    tmp_path: Path, keyword: str, value: object
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        radiograph(tmp_path / "source.dcm", **{keyword: value})
    assert keyword not in _clean(tmp_path / "source.dcm")


@pytest.mark.parametrize("signed", [0, 1])
def test_nothing_hides_in_unused_bits(tmp_path: Path, signed: int) -> None:
    stored = np.array([[-5, 7], [2047, -2048]] if signed else [[5, 7], [4095, 0]], dtype=np.int32)
    hidden = (stored & 0x0FFF).astype(np.uint16) | np.array([[0xA000, 0], [0x5000, 0xF000]], "u2")
    radiograph(
        tmp_path / "source.dcm",
        Rows=2,
        Columns=2,
        PixelRepresentation=signed,
        PixelData=hidden.astype("<u2").tobytes() + b"behind the last pixel!",
    )
    clean = _clean(tmp_path / "source.dcm")
    kept = np.frombuffer(clean.PixelData, "<i2" if signed else "<u2").reshape(2, 2)
    assert np.array_equal(kept, stored)


def test_a_codestream_is_decoded(pydicom_data: Path) -> None:
    source = pydicom.dcmread(pydicom_data / "RG1_J2KR.dcm")
    assert source.file_meta.TransferSyntaxUID == JPEG2000Lossless
    clean = _clean(pydicom_data / "RG1_J2KR.dcm")
    assert not clean.file_meta.TransferSyntaxUID.is_compressed
    assert np.array_equal(clean.pixel_array, source.pixel_array)


@pytest.mark.parametrize("name", ["CR", "CT", "SC"])
def test_it_is_still_an_object_of_its_class(name: str, tmp_path: Path, pydicom_data: Path) -> None:
    path = {"CT": pydicom_data / "693_UNCR.dcm", "SC": pydicom_data / "RG1_UNCR.dcm"}.get(name)
    if path is None:
        path = tmp_path / "source.dcm"
        radiograph(path)
    _bytes(_clean(path), tmp_path)
    before = {line.split(" Module")[0] for line in iod_errors(path)}
    after = {line.split(" Module")[0] for line in iod_errors(tmp_path / "clean.dcm")}
    assert after <= before


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.dcm").write_text("no DICOM")
    with pytest.raises(UnreadableInstance):
        _clean(tmp_path / "text.dcm")
    with pytest.raises(UnreadableInstance):
        _clean(tmp_path / "missing.dcm")
    radiograph(tmp_path / "none.dcm", PixelData=None)
    with pytest.raises(UnreadablePixels):
        _clean(tmp_path / "none.dcm")
    radiograph(tmp_path / "short.dcm", PixelData=b"\0\1")
    with pytest.raises(UnreadablePixels, match="too early"):
        _clean(tmp_path / "short.dcm")
    radiograph(tmp_path / "odd.dcm", BitsStored=20)
    with pytest.raises(InputError):
        _clean(tmp_path / "odd.dcm")


def test_the_list_keeps_no_names_dates_or_texts() -> None:
    telling = {"PN", "DA", "DT", "TM", "LT", "ST", "UT", "AE", "UN", "UC", "UR"}
    kept = {
        keyword: pydicom.datadict.dictionary_VR(pydicom.datadict.tag_for_keyword(keyword))  # type: ignore[arg-type]
        for keyword in KEPT
    }
    assert not {keyword for keyword, vr in kept.items() if vr in telling}
    assert {keyword for keyword, vr in kept.items() if vr in ("LO", "SH")} == {
        "ConvolutionKernel",
        "ModalityLUTType",
        "RescaleType",
    }
