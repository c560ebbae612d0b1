"""Masks as Segmentation Storage (PS3.3 A.51): one segment for each output of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    SegmentationTypeValues,
    SegmentDescription,
)
from highdicom.seg import Segmentation as HighdicomSegmentation
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from inference.domain.code import Code
from inference.domain.finding import Finding
from inference.domain.manifest import Manifest
from inference.domain.result import Role
from structured_reports import concepts
from structured_reports.device import long_string
from structured_reports.run import Run
from structured_reports.source import name_classes
from structured_reports.space import is_stack, thickness_mm
from structured_reports.subject import Seen, Subject
from structured_reports.tints import tint


class _Segmentation(HighdicomSegmentation):  # type: ignore[misc]  # highdicom is not checked
    """Takes nothing from the source by itself: what is valid of it is added afterwards."""

    def copy_patient_and_study_information(self, dataset: Dataset) -> None:
        """Copy nothing."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as a report references it. `frames` are one-based."""

    sop_class_uid: str
    sop_instance_uid: str
    number: int
    frames: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The object, and its segments by the Tracking Unique Identifier of their Finding."""

    document: Dataset
    segments: Mapping[str, Segment]


def segmentation(subject: Subject, run: Run, number: int) -> Segmentation | None:
    """Return the masks of `subject`; `number` is the Instance Number.

    None where no pixel is set in any of them, and where nobody knows how the slices of the
    Series lie to each other: a stack in a wrong order would be worse than none. Of a
    multi-frame source nobody says which frame a mask is of. Raises `ValueError` for a mask
    that is not the source's size.
    """
    tracked: dict[str, tuple[Finding, str]] = {}
    for finding, uid in subject.findings:
        if finding.output and _is_set(subject, finding.output):
            tracked.setdefault(finding.output, (finding, uid))
    slices = _slices(subject, list(tracked))
    if not tracked or not _can_be_one(slices):
        return None
    # Type 1C wherever a frame has a plane (PS3.3 C.7.6.16.2.1).
    thickness = thickness_mm([each.source.space for each in slices])
    placed = thickness > 0 and all(each.source.space is not None for each in slices)
    stubs = [each.source.image_stub(placed=placed) for each in slices]
    for stub in stubs if placed else ():
        stub.SliceThickness = thickness
    pixels = np.stack([_stacked(each, list(tracked)) for each in slices])
    first = slices[0].source
    document: Dataset = _Segmentation(
        source_images=stubs,
        pixel_array=pixels,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(position, finding, uid, run)
            for position, (finding, uid) in enumerate(tracked.values(), start=1)
        ],
        content_label="SEGMENTATION",
        content_description=long_string(f"AI result, not verified: {run.device.model_name}"),
        series_description=long_string(f"AI masks, not verified: {run.device.model_name}"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **run.arguments(
            Role.SEGMENTATION, first, subject.uid, number, stubs[0].get("FrameOfReferenceUID", "")
        ),
    )
    _complete(document, slices, placed)
    run.finish(document, first)
    return Segmentation(document, _segments(document, [uid for _, uid in tracked.values()]))


def _is_set(subject: Subject, output: str) -> bool:
    masks = [each.evidence.masks.get(output) for each in subject.seen]
    return any(mask is not None and bool(np.any(mask)) for mask in masks)


def _slices(subject: Subject, outputs: Sequence[str]) -> list[Seen]:
    """Return the slices from the first to the last that has a pixel set, along the normal."""
    with_masks = [
        each for each in subject.seen if any(name in each.evidence.masks for name in outputs)
    ]
    if is_stack([each.source.space for each in with_masks]):
        with_masks.sort(key=lambda each: each.source.space.height_mm if each.source.space else 0)
    filled = [
        place
        for place, each in enumerate(with_masks)
        if any(np.any(each.evidence.masks.get(name, False)) for name in outputs)
    ]
    return with_masks[filled[0] : filled[-1] + 1] if filled else []


def _can_be_one(slices: Sequence[Seen]) -> bool:
    """Are these single frames of one size, and a stack if there are many?"""
    sizes = {(each.source.rows, each.source.columns) for each in slices}
    return (
        len(sizes) == 1
        and all(each.source.frames <= 1 for each in slices)
        and (len(slices) == 1 or is_stack([each.source.space for each in slices]))
    )


def _stacked(seen: Seen, outputs: Sequence[str]) -> NDArray[np.uint8]:
    """Return the masks of one slice, (rows, columns, outputs), 0 or 1."""
    shape = seen.source.rows, seen.source.columns
    masks = []
    for name in outputs:
        mask = seen.evidence.masks.get(name)
        if mask is None:
            mask = np.zeros(shape, dtype=np.bool_)
        if mask.dtype != np.bool_ or mask.shape != shape:
            raise ValueError(
                f"the mask {name!r} of {seen.uid} is {mask.dtype} of {mask.shape}, "
                f"not bool of {shape}"
            )
        masks.append(mask)
    return np.stack(masks, axis=-1).astype(np.uint8)


def _description(number: int, finding: Finding, tracking_uid: str, run: Run) -> SegmentDescription:
    """Return the Segment Description (PS3.3 C.8.20.4.1)."""
    label = finding.finding.meaning
    alike = [
        each for each in run.result.findings
        if each.finding.meaning == label and each.output != finding.output
    ]  # fmt: skip
    return SegmentDescription(
        segment_number=number,
        segment_label=long_string(f"{label} ({finding.output})" if alike else label),
        segmented_property_category=concepts.segment_category(_category(finding, run.manifest)),
        segmented_property_type=concepts.coded(finding.finding),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=long_string(run.device.model_name),
            family=concepts.ARTIFICIAL_INTELLIGENCE,
            version=long_string(run.device.version),
        ),
        tracking_id=run.tracking_identifier(finding),
        tracking_uid=tracking_uid,
        anatomic_regions=[concepts.coded(finding.site)],
        display_color=CIELabColor.from_rgb(*tint(number - 1)),
    )


def _category(finding: Finding, manifest: Manifest | None) -> Code | None:
    outputs = manifest.outputs if manifest is not None else ()
    return next((each.category for each in outputs if each.name == finding.output), None)


def _complete(document: Dataset, slices: Sequence[Seen], placed: bool) -> None:
    name_classes(document, [each.source for each in slices])
    if not placed:
        # Type 2C where there is no Image Orientation (Patient) (PS3.3 C.7.6.1); highdicom
        # leaves it out.
        orientation = slices[0].source.orientation
        document.PatientOrientation = list(orientation) if orientation else ""
    if (document.Rows * document.Columns * document.NumberOfFrames + 7) // 8 % 2:
        document.PixelData = document.PixelData[:-1] + b"\0"  # highdicom pads with "0"


def _segments(document: Dataset, tracking_uids: Sequence[str]) -> dict[str, Segment]:
    shared = document.SharedFunctionalGroupsSequence[0]
    frames: dict[int, list[int]] = {}
    for frame, group in enumerate(document.PerFrameFunctionalGroupsSequence, start=1):
        where = group if "SegmentIdentificationSequence" in group else shared
        number = int(where.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        frames.setdefault(number, []).append(frame)
    return {
        uid: Segment(
            str(document.SOPClassUID), str(document.SOPInstanceUID), number, tuple(frames[number])
        )
        for number, uid in enumerate(tracking_uids, start=1)
    }
