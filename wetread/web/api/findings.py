"""What a model says of an image or a Series, finding by finding."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from inference.domain.finding import Finding, Measurement, Presence, Quantity
from inference.domain.refusal import Reason, Refusal
from inference.domain.review import Answer
from structured_reports import concepts
from wetread.web.api.codes import CodeBody, shown, shown_dicom
from wetread.web.api.route import Shown

Locate = Callable[[str], str | None]
"""Returns the DICOMweb URL of an Instance by its SOP Instance UID; None where it is not held."""


class RefusalBody(Shown):
    """Why something was not assessed, or not decided."""

    reason: Reason
    code: CodeBody
    detail: str = Field(description="The sentence a person reads: what was seen, what is needed.")
    sop_instance_uid: str | None = Field(description="Of the Instance; null for all of them.")


class MeasurementBody(Shown):
    quantity: Quantity
    code: CodeBody
    value: float
    unit: str = Field(description="UCUM code.", examples=["mL"])


class RegionBody(Shown):
    """Where it is, in the frame that `evidence` names."""

    points_column_row: list[tuple[float, float]] = Field(
        description="A closed polygon: (column, row), zero-based, at pixel centres; "
        "the first point is not repeated.",
        examples=[[[0, 0], [511, 0], [511, 511], [0, 511]]],
    )
    whole_image: bool = Field(description="It is only the outline of what was assessed.")


class FrameBody(Shown):
    """A frame of an Instance."""

    sop_instance_uid: str
    frame: int = Field(ge=1, description="One-based (PS3.3 C.18.4).")
    url: str | None = Field(description="The Instance by DICOMweb; null where it is not held.")


class SliceBody(FrameBody):
    """A frame that carries a part of the answer on its Series."""

    certainty: float = Field(ge=0, le=1, description="Of this slice alone.")


class PeopleBody(Shown):
    """What people say of a finding, all together."""

    presence: Presence | None = Field(description="Null where nobody says, or all differ.")
    contested: bool = Field(description="People contradict each other.")
    not_assessable: bool
    reviewers: int = Field(ge=0, description="How many reviews count for it.")


class FindingBody(Shown):
    finding: int = Field(ge=1, description="Its number in the result.")
    output: str = Field(description="The model's output.", examples=["pneumonia"])
    code: CodeBody
    site: CodeBody
    presence: Presence
    presence_code: CodeBody
    certainty: float = Field(ge=0, le=1, description="Calibrated as the model's card says.")
    threshold: float = Field(ge=0, le=1, description="From here on it counts as present.")
    doubts: list[RefusalBody] = Field(description="Why the presence is undetermined.")
    measurements: list[MeasurementBody]
    evidence: FrameBody
    region: RegionBody
    series_instance_uid: str | None = Field(description="Of a finding in a Series.")
    slices: list[SliceBody] = Field(description="Those that carry the answer most, in a Series.")
    tracking_uid: str = Field(description="Tracking Unique Identifier, the same in all revisions.")
    people: PeopleBody


def shown_refusal(refusal: Refusal) -> RefusalBody:
    return RefusalBody(
        reason=refusal.reason,
        code=shown_dicom(concepts.reason_code(refusal.reason)),
        detail=refusal.detail,
        sop_instance_uid=refusal.sop_instance_uid or None,
    )


def shown_finding(
    number: int, found: Finding, tracking_uid: str, said: Answer, locate: Locate
) -> FindingBody:
    return FindingBody(
        finding=number,
        output=found.output,
        code=shown(found.finding),
        site=shown(found.site),
        presence=found.presence,
        presence_code=shown_dicom(concepts.presence_code(found.presence)),
        certainty=found.certainty,
        threshold=found.threshold,
        doubts=[shown_refusal(each) for each in found.doubts],
        measurements=[_measurement(each) for each in found.measurements],
        evidence=FrameBody(
            sop_instance_uid=found.sop_instance_uid,
            frame=found.frame,
            url=locate(found.sop_instance_uid),
        ),
        region=RegionBody(
            points_column_row=list(found.region.points), whole_image=found.region.whole_image
        ),
        series_instance_uid=found.series_instance_uid or None,
        slices=[
            SliceBody(
                sop_instance_uid=each.sop_instance_uid,
                frame=each.frame,
                url=locate(each.sop_instance_uid),
                certainty=each.certainty,
            )
            for each in found.slices
        ],
        tracking_uid=tracking_uid,
        people=PeopleBody(
            presence=said.presence,
            contested=said.contested,
            not_assessable=said.not_assessable,
            reviewers=len(said.by),
        ),
    )


def _measurement(each: Measurement) -> MeasurementBody:
    code, unit = concepts.quantity_code(each.quantity)
    return MeasurementBody(
        quantity=each.quantity, code=shown_dicom(code), value=each.value, unit=unit.value
    )
