"""Findings into DICOM objects: the adapter of `inference.ports.ResultEncoder`."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from inference.domain.manifest import Manifest
from inference.domain.result import Result, Role
from inference.ports import EncodedObject, Evidence
from structured_reports.concepts import PROCESSING_EQUIPMENT
from structured_reports.device import device_of
from structured_reports.overlay import build_overlay
from structured_reports.report import build_report
from structured_reports.source import Source, read_source

_SERIES_NUMBER = 9000  # behind every Series of a modality
_SERIES_PER_REVISION = 10


class DicomResultEncoder:
    """Makes a TID 1500 report, and an overlay for each picture that has a Finding.

    `series_number` is that of the first revision's report; its overlays have the next one,
    and each later revision begins ten further up. `purpose` is the Purpose of Reference of
    the model in the Contributing Equipment Sequence (CID 7005).
    """

    def __init__(
        self,
        *,
        software_version: str,
        series_number: int = _SERIES_NUMBER,
        purpose: Code = PROCESSING_EQUIPMENT,
    ) -> None:
        self._software_version = software_version
        self._series_number = series_number
        self._purpose = purpose

    def encode(
        self,
        result: Result,
        manifest: Manifest | None,
        evidence: Sequence[Evidence],
        predecessor: Result | None,
    ) -> Sequence[EncodedObject]:
        """Return the report first, then the overlays in the order of `evidence`."""
        if not evidence:
            raise ValueError("a result needs at least one Instance as its evidence")
        sources = [read_source(each) for each in evidence]
        device = device_of(result, manifest, self._software_version)
        number = self._series_number + _SERIES_PER_REVISION * max(result.revision - 1, 0)
        overlays: list[Dataset] = []
        for item, source in zip(evidence, sources, strict=True):
            findings = [
                each for each in result.findings if each.sop_instance_uid == source.sop_instance_uid
            ]
            if item.picture is None or not findings:
                continue
            overlays.append(
                build_overlay(
                    item,
                    source,
                    findings,
                    result,
                    device,
                    number=len(overlays) + 1,
                    software_version=self._software_version,
                    series_number=number + 1,
                    purpose=self._purpose,
                )
            )
        report = build_report(
            result,
            manifest,
            _assessed_first(sources, result),
            device,
            overlays=overlays,
            predecessor=predecessor,
            software_version=self._software_version,
            series_number=number,
            purpose=self._purpose,
        )
        return [
            _encoded(Role.REPORT, report),
            *(_encoded(Role.OVERLAY, each) for each in overlays),
        ]


def _assessed_first(sources: Sequence[Source], result: Result) -> list[Source]:
    """Return `sources`, one that was assessed in front: it lends patient and study."""
    assessed = {each.sop_instance_uid for each in result.findings}
    return sorted(sources, key=lambda each: each.sop_instance_uid not in assessed)


def _encoded(role: Role, document: Dataset) -> EncodedObject:
    buffer = BytesIO()
    document.save_as(buffer, enforce_file_format=True)
    return EncodedObject(
        role=role,
        sop_class_uid=str(document.SOPClassUID),
        sop_instance_uid=str(document.SOPInstanceUID),
        series_instance_uid=str(document.SeriesInstanceUID),
        part10=buffer.getvalue(),
    )
