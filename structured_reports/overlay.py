"""The overlay: a Secondary Capture for each assessed picture, or one for a Series
(PS3.3 A.8.1, A.8.5).

It is a courtesy to viewers that show no reports. Every word on it is also in the report,
and the patient is named in the header only.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pydicom
from highdicom.sc import SCImage
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameTrueColorSecondaryCaptureImageStorage

from inference.domain.finding import Finding
from inference.domain.result import Role
from structured_reports import concepts
from structured_reports.device import Device, long_string
from structured_reports.panels import NOTICE, Place, overlay
from structured_reports.run import Run
from structured_reports.source import Source
from structured_reports.subject import Seen, Subject, key_slices
from structured_reports.words import slice_name


def build_overlay(subject: Subject, run: Run, number: int) -> Dataset | None:
    """Return the Secondary Capture; None where there is no picture to show.

    `number` is its Instance Number. A Series has a frame for each of its key slices.
    """
    findings = [finding for finding, _ in subject.findings]
    if subject.is_series:
        shown = _pictured_slices(subject)
    else:
        shown = [each for each in subject.seen if each.evidence.picture is not None]
    if not shown:
        return None
    frames = _frames(shown, subject, findings, run)
    first = shown[0].source
    image: Dataset = SCImage(
        pixel_array=frames[0],
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        study_instance_uid=first.study_instance_uid,
        series_description=long_string(f"AI overlay, not verified: {run.device.model_name}"),
        patient_orientation=("L", "F"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **run.arguments(Role.OVERLAY, first, subject.uid, number),
    )
    if subject.is_series:
        _make_multi_frame(image, frames)
    run.finish(image, first)
    image.DateOfSecondaryCapture, image.TimeOfSecondaryCapture = (
        image.ContentDate,
        image.ContentTime,
    )
    image.ImageType = ["DERIVED", "SECONDARY"]
    image.BurnedInAnnotation = "YES"
    image.RecognizableVisualFeatures = "NO"
    image.DerivationDescription = _description(shown, findings, run.device)[:1024]  # ST
    image.DerivationCodeSequence = [
        concepts.item(each) for each in (concepts.RESAMPLED, concepts.BLENDED)
    ]
    image.SourceImageSequence = [_reference(each.source, findings) for each in shown]
    # Both are Type 2C: what the source does not say stays empty, but stays there. Body Part
    # Examined would decide whether Laterality may be there at all, so it is not copied.
    image.PatientOrientation = list(first.orientation) if first.orientation else ""
    image.Laterality = first.laterality
    return image


def _pictured_slices(subject: Subject) -> list[Seen]:
    """Return the key slices that have a picture, in the order of the key slices."""
    known = {each.uid: each for each in subject.seen if each.evidence.picture is not None}
    names = dict.fromkeys(each.sop_instance_uid for each in subject.slices)
    return [known[name] for name in names if name in known]


def _frames(
    shown: Sequence[Seen], subject: Subject, findings: Sequence[Finding], run: Run
) -> list[NDArray[np.uint8]]:
    """Return a picture for each of `shown`, all (rows, columns, 3) of one size."""
    places = [
        _place(each, findings, ordinal, len(shown)) if subject.is_series else None
        for ordinal, each in enumerate(shown, start=1)
    ]
    pictures = [
        overlay(each.evidence, findings, run.result, run.device, place)
        for each, place in zip(shown, places, strict=True)
    ]
    rows = max(each.shape[0] for each in pictures)
    columns = max(each.shape[1] for each in pictures)
    return [
        np.pad(each, ((0, rows - each.shape[0]), (0, columns - each.shape[1]), (0, 0)))
        for each in pictures
    ]


def _place(seen: Seen, findings: Sequence[Finding], ordinal: int, of: int) -> Place:
    certainty = []
    for finding in findings:
        own = [each for each in key_slices(finding) if each.sop_instance_uid == seen.uid]
        certainty.append(own[0].certainty if own else None)
    slices = [each for finding in findings for each in key_slices(finding)]
    this = next(each for each in slices if each.sop_instance_uid == seen.uid)
    return Place(slice_name(this, seen.source), ordinal, of, tuple(certainty))


def _make_multi_frame(image: Dataset, frames: Sequence[NDArray[np.uint8]]) -> None:
    """Make Multi-frame True Color of what highdicom knows as a single frame (PS3.3 C.8.6.3)."""
    image.SOPClassUID = MultiFrameTrueColorSecondaryCaptureImageStorage
    image.file_meta.MediaStorageSOPClassUID = MultiFrameTrueColorSecondaryCaptureImageStorage
    image.NumberOfFrames = len(frames)
    if len(frames) > 1:
        image.FrameIncrementPointer = Tag("PageNumberVector")
        image.PageNumberVector = list(range(1, len(frames) + 1))
    pixels = b"".join(each.tobytes() for each in frames)
    image.PixelData = pixels + b"\0" * (len(pixels) % 2)


def _description(shown: Sequence[Seen], findings: Sequence[Finding], device: Device) -> str:
    said = "; ".join(
        f"{each.finding.meaning} {each.presence.value}, certainty {each.certainty * 100:.1f} %"
        for each in findings
    )
    marks = "the heat map" if any(each.evidence.heat_map is not None for each in shown) else "marks"
    return (
        f"{NOTICE}. Source image beside the same image with {marks} of "
        f"{device.model_name} {device.version}. {said}"
    )


def _reference(source: Source, findings: Sequence[Finding]) -> Dataset:
    """Return the item of the Source Image Sequence (PS3.3 Table 10-3)."""
    item = Dataset()
    item.ReferencedSOPClassUID = source.sop_class_uid
    item.ReferencedSOPInstanceUID = source.sop_instance_uid
    if source.frames > 1 and findings:
        item.ReferencedFrameNumber = sorted({each.frame for each in findings})
    item.PurposeOfReferenceCodeSequence = [concepts.item(concepts.SOURCE_IMAGE)]
    return item


def overlay_frames(part10: bytes) -> NDArray[np.uint8]:
    """Return the pictures in an overlay that was encoded, (frames, rows, columns, 3), RGB."""
    image = pydicom.dcmread(BytesIO(part10))
    frames = int(image.get("NumberOfFrames", 1))
    pixels = np.frombuffer(image.PixelData, dtype=np.uint8)
    shape = frames, image.Rows, image.Columns, 3
    return pixels[: int(np.prod(shape))].reshape(shape)
