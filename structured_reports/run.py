"""What all objects of one encoding share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.valuerep import DA, DT, TM

from inference.domain.finding import Finding
from inference.domain.manifest import Manifest
from inference.domain.result import Result, Role
from structured_reports import identity
from structured_reports.device import MANUFACTURER, Device, contributing_equipment, long_string
from structured_reports.source import Source, apply_identity

# Behind the Series Number of the report: a role has a Series of its own.
_OFFSETS: Final = {
    Role.REPORT: 0,
    Role.OVERLAY: 1,
    Role.SEGMENTATION: 2,
    Role.PARAMETRIC_MAP: 3,
    Role.KEY_OBJECTS: 4,
}


@dataclass(frozen=True, slots=True)
class Run:
    """`series_number` is that of the report. `purpose`: of the model, as contributing
    equipment (CID 7005).
    """

    result: Result
    manifest: Manifest | None
    device: Device
    software_version: str
    series_number: int
    purpose: Code

    def arguments(
        self, role: Role, source: Source, about: str, number: int, frame_of_reference: str = ""
    ) -> dict[str, Any]:
        """Return what every constructor of highdicom is given.

        `about`: the UID of the Instance or the Series that the object is about, "" for the
        whole result. `number`: Instance Number. `frame_of_reference`: its UID, where it lies
        in one.
        """
        at = source.local(self.result.produced_at)
        return {
            "series_instance_uid": identity.series_uid(self.result, role, frame_of_reference),
            "series_number": self.series_number + _OFFSETS[role],
            "sop_instance_uid": identity.instance_uid(self.result, role, about),
            "instance_number": number,
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": MANUFACTURER,
            "software_versions": long_string(self.software_version),
            "device_serial_number": long_string(self.device.serial_number),
            "contributing_equipment": [contributing_equipment(self.device, self.purpose)],
            "content_date": DA(at.date()),
            "content_time": TM(at.time()),
            "specific_character_set": "ISO_IR 192",  # UTF-8 holds whatever the source was in
        }

    def tracking_identifier(self, finding: Finding) -> str:
        """Return the Tracking Identifier (TID 1501), for people; the UID is what counts."""
        return f"{finding.finding.meaning} ({self.device.model_name})"

    def finish(self, document: Dataset, source: Source) -> None:
        """Give `document` patient and study of `source`, and the times of the result.

        highdicom takes times from the clock, and UIDs from chance: a retry is to be the
        same object.
        """
        apply_identity(document, source)
        at = source.local(self.result.produced_at)
        document.InstanceCreationDate = DA(at.date())
        document.InstanceCreationTime = TM(at.time())
        document.SeriesDate, document.SeriesTime = DA(at.date()), TM(at.time())
        document.ContentDate, document.ContentTime = DA(at.date()), TM(at.time())
        for item in document.get("ContributingEquipmentSequence", []):
            if item.get("ManufacturerModelName") == "highdicom":
                item.ContributionDateTime = DT(at)
        uid = identity.dimension_uid(str(document.SOPInstanceUID))
        for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
            for item in document.get(keyword, []):
                item.DimensionOrganizationUID = uid
