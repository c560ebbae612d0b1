"""De-identification of one image (PS3.15 Annex E, Basic Application Confidentiality Profile)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian

from dicom_node.deidentify.allowed import EMPTY, IDENTIFYING, KEPT, REPLACED
from dicom_node.deidentify.pixels import plain_pixels
from inference.domain.errors import UnreadableInstance, UnreadablePixels
from inference.domain.pseudonym import Pseudonyms

_METHOD = "Wetread: only what training needs is kept (allow-list)"
_OLDEST = 90  # years; so few are older that a number would tell who it is
_SHORTEST = 3  # characters; shorter ones are in everything
_TELLING = frozenset({"PN", "DA", "DT", "UI", "AE"})
_TEXTS = frozenset({"CS", "LO", "SH"})
_NUMBERS = frozenset({"IS", "DS"})
_SEXES = frozenset({"M", "F", "O"})


def deidentify(
    part10: Path, pseudonyms: Pseudonyms, patient: str, age_years: float | None
) -> Dataset:
    """Return the image with plain pixels and nothing that says whose it is.

    `patient`: their pseudonym. `age_years` is rounded to whole years, and 90 stands for more.
    What is burned into the pixels stays there: see `BurnedInAnnotation`.

    Raises `UnreadableInstance`, `UnreadablePixels` or `CodecMissing`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd values, most of which go anyway
        source = _read(part10)
        plain_pixels(source)
        telling = set(_telling(source))
        target = _kept(source, telling)
        target.PixelData = source.PixelData
        target["PixelData"].VR = source["PixelData"].VR
        for keyword in REPLACED:
            if source.get(keyword):
                setattr(target, keyword, pseudonyms.uid(str(source[keyword].value)))
        _name(target, source, patient, age_years)
        target.file_meta = FileMetaDataset()
        target.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        target.file_meta.MediaStorageSOPClassUID = target.SOPClassUID
        target.file_meta.MediaStorageSOPInstanceUID = target.SOPInstanceUID
    return target


def burned_in_annotation(part10: Path) -> str:
    """Return what the header says of text in the pixels: YES, NO or "" (PS3.3 C.7.6.1)."""
    with warnings.catch_warnings(), suppress(Exception):  # whatever a hostile file raises
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(part10, specific_tags=["BurnedInAnnotation"])
        return str(header.get("BurnedInAnnotation") or "").strip().upper()
    return ""


def _read(part10: Path) -> Dataset:
    try:
        source = pydicom.dcmread(part10)
    # A boundary: whatever pydicom raises on a hostile file means the same.
    except Exception as error:
        raise UnreadableInstance(f"not a readable data set: {type(error).__name__}") from error
    if "PixelData" not in source:
        raise UnreadablePixels("no pixel data")
    return source


def _kept(source: Dataset, telling: set[str]) -> Dataset:
    """Return what the allow-list lets pass, down to the last sequence."""
    target = Dataset()
    for element in source:
        if element.keyword not in KEPT:
            continue
        if element.VR == "SQ":
            items = [_kept(item, telling) for item in element.value or []]
            target.add_new(element.tag, "SQ", [item for item in items if len(item)])
        elif not _tells(element, telling):
            target.add(element)
    return target


def _tells(element: pydicom.DataElement, telling: set[str]) -> bool:
    """Does a value say who it is?"""
    values = [str(each).strip().casefold() for each in _values(element)]
    if element.VR in _NUMBERS:
        return any(each in telling for each in values)
    return element.VR in _TEXTS and any(known in each for each in values for known in telling)


def _telling(source: Dataset) -> Iterator[str]:
    """Yield what identifies people, places and devices in `source`, in small letters."""
    for element in source.iterall():
        if element.keyword == "SOPClassUID" or element.VR == "SQ":
            continue
        if element.VR not in _TELLING and element.keyword not in IDENTIFYING:
            continue
        for value in _values(element):
            text = str(value).strip().casefold()
            parts = text.replace("=", "^").replace(" ", "^").split("^")
            for each in (text, *parts) if element.VR == "PN" else (text,):
                if len(each) >= _SHORTEST:
                    yield each


def _values(element: pydicom.DataElement) -> list[object]:
    value = element.value
    return list(value) if isinstance(value, MultiValue) else [value]


def _name(target: Dataset, source: Dataset, patient: str, age_years: float | None) -> None:
    target.PatientName = target.PatientID = patient
    sex = str(source.get("PatientSex") or "").strip().upper()
    target.PatientSex = sex if sex in _SEXES else ""
    if age_years is not None and age_years >= 0:
        target.PatientAge = f"{min(int(age_years), _OLDEST):03d}Y"
    for keyword in EMPTY:
        setattr(target, keyword, "")
    if "FrameOfReferenceUID" in target or "PositionReferenceIndicator" in source:
        target.PositionReferenceIndicator = ""  # Type 2 of PS3.3 C.7.4.1
    target.PatientIdentityRemoved = "YES"
    target.DeidentificationMethod = _METHOD
    target.DeidentificationMethodCodeSequence = [
        _coded(codes.DCM.BasicApplicationConfidentialityProfile),
        _coded(codes.DCM.RetainPatientCharacteristicsOption),
    ]
    target.LongitudinalTemporalInformationModified = "REMOVED"


def _coded(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
