"""What a person says of a result: Comprehensive 3D SR with TID 1500, by a Person (TID 1003).

IHE AI Result Assessment (AIRA) has the words: a person accepts, rejects or supplements what
the AI found. Its own template and codes are not published where we could read them, so the
words are coded in our private scheme, and all else is of the standard's templates: what
is said of a Finding is a Measurement Group (TID 1501) with the Tracking Unique Identifier of
the AI's, by which a reader joins the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import highdicom as hd
import pydicom
from highdicom.sr import (
    CodeContentItem,
    CompositeContentItem,
    Comprehensive3DSR,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    FindingSite,
    LanguageOfContentItemAndDescendants,
    MeasurementsAndQualitativeEvaluations,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    QualitativeEvaluation,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
from highdicom.sr.templates import DEFAULT_LANGUAGE
from pydicom.dataset import Dataset
from pydicom.valuerep import DA, DT, TM

from inference.domain.finding import Finding
from inference.domain.result import Result, Role
from inference.domain.review import Review, Reviewer
from inference.domain.uid import derive_uid
from inference.ports import EncodedObject
from structured_reports import concepts, identity, tree
from structured_reports.assessed import AssessedReport, stub
from structured_reports.device import MANUFACTURER, long_string
from structured_reports.review_words import comment_of, summary

_BESIDE = 9  # behind the Series Number of the report: its other objects are in between

# What a review shares with the report that it is about; there all values are valid already
# (PS3.3 C.7.1.1 Patient, C.7.2.1 General Study, C.7.2.2 Patient Study, C.12.1 SOP Common).
_SHARED = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
    "TimezoneOffsetFromUTC",
)


class _Review(Comprehensive3DSR):  # type: ignore[misc]  # highdicom is not checked
    """Takes nothing from its evidence by itself."""

    def copy_patient_and_study_information(self, dataset: Dataset) -> None:
        """Copy nothing: what is shared is set afterwards, as the report has it."""


class DicomReviewEncoder:
    """The adapter of `inference.ports.ReviewEncoder`.

    `organization` is the Verifying Organization (PS3.3 C.17.2) where a review is verified.
    """

    def __init__(self, *, software_version: str, organization: str = "") -> None:
        self._software_version = software_version
        self._organization = organization

    def encode(
        self, review: Review, result: Result, report: Path, previous: Review | None
    ) -> EncodedObject:
        source = AssessedReport(pydicom.dcmread(report))
        document = self._document(review, result, source, previous)
        buffer = BytesIO()
        document.save_as(buffer, enforce_file_format=True)
        return EncodedObject(
            role=Role.REVIEW,
            sop_class_uid=str(document.SOPClassUID),
            sop_instance_uid=str(document.SOPInstanceUID),
            series_instance_uid=str(document.SeriesInstanceUID),
            part10=buffer.getvalue(),
        )

    def _document(
        self, review: Review, result: Result, source: AssessedReport, previous: Review | None
    ) -> Dataset:
        uid = identity.review_uid(result, review)
        at = source.local(review.reviewed_at)
        # Who typed a name need not be the one who is called so; only an authenticated person
        # can be accountable for the content, which is what VERIFIED says (PS3.3 C.17.2).
        verified = review.reviewer.authenticated
        document: Dataset = _Review(
            evidence=[source.stub(), *source.evidence()],
            content=_content(review, result, source),
            # A Series of its own: another person's review is of another time (PS3.3 C.7.3.1).
            series_instance_uid=derive_uid("series", uid),
            series_number=int(source.document.SeriesNumber) + _BESIDE,
            sop_instance_uid=uid,
            instance_number=1,
            manufacturer=MANUFACTURER,
            manufacturer_model_name=MANUFACTURER,
            software_versions=long_string(self._software_version),
            device_serial_number=long_string(self._software_version),
            series_description=long_string(f"Review of an AI result: {review.stance.value}"),
            is_complete=True,
            is_final=verified,
            is_verified=verified,
            verifying_observer_name=_person_name(review.reviewer) if verified else None,
            verifying_organization=long_string(self._organization) if verified else None,
            previous_versions=_predecessors(previous) or None,
            coding_schemes=[concepts.private_scheme()],
            content_date=DA(at.date()),
            content_time=TM(at.time()),
            specific_character_set="ISO_IR 192",
        )
        for keyword in _SHARED:
            if keyword in source.document:
                document[keyword] = source.document[keyword]
        _set_times(document, DA(at.date()), TM(at.time()), DT(at))
        return document


def _content(review: Review, result: Result, source: AssessedReport) -> Dataset:
    # Viewers that show text give each item of a SEPARATE container a line and its name.
    root = ContainerContentItem(
        name=concepts.REVIEW_REPORT, template_id="1500", is_content_continuous=False
    )
    content = ContentSequence(is_root=False)
    content.extend(LanguageOfContentItemAndDescendants(DEFAULT_LANGUAGE))  # row 2, TID 1204
    content.extend(_observer(review.reviewer))  # row 3, TID 1001
    for procedure in source.procedures():  # row 4
        content.append(
            CodeContentItem(
                name=concepts.PROCEDURE_REPORTED,
                value=procedure,
                relationship_type=tree.HAS_CONCEPT_MOD,
            )
        )
    if review.finding is not None:
        found, tracking_uid = list(identity.tracking_uids(result))[review.finding - 1]
        group = _group(review, found, tracking_uid, source)
        content.append(tree.container(concepts.IMAGING_MEASUREMENTS, group))  # row 6
    content.append(
        tree.container(concepts.QUALITATIVE_EVALUATIONS, list(_said(review, result, source)))
    )
    root.ContentSequence = content
    document: Dataset = root
    return document


def _observer(reviewer: Reviewer) -> ObserverContext:
    """Return TID 1002 with the Person of TID 1003."""
    return ObserverContext(
        observer_type=concepts.PERSON,
        observer_identifying_attributes=PersonObserverIdentifyingAttributes(
            name=_person_name(reviewer), login_name=reviewer.id
        ),
    )


def _said(review: Review, result: Result, source: AssessedReport) -> Iterator[ContentItem]:
    """Return rows 13 and 14: the whole of it, coded and in words, where viewers show it."""
    yield tree.code(
        concepts.STANCE, concepts.stance_code(review.stance), [_reference_to_report(source)]
    )
    yield tree.text(concepts.SUMMARY, summary(review, result))
    if review.finding is None and review.right_finding is not None:
        yield tree.code(concepts.RIGHT_FINDING, concepts.coded(review.right_finding))
    if review.reason is not None:
        yield tree.code(concepts.REVIEW_REASON, concepts.review_reason_code(review.reason))
    if review.comment.strip():
        yield tree.text(concepts.COMMENT, comment_of(review))


def _group(
    review: Review, found: Finding, tracking_uid: str, source: AssessedReport
) -> MeasurementsAndQualitativeEvaluations:
    """Return TID 1501: the AI's Finding, as this person sees it."""
    concept = concepts.coded(found.finding)
    evaluations = [(concepts.STANCE, concepts.stance_code(review.stance))]
    presence = review.says(found)
    if presence is not None:
        evaluations.append((concept, concepts.presence_code(presence)))
    if review.right_finding is not None:
        evaluations.append((concepts.RIGHT_FINDING, concepts.coded(review.right_finding)))
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=hd.UID(tracking_uid),
            identifier=source.tracking_identifier(tracking_uid) or found.finding.meaning,
        ),
        finding_type=concept,
        finding_sites=[FindingSite(anatomic_location=concepts.coded(found.site))],
        qualitative_evaluations=[
            QualitativeEvaluation(name=name, value=value) for name, value in evaluations
        ],
        source_images=list(_source_images(found, source)),
    )
    group[0].ContinuityOfContent = "SEPARATE"
    return group


