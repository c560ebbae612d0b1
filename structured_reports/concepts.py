"""Every coded concept that a result uses, once (PS3.3 Section 8, PS3.16).

Findings and their sites are not here: they come with the model, in its manifest.
"""

from __future__ import annotations

from typing import Final

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from inference.domain.code import Code as DomainCode
from inference.domain.finding import Presence, Quantity
from inference.domain.manifest import Explanation
from inference.domain.refusal import Reason
from inference.domain.review import ReviewReason, Stance

# PS3.16 Section 8.2: a private Coding Scheme Designator begins with 99.
PRIVATE_SCHEME: Final = "99WETREAD"


def _private(value: str, meaning: str) -> Code:
    return Code(value, PRIVATE_SCHEME, meaning)


# Document titles. CID 7021, Measurement Report Document Titles, is extensible: it has no
# title for a report without measurements, and a reader that knows the standard one looks
# for measurements behind it.
MEASUREMENT_REPORT: Final[Code] = codes.DCM.ImagingMeasurementReport
NOT_ASSESSED_REPORT: Final = _private("NOTASSESSED", "AI Report - Not Assessed")

REVIEW_REPORT: Final = _private("AIREVIEW", "AI Result Assessment")

# TID 1001, TID 1003, TID 1004
PERSON: Final[Code] = codes.DCM.Person
PERSON_NAME: Final[Code] = codes.DCM.PersonObserverName
LOGIN_NAME: Final[Code] = codes.DCM.PersonObserverLoginName
DEVICE: Final[Code] = codes.DCM.Device
DEVICE_NAME: Final[Code] = codes.DCM.DeviceObserverName
DEVICE_MODEL: Final[Code] = codes.DCM.DeviceObserverModelName

# TID 1500
PROCEDURE_REPORTED: Final[Code] = codes.DCM.ProcedureReported
IMAGING_MEASUREMENTS: Final[Code] = codes.DCM.ImagingMeasurements
QUALITATIVE_EVALUATIONS: Final = Code("C0034375", "UMLS", "Qualitative Evaluations")

# TID 1410, TID 4019
FINDING: Final[Code] = codes.DCM.Finding
FINDING_SITE: Final[Code] = codes.SCT.FindingSite
IMAGE_REGION: Final[Code] = codes.DCM.ImageRegion
TRACKING_UID: Final[Code] = codes.DCM.TrackingUniqueIdentifier
ALGORITHM_NAME: Final[Code] = codes.DCM.AlgorithmName
ALGORITHM_VERSION: Final[Code] = codes.DCM.AlgorithmVersion
ALGORITHM_PARAMETERS: Final[Code] = codes.DCM.AlgorithmParameters
CERTAINTY: Final[Code] = codes.DCM.CertaintyOfFinding
PERCENT: Final[Code] = codes.UCUM.Percent
ARTIFICIAL_INTELLIGENCE: Final[Code] = codes.DCM.ArtificialIntelligence
SOURCE: Final[Code] = codes.SCT.Source

REFERENCED_SEGMENT: Final[Code] = codes.DCM.ReferencedSegment
REFERENCED_SEGMENTATION_FRAME: Final[Code] = codes.DCM.ReferencedSegmentationFrame

# TID 1419, with the unit of each
VOLUME: Final[Code] = codes.SCT.Volume
AREA: Final[Code] = codes.SCT.Area
MILLILITRE: Final = Code("mL", "UCUM", "milliliter")
SQUARE_MILLIMETRE: Final[Code] = codes.UCUM.SquareMillimeter

# CID 7150, Segmentation Property Categories: the usual one of a finding
ABNORMAL_STRUCTURE: Final[Code] = codes.SCT.MorphologicallyAbnormalStructure

# CID 7181
NO_UNITS: Final[Code] = codes.UCUM.NoUnits

# CID 7010, Key Object Selection Document Titles
OF_INTEREST: Final[Code] = codes.DCM.OfInterest

# Said in words
COMMENT: Final[Code] = codes.DCM.Comment
SUMMARY: Final[Code] = codes.DCM.Summary

# TID 4015: did the algorithm do its work? Values are those of CID 6042, Status of Results.
SUMMARY_OF_ANALYSES: Final[Code] = codes.DCM.SummaryOfAnalyses
NOT_ATTEMPTED: Final[Code] = codes.DCM.NotAttempted
FAILED: Final[Code] = codes.DCM.Failed
SUCCEEDED: Final[Code] = codes.DCM.Succeeded
PARTIALLY_SUCCEEDED: Final[Code] = codes.DCM.PartiallySucceeded

