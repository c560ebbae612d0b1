"""To which level an attribute belongs (PS3.4 Section C.6.2.1, the modules of PS3.3 C.7)."""

from __future__ import annotations

from pydicom.datadict import keyword_for_tag

from inference.domain.catalog import Level

# PS3.3 C.7.1.1 Patient, C.7.2.1 General Study, C.7.2.2 Patient Study
_STUDY = frozenset(
    """
    PatientName PatientID IssuerOfPatientID IssuerOfPatientIDQualifiersSequence TypeOfPatientID
    OtherPatientIDs OtherPatientIDsSequence OtherPatientNames PatientBirthDate PatientBirthTime
    PatientSex PatientComments EthnicGroup QualityControlSubject PatientIdentityRemoved
    DeidentificationMethod DeidentificationMethodCodeSequence PatientSpeciesDescription
    PatientBreedDescription ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization
    ReferencedPatientSequence ReferencedPatientPhotoSequence
    StudyInstanceUID StudyDate StudyTime ReferringPhysicianName
    ReferringPhysicianIdentificationSequence ConsultingPhysicianName StudyID AccessionNumber
    IssuerOfAccessionNumberSequence StudyDescription PhysiciansOfRecord
    PhysiciansOfRecordIdentificationSequence NameOfPhysiciansReadingStudy
    PhysiciansReadingStudyIdentificationSequence RequestingService
    RequestingServiceCodeSequence ReferencedStudySequence ProcedureCodeSequence
    ReasonForPerformedProcedureCodeSequence
    AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence PatientAge PatientSize
    PatientWeight PatientSizeCodeSequence MedicalAlerts Allergies SmokingStatus
    PregnancyStatus LastMenstrualDate PatientState Occupation AdditionalPatientHistory
    AdmissionID IssuerOfAdmissionIDSequence ServiceEpisodeID ServiceEpisodeDescription
    PatientSexNeutered
    """.split()  # noqa: SIM905
)
# PS3.3 C.7.3.1 General Series, C.7.5.1 General Equipment, C.7.4.1 Frame of Reference
_SERIES = frozenset(
    """
    Modality SeriesInstanceUID SeriesNumber Laterality SeriesDate SeriesTime
    PerformingPhysicianName PerformingPhysicianIdentificationSequence ProtocolName
    SeriesDescription SeriesDescriptionCodeSequence OperatorsName
    OperatorIdentificationSequence ReferencedPerformedProcedureStepSequence
    RelatedSeriesSequence BodyPartExamined PatientPosition SmallestPixelValueInSeries
    LargestPixelValueInSeries RequestAttributesSequence PerformedProcedureStepID
    PerformedProcedureStepStartDate PerformedProcedureStepStartTime
    PerformedProcedureStepEndDate PerformedProcedureStepEndTime
    PerformedProcedureStepDescription PerformedProtocolCodeSequence
    CommentsOnThePerformedProcedureStep AnatomicalOrientationType
    Manufacturer InstitutionName InstitutionAddress StationName
    InstitutionalDepartmentName ManufacturerModelName DeviceSerialNumber SoftwareVersions
    DeviceUID GantryID SpatialResolution DateOfLastCalibration TimeOfLastCalibration
    PixelPaddingValue FrameOfReferenceUID PositionReferenceIndicator
    """.split()  # noqa: SIM905
)


def is_of(attribute: str, level: Level) -> bool:
    """Does this attribute, by keyword or tag, belong to `level` or one above it?"""
    keyword = attribute
    if len(attribute) == 8 and all(each in "0123456789ABCDEF" for each in attribute):
        keyword = keyword_for_tag(int(attribute, 16))
    if level is Level.INSTANCE or keyword in _STUDY:
        return True
    return level is Level.SERIES and keyword in _SERIES
