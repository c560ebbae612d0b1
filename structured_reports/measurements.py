"""One Measurement Group for each Finding (PS3.16 TID 1410, Planar ROI)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import highdicom as hd
import numpy as np
from highdicom.sr import (
    FindingSite,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    SourceImageForMeasurement,
    SourceImageForRegion,
    TrackingIdentifier,
)
from highdicom.sr.content import ContentItem
from numpy.typing import NDArray
from pydicom.uid import SecondaryCaptureImageStorage

from inference.domain.finding import Finding
from inference.domain.manifest import Manifest
from inference.domain.refusal import Refusal
from structured_reports import concepts, tree
from structured_reports.device import Device
from structured_reports.source import Source

_PIXEL_CENTRE = 0.5  # pixels


def measurement_groups(
    findings: Iterable[tuple[Finding, str]],
    sources: Mapping[str, Source],
    device: Device,
    manifest: Manifest | None,
) -> list[ContentItem]:
    """Return the content of Imaging Measurements (TID 1500 row 6).

    Every group has a region, also where the whole image was assessed: OHIF draws nothing at
    all when one group has none.
    """
    groups: list[ContentItem] = []
    for finding, tracking_uid in findings:
        groups.extend(_group(finding, tracking_uid, sources, device, manifest))
    return groups


def _group(
    finding: Finding,
    tracking_uid: str,
    sources: Mapping[str, Source],
    device: Device,
    manifest: Manifest | None,
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    source = sources[finding.sop_instance_uid]
    frames = [finding.frame] if source.frames > 1 else None
    concept = concepts.coded(finding.finding)
    group = PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=hd.UID(tracking_uid),
            identifier=f"{finding.finding.meaning} ({device.model_name})",
        ),
        referenced_region=_region(finding, source, frames),
        finding_type=concept,
        finding_sites=[FindingSite(anatomic_location=concepts.coded(finding.site))],
        algorithm_id=tree.algorithm(device, parameters(finding, manifest)),
        measurements=[
            Measurement(
                name=concepts.CERTAINTY,
                value=round(finding.certainty * 100, 2),
                unit=concepts.PERCENT,
                referenced_images=[
                    SourceImageForMeasurement(
                        referenced_sop_class_uid=source.sop_class_uid,
                        referenced_sop_instance_uid=source.sop_instance_uid,
                        referenced_frame_numbers=frames,
                    )
                ],
            )
        ],
        qualitative_evaluations=[
            QualitativeEvaluation(name=concept, value=concepts.presence_code(finding.presence))
        ],
    )
    group[0].ContinuityOfContent = "SEPARATE"  # as the containers of tree.py
    for doubt in finding.doubts:
        group[0].ContentSequence.extend(_doubt(doubt))
    return group


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
