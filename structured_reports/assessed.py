"""A report of ours that somebody assesses: what a review of it takes from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from structured_reports import concepts
from structured_reports.source import Source


class AssessedReport:
    """`document` is one of report.py: all that is in it is valid."""

    def __init__(self, document: Dataset) -> None:
        self.document = document

    def stub(self) -> Dataset:
        """Return what highdicom needs in order to reference the report itself."""
        return self._as_source().stub()

    def local(self, at: datetime) -> datetime:
        """Return `at` in the time zone of the report."""
        return self._as_source().local(at)

    def procedures(self) -> Sequence[Code]:
        """Return what the report says was done (TID 1500 row 4)."""
        return [
            Code(value.CodeValue, value.CodingSchemeDesignator, value.CodeMeaning)
            for item in self.document.ContentSequence
            if item.ConceptNameCodeSequence[0].get("CodeValue") == concepts.PROCEDURE_REPORTED.value
            for value in item.ConceptCodeSequence
        ] or [concepts.procedure_code("")]

    def tracking_identifier(self, tracking_uid: str) -> str:
        """Return what people read beside `tracking_uid` (TID 1501), "" if it is not there."""
        for items in self._groups():
            if any(each.get("UID") == tracking_uid for each in items):
                texts = [each.TextValue for each in items if "TextValue" in each]
                return str(texts[0]) if texts else ""
        return ""

    def evidence(self) -> Sequence[Dataset]:
        """Return what the report is based on, as stubs (PS3.3 C.17.2)."""
        return [
            stub(
                study.StudyInstanceUID,
                series.SeriesInstanceUID,
                each.ReferencedSOPClassUID,
                each.ReferencedSOPInstanceUID,
            )
            for study in self.document.get("CurrentRequestedProcedureEvidenceSequence", [])
            for series in study.ReferencedSeriesSequence
            for each in series.ReferencedSOPSequence
        ]

    def sop_classes(self) -> Mapping[str, str]:
        """Return the SOP Class of each Instance that the report is based on."""
        return {str(each.SOPInstanceUID): str(each.SOPClassUID) for each in self.evidence()}

    def _as_source(self) -> Source:
        return Source(
            str(self.document.StudyInstanceUID),
            str(self.document.SeriesInstanceUID),
            str(self.document.SOPInstanceUID),
            str(self.document.SOPClassUID),
            utc_offset=str(self.document.get("TimezoneOffsetFromUTC") or ""),
        )

    def _groups(self) -> Iterator[Sequence[Dataset]]:
        for container in self.document.ContentSequence:
            for group in container.get("ContentSequence", []):
                yield list(group.get("ContentSequence", []))


def stub(study: str, series: str, sop_class: str, sop_instance: str) -> Dataset:
    """Return what highdicom needs in order to reference an Instance."""
    document = Dataset()
    document.StudyInstanceUID = study
    document.SeriesInstanceUID = series
    document.SOPClassUID = sop_class
    document.SOPInstanceUID = sop_instance
    return document
