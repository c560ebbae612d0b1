"""What a resource is made from, and what all resources of a result have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from inference.domain.listing import Listed
from inference.domain.manifest import Manifest
from inference.domain.result import Outcome
from inference.domain.review import Answer, Review, answer, current
from structured_reports import concepts
from wetread.fhir.codes import Json, concept, text_of, uid_identifier

Status = Literal["preliminary", "final", "cancelled"]


@dataclass(frozen=True, slots=True)
class Source:
    """`report_url` and `report_text` are of the Structured Report; "" where there is none.

    `manifest` is None where the model is gone, or none took the Study.
    """

    listed: Listed
    manifest: Manifest | None = None
    report_url: str = ""
    report_text: str = ""

    @property
    def identity(self) -> str:
        return str(self.listed.job.job_id)

    @property
    def assessed(self) -> bool:
        return self.listed.result.outcome is Outcome.ASSESSED

    @property
    def counting(self) -> tuple[Review, ...]:
        """Reviews that still count."""
        return current(self.listed.reviews)

    def answer(self, number: int) -> Answer:
        return answer(self.listed.result, number, self.counting)

    def finding_status(self, number: int) -> Status:
        """A model's reading is preliminary until people whom a proxy knows agree with it."""
        found, said = self.listed.result.findings[number - 1], self.answer(number)
        agreed = said.presence is found.presence and any(
            each.reviewer.authenticated and each.says(found) is found.presence for each in said.by
        )
        return "final" if agreed else "preliminary"

    @property
    def status(self) -> Status:
        """Of the report: final where every finding is."""
        numbers = range(1, len(self.listed.result.findings) + 1)
        if not self.assessed:
            return "cancelled"
        if numbers and all(self.finding_status(each) == "final" for each in numbers):
            return "final"
        return "preliminary"

    @property
    def updated(self) -> datetime:
        return max(
            (each.reviewed_at for each in self.listed.reviews),
            default=self.listed.result.produced_at,
        )

    @property
    def meta(self) -> Json:
        return {"lastUpdated": instant(self.updated)}

    @property
    def subject(self) -> Json:
        """The patient, by the hospital's own identifier; there is no Patient resource here."""
        identifier = text_of(self.listed.study.attributes.patient_id)
        if not identifier:
            return {"type": "Patient", "display": "Patient without an identifier"}
        return {"type": "Patient", "identifier": {"value": identifier}}

    @property
    def study(self) -> Json:
        """The Study as a logical reference: an ImagingStudy is at home in the PACS."""
        identifier = uid_identifier(self.listed.result.study_instance_uid)
        return {"type": "ImagingStudy", "identifier": identifier}

    @property
    def effective(self) -> Json:
        """When the images were made, by day."""
        date = self.listed.study.attributes.study_date.replace(".", "")
        try:
            day = datetime.strptime(date, "%Y%m%d").date()
        except ValueError:
            return {}
        return {"effectiveDateTime": day.isoformat()}

    @property
    def device(self) -> Json:
        """What made the result, by name and version."""
        model, manifest = self.listed.result.model, self.manifest
        made: Json = {
            "resourceType": "Device",
            "id": "device",
            "status": "active",
            "manufacturer": manifest.manufacturer if manifest else "Wetread",
            "deviceName": [{"name": model.name if model else "rules", "type": "model-name"}],
            "type": concept(concepts.ARTIFICIAL_INTELLIGENCE),
        }
        if manifest:
            made["identifier"] = [uid_identifier(manifest.device_uid)]
            made["deviceName"].append({"name": manifest.title, "type": "user-friendly-name"})
        if model:
            made["version"] = [{"value": model.version}]
        return made

    def people(self, reviews: Sequence[Review]) -> list[Json]:
        """Those whom a proxy knows, as logical references."""
        known = {each.reviewer.id: each.reviewer for each in reviews if each.reviewer.authenticated}
        return [
            {"type": "Practitioner", "identifier": {"value": each.id}, "display": each.name}
            for each in known.values()
        ]


def instant(at: datetime) -> str:
    """Return an `instant`, to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