def _source_images(
    found: Finding, source: AssessedReport
) -> Iterator[SourceImageForMeasurementGroup]:
    """Yield the image of the Finding, by the SOP Class that the report knows it under."""
    classes = source.sop_classes()
    if found.sop_instance_uid in classes:
        yield SourceImageForMeasurementGroup(
            referenced_sop_class_uid=classes[found.sop_instance_uid],
            referenced_sop_instance_uid=found.sop_instance_uid,
            referenced_frame_numbers=[found.frame] if found.frame > 1 else None,
        )


def _reference_to_report(source: AssessedReport) -> CompositeContentItem:
    return CompositeContentItem(
        name=concepts.SOURCE,
        referenced_sop_class_uid=source.document.SOPClassUID,
        referenced_sop_instance_uid=source.document.SOPInstanceUID,
        relationship_type=tree.INFERRED_FROM,
    )


def _predecessors(previous: Review | None) -> Sequence[Dataset]:
    """Return what this person said before (PS3.3 C.17.2)."""
    if previous is None or previous.report is None:
        return []
    said = previous.report
    return [
        stub(
            said.study_instance_uid,
            said.series_instance_uid,
            said.sop_class_uid,
            said.sop_instance_uid,
        )
    ]


def _person_name(reviewer: Reviewer) -> str:
    # highdicom wants a caret: a name without one is a family name, which says so with it.
    return reviewer.name if "^" in reviewer.name else f"{reviewer.name}^"


def _set_times(document: Dataset, date: DA, time: TM, moment: DT) -> None:
    """Set the times that highdicom takes from the clock."""
    document.InstanceCreationDate, document.InstanceCreationTime = date, time
    document.SeriesDate, document.SeriesTime = date, time
    for item in document.get("VerifyingObserverSequence", []):
        item.VerificationDateTime = moment
    for item in document.get("ContributingEquipmentSequence", []):
        item.ContributionDateTime = moment