# Names of the items that hold a `Reason`
REASON_NOT_ASSESSED: Final = _private("WHYNOT", "Reason not assessed")
REASON_UNDETERMINED: Final = _private("WHYUNDET", "Reason presence is undetermined")

# Names of what a person says of a result; its words are those of IHE AIRA, which the
# standard has no codes for
STANCE: Final = _private("ASSESSMENT", "Assessment of the AI result")
REVIEW_REASON: Final = _private("WHYASSESSED", "Reason for the assessment")
RIGHT_FINDING: Final = _private("RIGHTFINDING", "Finding that is there, by the reviewer")

# CID 7005, Contributing Equipment Purposes of Reference
PROCESSING_EQUIPMENT: Final[Code] = codes.DCM.ProcessingEquipment

# CID 7203, Image Derivation; CID 7202, Source Image Purposes of Reference
BLENDED: Final[Code] = codes.DCM.PixelByPixelAddition
RESAMPLED: Final[Code] = codes.DCM.SpatialResampling
SOURCE_IMAGE: Final[Code] = codes.DCM.SourceImageForImageProcessingOperation

# CID 9300, Procedure Discontinuation Reasons: of whoever gives none
UNSPECIFIED: Final[Code] = codes.DCM.DiscontinuedForUnspecifiedReason

_PRESENCE: Final[dict[Presence, Code]] = {
    Presence.PRESENT: codes.SCT.Present,
    Presence.ABSENT: codes.SCT.Absent,
    Presence.UNDETERMINED: codes.SCT.Undetermined,
}

_QUANTITY: Final[dict[Quantity, tuple[Code, Code]]] = {
    Quantity.VOLUME: (VOLUME, MILLILITRE),
    Quantity.AREA: (AREA, SQUARE_MILLIMETRE),
}

# CID 217, Visual Explanation Types
_EXPLANATION: Final[dict[Explanation, Code]] = {
    Explanation.GRAD_CAM: codes.DCM.GradientWeightedClassActivation,
    Explanation.INTEGRATED_GRADIENTS: codes.DCM.Saliency,
    Explanation.OCCLUSION: codes.DCM.Saliency,
    Explanation.NONE: codes.DCM.ClassActivation,  # a map comes with the answer itself
}

# Standard codes are of CID 9300, Procedure Discontinuation Reasons, and CID 9301: where one
# says just this. Each Reason has a code of its own, so that they can be counted.
_REASON: Final[dict[Reason, Code]] = {
    Reason.NO_RULE: _private("NORULE", "No rule takes the study"),
    Reason.IMAGES_REMOVED: _private("IMAGESREMOVED", "Images removed by retention"),
    Reason.WRONG_MODALITY: _private("MODALITY", "Modality not accepted"),
    Reason.WRONG_BODY_PART: _private("BODYPART", "Body part not accepted"),
    Reason.WRONG_VIEW: _private("VIEW", "View not accepted"),
    Reason.TOO_SMALL: _private("TOOSMALL", "Image too small"),
    Reason.MULTI_FRAME: _private("MULTIFRAME", "Multi-frame image not accepted"),
    Reason.AGE_OUTSIDE: _private("AGE", "Patient age outside the population"),
    Reason.AGE_UNKNOWN: _private("AGEUNKNOWN", "Patient age unknown"),
    Reason.BODY_PART_UNKNOWN: _private("BODYPARTUNKNOWN", "Body part unknown"),
    Reason.VIEW_UNKNOWN: _private("VIEWUNKNOWN", "View unknown"),
    Reason.NOT_RECOGNISED: _private("NOTRECOGNISED", "Not recognised by its pixels"),
    Reason.ROTATED: _private("ROTATED", "Image rotated"),
    Reason.INVERTED: _private("INVERTED", "Image inverted"),
    Reason.CROPPED: _private("CROPPED", "Image cropped"),
    Reason.BLANK: _private("BLANK", "Image blank"),
    Reason.BURNED_IN: _private("BURNEDIN", "Burned-in annotation"),
    Reason.TOO_FEW_SLICES: _private("FEWSLICES", "Too few slices"),
    Reason.SLICES_MISSING: _private("SLICESMISSING", "Slices missing"),
    Reason.NOT_IN_STACK: _private("NOTINSTACK", "Not part of the stack"),
    Reason.NO_PIXELS: _private("NOPIXELS", "No pixel data"),
    Reason.UNREADABLE_PIXELS: codes.DCM.ObjectsIncorrectlyFormatted,
    Reason.CODEC_MISSING: codes.DCM.ObjectTypesNotSupported,
    Reason.PROCESSING_FAILED: codes.DCM.SoftwareFailure,
}

