"""Measurement Groups of each Finding (PS3.16 TID 1410, TID 1411).

The first group of a Finding is a Planar ROI: it says what was found, how sure the model is,
and where on the slice that shows it best. Where there is a segment, a second group says what
was measured on it: of an Image a Planar ROI again, of a Series a Volumetric ROI. Both have
the same Tracking Unique Identifier: see docs/decisions/0005.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import highdicom as hd
import numpy as np
from highdicom.sr import (
    FindingSite,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    ReferencedSegment,
    ReferencedSegmentationFrame,
    SourceImageForMeasurement,
    SourceImageForRegion,
    SourceImageForSegmentation,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from highdicom.sr.content import ContentItem
from numpy.typing import NDArray
from pydicom.uid import SecondaryCaptureImageStorage

from inference.domain.finding import Finding
from inference.domain.manifest import Manifest
from inference.domain.refusal import Refusal
from structured_reports import concepts, tree
from structured_reports.run import Run
from structured_reports.segmentation import Segment
from structured_reports.source import Source
from structured_reports.subject import key_slices
from structured_reports.words import key_slices_text, rounded

_PIXEL_CENTRE = 0.5  # pixels


def measurement_groups(
    findings: Iterable[tuple[Finding, str]],
    sources: Mapping[str, Source],
    segments: Mapping[str, Segment],
    run: Run,
) -> list[ContentItem]:
    """Return the content of Imaging Measurements (TID 1500 row 6).

    Every Finding has a region, also where the whole image was assessed: OHIF draws nothing
    at all when one has none. `segments`: by Tracking Unique Identifier.
    """
    groups: list[ContentItem] = []
    for finding, tracking_uid in findings:
        segment = segments.get(tracking_uid)
        groups.extend(_found(finding, tracking_uid, sources, segment is None, run))
        if segment is not None:
            groups.extend(_measured(finding, tracking_uid, sources, segment, run))
    for group in groups:
        group.ContinuityOfContent = "SEPARATE"  # as the containers of tree.py
    return groups


def _found(
    finding: Finding, tracking_uid: str, sources: Mapping[str, Source], alone: bool, run: Run
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    """Return what was found and where. `alone`: no other group has the measurements."""
    source = sources[finding.sop_instance_uid]
    group = PlanarROIMeasurementsAndQualitativeEvaluations(
        referenced_region=_region(finding, source, _frames(source, finding.frame)),
        measurements=[
            Measurement(
                name=concepts.CERTAINTY,
                value=round(finding.certainty * 100, 2),
                unit=concepts.PERCENT,
                referenced_images=[
                    SourceImageForMeasurement(
                        referenced_sop_class_uid=sources[each.sop_instance_uid].sop_class_uid,
                        referenced_sop_instance_uid=each.sop_instance_uid,
                        referenced_frame_numbers=_frames(
                            sources[each.sop_instance_uid], each.frame
                        ),
                    )
                    for each in key_slices(finding)
                    if each.sop_instance_uid in sources
                ],
            ),
            *(_numbers(finding) if alone else ()),
        ],
        **_common(finding, tracking_uid, run),
    )
    content = group[0].ContentSequence
    if finding.slices:
        content.append(tree.text(concepts.COMMENT, key_slices_text(finding.slices, sources)))
    for doubt in finding.doubts:
        content.extend(_doubt(doubt))
    return group


def _measured(
    finding: Finding,
    tracking_uid: str,
    sources: Mapping[str, Source],
    segment: Segment,
    run: Run,
) -> ContentItem:
    """Return what was measured on the segment.

    It says the presence again: who reads this group alone must not take for a finding what
    is undetermined.
    """
    common = _common(finding, tracking_uid, run)
    measurements = _numbers(finding) or None
    if finding.series_instance_uid:
        return VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=ReferencedSegment(
                sop_class_uid=segment.sop_class_uid,
                sop_instance_uid=segment.sop_instance_uid,
                segment_number=segment.number,
                source_series=SourceSeriesForSegmentation(finding.series_instance_uid),
            ),
            measurements=measurements,
            **common,
        )
    source = sources[finding.sop_instance_uid]
    group = PlanarROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=ReferencedSegmentationFrame(
            sop_class_uid=segment.sop_class_uid,
            sop_instance_uid=segment.sop_instance_uid,
            frame_number=list(segment.frames),
            segment_number=segment.number,
            source_image=SourceImageForSegmentation(
                referenced_sop_class_uid=source.sop_class_uid,
                referenced_sop_instance_uid=source.sop_instance_uid,
            ),
        ),
        measurements=measurements,
        **common,
    )
    for item in group[0].ContentSequence:
        for reference in item.get("ReferencedSOPSequence", []):
            # Type 1C, only in want of a frame (PS3.3 Table C.18.4-1); highdicom sets both.
            if "ReferencedFrameNumber" in reference and "ReferencedSegmentNumber" in reference:
                del reference.ReferencedSegmentNumber
    return group


def _common(finding: Finding, tracking_uid: str, run: Run) -> dict[str, Any]:
    concept = concepts.coded(finding.finding)
    return {
        "tracking_identifier": TrackingIdentifier(
            uid=hd.UID(tracking_uid), identifier=run.tracking_identifier(finding)
        ),
        "finding_type": concept,
        "finding_sites": [FindingSite(anatomic_location=concepts.coded(finding.site))],
        "algorithm_id": tree.algorithm(run.device, parameters(finding, run.manifest)),
        "qualitative_evaluations": [
            QualitativeEvaluation(name=concept, value=concepts.presence_code(finding.presence))
        ],
    }


def _numbers(finding: Finding) -> list[Measurement]:
    """Return Volume and Area (TID 1419)."""
    found = []
    for each in finding.measurements:
        name, unit = concepts.quantity_code(each.quantity)
        found.append(Measurement(name=name, value=rounded(each), unit=unit))
    return found


def _frames(source: Source, frame: int) -> list[int] | None:
    return [frame] if source.frames > 1 else None


def _region(finding: Finding, source: Source, frames: list[int] | None) -> ImageRegion:
    image = SourceImageForRegion(
        # highdicom looks the SOP Class up, and knows no private one.
        referenced_sop_class_uid=SecondaryCaptureImageStorage,
        referenced_sop_instance_uid=source.sop_instance_uid,
        referenced_frame_numbers=frames,
    )
    region = ImageRegion(
        graphic_type=GraphicTypeValues.POLYLINE,
        graphic_data=outline(finding, source),
        source_image=image,
    )
    reference = region.ContentSequence[0].ReferencedSOPSequence[0]
    reference.ReferencedSOPClassUID = source.sop_class_uid
    return region


def _doubt(doubt: Refusal) -> list[ContentItem]:
    """Return why the presence is undetermined: coded, and as a sentence (TID 1410 rows 11, 12)."""
    return [
        tree.code(concepts.REASON_UNDETERMINED, concepts.reason_code(doubt.reason)),
        tree.text(concepts.COMMENT, doubt.detail or doubt.reason.value),
    ]


def parameters(finding: Finding, manifest: Manifest | None) -> list[str]:
    """Return Algorithm Parameters (TID 4019 row 4): with what the number was made."""
    found = [f"threshold={finding.threshold:g}"]
    if manifest is not None:
        found += [
            f"weights_sha256={manifest.weights_sha256}",
            f"calibration={manifest.calibration or 'none'}",
        ]
    return found


def outline(finding: Finding, source: Source) -> NDArray[np.float64]:
    """Return the closed polygon of `finding` as Graphic Data (PS3.3 C.18.6.1.2).

    There the top left corner of the top left pixel is 0\\0; in the domain its centre is.
    """
    columns, rows = max(source.columns, 1), max(source.rows, 1)
    points = finding.region.points
    if len(points) < 3:  # no polygon: all that is known is that the image was assessed
        points = ((0, 0), (columns - 1, 0), (columns - 1, rows - 1), (0, rows - 1))
    polygon = np.asarray(points, dtype=np.float64) + _PIXEL_CENTRE
    if source.columns and source.rows:
        polygon = np.clip(polygon, 0, [columns, rows])
    return np.vstack([polygon, polygon[:1]])
