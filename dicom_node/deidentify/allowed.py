"""What an image keeps. Everything else goes, also what nobody has thought of.

PS3.15 Table E.1-1 lists what is to be removed, and grows with every edition; private
elements, and texts in elements that it does not list, are not in it. Here is the other way
round: what a model needs, none of which the table removes, but for UIDs, which are
replaced, and for what the Retain Patient Characteristics Option keeps.
"""

from __future__ import annotations

from typing import Final

# Kept as they are. CS values have 16 characters of capitals and digits, and are held against
# all that identifies the patient before they pass.
KEPT: Final = frozenset(
    {
        "SOPClassUID",
        "Modality",
        "ImageType",
        "BodyPartExamined",
        "ViewPosition",
        "Laterality",
        "ImageLaterality",
        "PatientOrientation",
        "PatientPosition",
        "PresentationIntentType",
        "BurnedInAnnotation",
        "RecognizableVisualFeatures",
        "SeriesNumber",
        "AcquisitionNumber",
        "InstanceNumber",
        "ConversionType",
        # Image Pixel, PS3.3 C.7.6.3
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PlanarConfiguration",
        "NumberOfFrames",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "PixelAspectRatio",
        "SmallestImagePixelValue",
        "LargestImagePixelValue",
        "PixelPaddingValue",
        "PixelPaddingRangeLimit",
        "RedPaletteColorLookupTableDescriptor",
        "GreenPaletteColorLookupTableDescriptor",
        "BluePaletteColorLookupTableDescriptor",
        "RedPaletteColorLookupTableData",
        "GreenPaletteColorLookupTableData",
        "BluePaletteColorLookupTableData",
        "LossyImageCompression",
        "LossyImageCompressionRatio",
        "LossyImageCompressionMethod",
        # Grey values, PS3.3 C.11.1, C.11.2, C.11.6, C.8.11.3
        "RescaleIntercept",
        "RescaleSlope",
        "RescaleType",
        "ModalityLUTSequence",
        "ModalityLUTType",
        "VOILUTSequence",
        "VOILUTFunction",
        "WindowCenter",
        "WindowWidth",
        "LUTDescriptor",
        "LUTData",
        "PresentationLUTShape",
        "PixelIntensityRelationship",
        "PixelIntensityRelationshipSign",
        # Where it lies, PS3.3 C.7.6.2, C.8.11.7
        "PixelSpacing",
        "ImagerPixelSpacing",
        "NominalScannedPixelSpacing",
        "PixelSpacingCalibrationType",
        "SliceThickness",
        "SpacingBetweenSlices",
        "SliceLocation",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        # How it was made, PS3.3 C.8.2, C.8.3, C.8.7
        "KVP",
        "ConvolutionKernel",
        "GantryDetectorTilt",
        "ScanningSequence",
        "SequenceVariant",
        "MRAcquisitionType",
        "RepetitionTime",
        "EchoTime",
        "FlipAngle",
        "MagneticFieldStrength",
        # The same for many frames, PS3.3 C.7.6.16
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
        "PixelMeasuresSequence",
        "PlanePositionSequence",
        "PlaneOrientationSequence",
        "PixelValueTransformationSequence",
        "FrameVOILUTSequence",
    }
)

# Replaced, the same always by the same (action U).
REPLACED: Final = frozenset(
    {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"}
)

# Wanted by the standard and empty here: Type 2 of PS3.3 C.7.1.1, C.7.2.1, C.7.3.1 and C.7.5.1.
EMPTY: Final = (
    "PatientBirthDate",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "Manufacturer",
)

# What tells who it is: none of it may stand in what is kept. Beside these, all PN, DA, DT, UI
# and AE of the source.
IDENTIFYING: Final = frozenset(
    {
        "PatientID",
        "IssuerOfPatientID",
        "OtherPatientIDs",
        "AccessionNumber",
        "StudyID",
        "InstitutionName",
        "InstitutionAddress",
        "InstitutionalDepartmentName",
        "StationName",
        "DeviceSerialNumber",
        "PatientAddress",
        "PatientTelephoneNumbers",
        "MilitaryRank",
        "PatientInsurancePlanCodeSequence",
    }
)
