"""The report of a Result: Comprehensive 3D SR with TID 1500 (PS3.3 A.35.13, PS3.16)."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.sr import Comprehensive3DSR, ContentItem
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.valuerep import DA, DT, TM

from inference.domain.manifest import Manifest
from inference.domain.result import Outcome, Result, Role
from structured_reports import concepts, identity, tree
from structured_reports.device import MANUFACTURER, Device, contributing_equipment, long_string
from structured_reports.measurements import measurement_groups
from structured_reports.not_assessed import evaluations
from structured_reports.source import Source, apply_identity


class _Report(Comprehensive3DSR):  # type: ignore[misc]  # highdicom is not checked
    """Takes nothing from the source by itself: what is valid of it is added afterwards."""

    def copy_patient_and_study_information(self, dataset: Dataset) -> None:
        """Copy nothing. highdicom copies odd values too, and fails on an unknown SOP Class."""


def build_report(
    result: Result,
    manifest: Manifest | None,
    sources: Sequence[Source],
    device: Device,
    *,
    overlays: Sequence[Dataset],
    predecessor: Result | None,
    software_version: str,
    series_number: int,
    purpose: Code,
) -> Dataset:
    """Return the report. `sources` is never empty; the first one lends patient and study."""
    first = sources[0]
    at = first.local(result.produced_at)
    evidence = [*(each.stub() for each in sources), *overlays]
    report: Dataset = _Report(
        evidence=evidence,
        content=_content(result, manifest, sources, device),
        series_instance_uid=identity.series_uid(result, Role.REPORT),
        series_number=series_number,
        sop_instance_uid=identity.instance_uid(result, Role.REPORT),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=long_string(software_version),
        device_serial_number=long_string(device.serial_number),
        series_description=long_string(_series_description(result, device)),
        is_complete=True,
        is_final=False,
        is_verified=False,
        previous_versions=_previous(predecessor) or None,
        contributing_equipment=[contributing_equipment(device, purpose)],
        coding_schemes=[concepts.private_scheme()],
        content_date=DA(at.date()),
        content_time=TM(at.time()),
        specific_character_set="ISO_IR 192",  # UTF-8 holds whatever the source was in
    )
    apply_identity(report, first)
    stamp(report, result, first)
    return report


def stamp(document: Dataset, result: Result, source: Source) -> None:
    """Set the times that highdicom takes from the clock, so that a retry is the same object."""
    at = source.local(result.produced_at)
    document.InstanceCreationDate = DA(at.date())
    document.InstanceCreationTime = TM(at.time())
    document.SeriesDate, document.SeriesTime = DA(at.date()), TM(at.time())
    for item in document.get("ContributingEquipmentSequence", []):
        if item.get("ManufacturerModelName") == "highdicom":
            item.ContributionDateTime = DT(at)


def _content(
    result: Result, manifest: Manifest | None, sources: Sequence[Source], device: Device
) -> Dataset:
    known = {each.sop_instance_uid: each for each in sources}
    children: list[ContentItem] = []
    if result.findings:
        groups = measurement_groups(identity.tracking_uids(result), known, device, manifest)
        children.append(tree.container(concepts.IMAGING_MEASUREMENTS, groups))
    if result.refusals or not children:
        # Who declined is said by TID 4019 (row 12b), as a finding's author is.
        who = tree.algorithm(device) if result.model else ()
        children.append(evaluations(result, known, who))
    assessed = result.outcome is Outcome.ASSESSED
    title = concepts.MEASUREMENT_REPORT if assessed else concepts.NOT_ASSESSED_REPORT
    content: Dataset = tree.root(title, device, tree.procedures_of(sources), children)
    return content


def _series_description(result: Result, device: Device) -> str:
    if result.outcome is Outcome.ASSESSED:
        return f"AI report, not verified: {device.model_name}"
    return f"AI report, NOT ASSESSED: {device.model_name}"


def _previous(predecessor: Result | None) -> list[Dataset]:
    """Return what the Predecessor Documents Sequence names (PS3.3 C.17.2)."""
    stubs = []
    for study, series, sop_class, sop_instance in identity.predecessors(predecessor):
        stub = Dataset()
        stub.StudyInstanceUID = study
        stub.SeriesInstanceUID = series
        stub.SOPClassUID = sop_class
        stub.SOPInstanceUID = sop_instance
        stubs.append(stub)
    return stubs