_STANCE: Final[dict[Stance, Code]] = {
    Stance.ACCEPTED: _private("ACCEPTED", "Accepted"),
    Stance.REJECTED: _private("REJECTED", "Rejected"),
    Stance.SUPPLEMENTED: _private("SUPPLEMENTED", "Accepted and supplemented"),
    Stance.NOT_ASSESSED: _private("NOTASSESSABLE", "Not assessable"),
}

_REVIEW_REASON: Final[dict[ReviewReason, Code]] = {
    ReviewReason.MISSED: _private("MISSED", "Missed by the AI"),
    ReviewReason.FALSE_ALARM: _private("FALSEALARM", "False alarm of the AI"),
    ReviewReason.OTHER_FINDING: _private("OTHERFINDING", "Another finding taken for this"),
    ReviewReason.WRONG_PLACE: _private("WRONGPLACE", "Wrong place in the image"),
    ReviewReason.ARTEFACT: _private("ARTEFACT", "Artefact taken for a finding"),
    ReviewReason.POOR_IMAGE: _private("POORIMAGE", "Image quality does not allow it"),
    ReviewReason.NOT_SUITABLE: _private("NOTSUITABLE", "Image not suitable for the model"),
    ReviewReason.OTHER_EVIDENCE: _private("OTHEREVIDENCE", "Known from other evidence"),
    ReviewReason.OTHER: _private("OTHERREASON", "Other reason, said in words"),
}

_PROCEDURES: Final[dict[str, Code]] = {  # CID 100, by Modality (PS3.3 C.7.3.1.1.1)
    "CR": codes.cid100.XRUnspecifiedBodyRegion,
    "DX": codes.cid100.XRUnspecifiedBodyRegion,
    "CT": codes.cid100.CTUnspecifiedBodyRegion,
    "MR": codes.cid100.MRIUnspecifiedBodyRegion,
    "NM": codes.cid100.NMUnspecifiedBodyRegion,
    "PT": codes.cid100.PETUnspecifiedBodyRegion,
}
_ANY_PROCEDURE: Final[Code] = codes.cid100.ImagingProcedure


def coded(code: DomainCode) -> Code:
    """Return a concept of the core as one of pydicom."""
    return Code(code.value, code.scheme, code.meaning)


def domain_code(code: Code) -> DomainCode:
    """Return a concept of pydicom as one of the core."""
    return DomainCode(code.value, code.scheme_designator, code.meaning)


def named_code(name: str, meaning: str) -> DomainCode:
    """Return the code of something that has a name of its own: a model, or this node."""
    return DomainCode(name, PRIVATE_SCHEME, meaning)


def presence_code(presence: Presence) -> Code:
    return _PRESENCE[presence]


def quantity_code(quantity: Quantity) -> tuple[Code, Code]:
    """Return the concept, and its unit."""
    return _QUANTITY[quantity]


def explanation_code(explanation: Explanation) -> Code:
    return _EXPLANATION[explanation]


def segment_category(category: DomainCode | None) -> Code:
    return coded(category) if category is not None else ABNORMAL_STRUCTURE


def item(code: Code) -> CodedConcept:
    """Return `code` as the item of a sequence."""
    return CodedConcept.from_code(code)


def reason_code(reason: Reason) -> Code:
    return _REASON[reason]


def stance_code(stance: Stance) -> Code:
    return _STANCE[stance]


def review_reason_code(reason: ReviewReason) -> Code:
    return _REVIEW_REASON[reason]


def procedure_code(modality: str) -> Code:
    """Return what to call the procedure where the source does not say (CID 100)."""
    return _PROCEDURES.get(modality, _ANY_PROCEDURE)


def private_scheme() -> CodingSchemeIdentificationItem:
    """Return what `99WETREAD` is (PS3.3 C.12.1, Coding Scheme Identification Sequence)."""
    return CodingSchemeIdentificationItem(
        designator=PRIVATE_SCHEME,
        name="Wetread: AI results, why there is none, and what people say of them",
        responsible_organization="Wetread",
    )
