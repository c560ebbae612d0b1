"""A picture as a DICOM image: Digital X-Ray For Presentation, or Secondary Capture.

PS3.3 A.26 (Digital X-Ray Image) and A.8.1 (Secondary Capture Image).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from dicom_node.pictures.decode import InvalidPicture, Picture
from dicom_node.pictures.facts import BODY_PARTS, VIEWS, Facts, Wrapping
from inference.domain.uid import derive_uid

_MAKER: Final = "Wetread"
_JPEG_METHOD: Final = "ISO_10918_1"  # PS3.3 C.7.6.1.1.5.1


def wrap(
    picture: Picture, facts: Facts, *, token: str, at: datetime, number: int, digest: str
) -> Dataset:
    """Return the Dataset of one picture, ready to be saved.

    `token` names what was brought in together, one Study; with the same `facts`, `digest` (of
    the file) and `number` the same object comes again. Raises `InvalidFacts` or
    `InvalidPicture`.
    """
    facts = facts.checked()
    told = (facts.wrapping.value, repr(facts))
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID = SecondaryCaptureImageStorage
    image.SOPInstanceUID = derive_uid("upload", token, *told, digest, number)
    image.StudyInstanceUID = derive_uid("upload", token, facts.patient_id, "study")
    image.SeriesInstanceUID = derive_uid("upload", token, *told, "series")
    _describe(image, facts, at, number)
    _put_pixels(image, picture)
    image.BurnedInAnnotation = "YES" if facts.has_text else "NO"
    image.LossyImageCompression = "01" if picture.ratio else "00"
    if picture.ratio:
        image.LossyImageCompressionRatio = f"{picture.ratio:.2f}"
        image.LossyImageCompressionMethod = _JPEG_METHOD
    if facts.wrapping is Wrapping.DX:
        _make_radiograph(image, picture, facts)
    else:
        image.Modality = facts.modality
        image.ConversionType = "WSD"
        image.SecondaryCaptureDeviceManufacturer = _MAKER
        if facts.laterality in ("R", "L"):
            image.Laterality = facts.laterality
        elif not facts.body_part or BODY_PARTS[facts.body_part][1]:
            image.Laterality = ""
        if facts.view:
            image.ViewPosition = facts.view
        if facts.pixel_spacing_mm:
            image.NominalScannedPixelSpacing = [facts.pixel_spacing_mm] * 2
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return image


def _describe(image: Dataset, facts: Facts, at: datetime, number: int) -> None:
    """Set Patient, General Study, General Series, Equipment and General Image."""
    image.PatientName = facts.patient_name
    image.PatientID = facts.patient_id.strip()
    image.PatientBirthDate = facts.birth_date
    image.PatientSex = facts.sex
    image.StudyDate = facts.study_date or f"{at:%Y%m%d}"
    image.StudyTime = f"{at:%H%M%S}"
    image.StudyID = ""
    image.AccessionNumber = facts.accession_number
    image.ReferringPhysicianName = ""
    if facts.study_description:
        image.StudyDescription = facts.study_description
    image.SeriesNumber = 1
    if facts.body_part:
        image.BodyPartExamined = facts.body_part
    image.PatientOrientation = facts.orientation.split("\\") if facts.orientation else ""
    image.Manufacturer = ""  # nobody knows whose; ours would say that it is a result
    image.InstanceNumber = number
    image.ContentDate, image.ContentTime = f"{at:%Y%m%d}", f"{at:%H%M%S}"
    image.ImageComments = "Made from a picture; patient and study as typed in."


def _put_pixels(image: Dataset, picture: Picture) -> None:
    """Set Image Pixel (PS3.3 C.7.6.3)."""
    pixels = np.ascontiguousarray(picture.pixels)
    bits = 8 * pixels.itemsize
    image.SamplesPerPixel = 1 if picture.is_grey else 3
    image.PhotometricInterpretation = "MONOCHROME2" if picture.is_grey else "RGB"
    if not picture.is_grey:
        image.PlanarConfiguration = 0
    image.Rows, image.Columns = pixels.shape[:2]
    image.BitsAllocated, image.BitsStored, image.HighBit = bits, bits, bits - 1
    image.PixelRepresentation = 0
    raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    image.add_new("PixelData", "OW" if bits > 8 else "OB", raw + b"\0" * (len(raw) % 2))


def _make_radiograph(image: Dataset, picture: Picture, facts: Facts) -> None:
    """Set what PS3.3 C.8.11 asks for, as far as a picture can tell."""
    if not picture.is_grey:
        raise InvalidPicture("The picture has colours; keep it as a Secondary Capture.")
    image.SOPClassUID = DigitalXRayImageStorageForPresentation
    image.Modality = "DX"
    image.PresentationIntentType = "FOR PRESENTATION"
    image.ImageType = ["DERIVED", "PRIMARY", ""]
    image.ImageLaterality = facts.laterality or "U"
    region, _ = BODY_PARTS[facts.body_part]
    image.AnatomicRegionSequence = [_item(region)]
    view = VIEWS[facts.view]
    if view is not None:
        image.ViewPosition = facts.view
        image.ViewCodeSequence = [_item(view)]
    image.PositionerType = ""
    image.DetectorType = ""
    image.ImagerPixelSpacing = [facts.pixel_spacing_mm] * 2
    image.PixelIntensityRelationship = "LOG"
    image.PixelIntensityRelationshipSign = -1  # bright is dense
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = "0", "1", "US"
    image.PresentationLUTShape = "IDENTITY"
    levels = 2 ** int(image.BitsStored)
    low, high = int(picture.pixels.min()), int(picture.pixels.max())
    if image.BitsStored == 8:
        low, high = 0, levels - 1
    image.WindowCenter, image.WindowWidth = f"{(low + high + 1) / 2:g}", str(high - low + 1)
    image.AcquisitionContextSequence = []


def _item(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
