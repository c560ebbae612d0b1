"""Findings into DICOM objects: the adapter of `inference.ports.ResultEncoder`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from inference.domain.manifest import Manifest
from inference.domain.result import Result, Role
from inference.ports import EncodedObject, Evidence
from structured_reports.concepts import PROCESSING_EQUIPMENT
from structured_reports.device import device_of
from structured_reports.key_objects import key_objects
from structured_reports.overlay import build_overlay
from structured_reports.parametric_map import parametric_maps
from structured_reports.report import build_report
from structured_reports.run import Run
from structured_reports.segmentation import Segment, segmentation
from structured_reports.source import Source, read_source
from structured_reports.subject import Seen, Subject, subjects

_SERIES_NUMBER = 9000  # behind every Series of a modality
_SERIES_PER_REVISION = 10


class DicomResultEncoder:
    """Makes a TID 1500 report, and what shows or keeps the same.

    `series_number` is that of the first revision's report; its other objects have the next
    ones, and each later revision begins ten further up. `purpose` is the Purpose of Reference
    of the model in the Contributing Equipment Sequence (CID 7005). `roles` are the objects to
    make; the report is always made, a review never.
    """

    def __init__(
        self,
        *,
        software_version: str,
        series_number: int = _SERIES_NUMBER,
        purpose: Code = PROCESSING_EQUIPMENT,
        roles: frozenset[Role] = frozenset(Role),
    ) -> None:
        self._software_version = software_version
        self._series_number = series_number
        self._purpose = purpose
        self._roles = roles

    def encode(
        self,
        result: Result,
        manifest: Manifest | None,
        evidence: Sequence[Evidence],
        predecessor: Result | None,
    ) -> Sequence[EncodedObject]:
        """Return the report first, then overlays, masks, heat maps and key objects.

        Those of a role are in the order of `evidence`. Raises `ValueError` where there is no
        evidence, or a mask that is not of its image's size.
        """
        if not evidence:
            raise ValueError("a result needs at least one Instance as its evidence")
        seen = [Seen(each, read_source(each)) for each in evidence]
        run = Run(
            result=result,
            manifest=manifest,
            device=device_of(result, manifest, self._software_version),
            software_version=self._software_version,
            series_number=self._series_number + _SERIES_PER_REVISION * max(result.revision - 1, 0),
            purpose=self._purpose,
        )
        about = subjects(result, seen)
        segments: dict[str, Segment] = {}
        made = list(self._made(about, run, segments))
        report = build_report(
            _assessed_first([each.source for each in seen], result),
            run,
            made=[document for _, document in made],
            segments=segments,
            predecessor=predecessor,
        )
        return [_encoded(role, each) for role, each in [(Role.REPORT, report), *made]]

    def _made(
        self, about: Sequence[Subject], run: Run, segments: dict[str, Segment]
    ) -> Iterator[tuple[Role, Dataset]]:
        """Yield every object but the report; put the segments that they hold in `segments`."""
        if Role.OVERLAY in self._roles:
            overlays: list[Dataset] = []
            for subject in about:
                overlay = build_overlay(subject, run, len(overlays) + 1)
                if overlay is not None:
                    overlays.append(overlay)
            yield from ((Role.OVERLAY, each) for each in overlays)
        if Role.SEGMENTATION in self._roles:
            number = 0
            for subject in about:
                masks = segmentation(subject, run, number + 1)
                if masks is not None:
                    number += 1
                    segments.update(masks.segments)
                    yield Role.SEGMENTATION, masks.document
        if Role.PARAMETRIC_MAP in self._roles:
            maps: list[Dataset] = []
            for subject in about:
                maps += parametric_maps(subject, run, len(maps) + 1)
            yield from ((Role.PARAMETRIC_MAP, each) for each in maps)
        if Role.KEY_OBJECTS in self._roles:
            keys = key_objects(about, run)
            if keys is not None:
                yield Role.KEY_OBJECTS, keys


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
