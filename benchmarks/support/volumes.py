"""Studies of images that are as large as asked for, written straight into a node's archive."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGLSLossless

from dicom_node.archive import DiskArchive
from inference.persistence.cataloguing import catalogue
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.migrate import migrate

SIDE = 512  # rows and columns, of 16 bit
CT = "1.2.840.10008.5.1.4.1.1.2"
MULTIFRAME = "1.2.840.10008.5.1.4.1.1.7.3"  # Multi-frame Grayscale Word Secondary Capture
_ROOT = "1.2.826.0.1.3680043.9.8"
SLICES = f"{_ROOT}.1"
ONE_FILE = f"{_ROOT}.2"
COMPRESSED = f"{_ROOT}.3"
STORED = f"{_ROOT}.4"


def slices(megabytes: int, study: str = SLICES) -> Iterator[bytes]:
    """Yield Part 10 files of 512 KiB, one slice each."""
    count = max(1, megabytes * 1_000_000 // (SIDE * SIDE * 2))
    values = _noise()
    for number in range(1, count + 1):
        yield part10(study, number, np.roll(values, number * 7).tobytes())


def compressed(count: int) -> Iterator[bytes]:
    """Yield slices in JPEG-LS, without loss."""
    made = _header(COMPRESSED, 1, 1)
    values = _smooth()
    for number in range(1, count + 1):
        made = _header(COMPRESSED, number, 1)
        made.PixelData = np.roll(values, number * 7, axis=0).tobytes()
        made["PixelData"].VR = "OW"
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        made.compress(JPEGLSLossless, generate_instance_uid=False)
        yield _written(made)


def part10(study: str, number: int, pixels: bytes) -> bytes:
    made = _header(study, number, 1)
    made.PixelData = pixels
    made["PixelData"].VR = "OW"
    return _written(made)


def write_one_file(path: Path, megabytes: int) -> None:
    """Write one multi-frame Instance."""
    frames = max(1, megabytes * 1_000_000 // (SIDE * SIDE * 2))
    made = _header(ONE_FILE, 1, frames)
    made.PixelData = b"\0\0"
    made["PixelData"].VR = "OW"
    head = _written(made)[:-6]  # without length and value
    values = _noise()
    with path.open("wb") as file:
        file.write(head + (frames * SIDE * SIDE * 2).to_bytes(4, "little"))
        for number in range(frames):
            file.write(np.roll(values, number * 7).tobytes())


class Store:
    """Puts files where a node has them, and into its catalog, without waiting for the disk."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.archive = DiskArchive(home / "archive", 0)
        self._database = Database(sqlite_url(home / "wetread.db"))
        migrate(self._database)

    def add(self, files: Iterator[bytes]) -> list[Path]:
        """Return where they are."""
        paths = []
        with self._database.writing() as connection:
            for content in files:
                spooled = self.archive.spool()
                spooled.write_bytes(content)
                paths.append(self._keep(connection, spooled))
        return paths

    def add_one_file(self, megabytes: int) -> Path:
        spooled = self.archive.spool()
        write_one_file(spooled, megabytes)
        with self._database.writing() as connection:
            return self._keep(connection, spooled)

    def close(self) -> None:
        self._database.close()

    def _keep(self, connection: object, spooled: Path) -> Path:
        description = self.archive.describe(spooled)
        uid = description.sop_instance_uid
        key = f"studies/{description.study_instance_uid}/{description.series_instance_uid}/{uid}"
        path = self.archive.path(f"{key}-0.dcm")
        path.parent.mkdir(parents=True, exist_ok=True)
        spooled.rename(path)
        catalogue(connection, description, f"{key}-0.dcm")  # type: ignore[arg-type]
        return path


def _noise() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 4096, SIDE * SIDE, np.uint16)


def _smooth() -> np.ndarray:
    """What compresses as a CT does, to about a half."""
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    noise = np.random.default_rng(1).integers(0, 32, (SIDE, SIDE))
    return (1000 + 400 * np.sin(across / 40) * np.cos(down / 60) + noise).astype(np.uint16)


def _header(study: str, number: int, frames: int) -> Dataset:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = UID(CT if frames == 1 else MULTIFRAME)
    made.SOPInstanceUID = f"{study}.1.{number}"
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = study, f"{study}.1"
    made.PatientID, made.PatientName = "VOLUME", "Volume^Large"
    made.StudyDate, made.StudyTime, made.AccessionNumber = "20240102", "101112", study[-8:]
    made.Modality, made.SeriesNumber, made.InstanceNumber = "CT", 1, number
    made.ImagePositionPatient = [0.0, 0.0, float(number)]
    made.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    made.PixelSpacing, made.SliceThickness = [0.7, 0.7], 1.0
    made.RescaleIntercept, made.RescaleSlope = -1024, 1
    made.WindowCenter, made.WindowWidth = 40, 400
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows = made.Columns = SIDE
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.PixelRepresentation = 0
    _describe(made, number)
    if frames > 1:
        made.NumberOfFrames = frames
    return made


def _describe(made: Dataset, number: int) -> None:
    """Say what a scanner says: a header of an ordinary length."""
    made.SpecificCharacterSet, made.ImageType = "ISO_IR 100", ["ORIGINAL", "PRIMARY", "AXIAL"]
    made.SeriesDate = made.AcquisitionDate = made.ContentDate = "20240102"
    made.SeriesTime, made.AcquisitionTime = "101200", f"1012{number % 60:02d}.5"
    made.ContentTime = f"1013{number % 60:02d}.25"
    made.Manufacturer, made.ManufacturerModelName = "Maker", "Scanner 64"
    made.InstitutionName, made.InstitutionalDepartmentName = "Hospital", "Radiology"
    made.StationName, made.DeviceSerialNumber, made.SoftwareVersions = "CT1", "4711", ["1.0", "b"]
    made.StudyDescription, made.SeriesDescription = "CT chest", "Lung 1.0 B70f"
    made.ReferringPhysicianName, made.OperatorsName = "Ward^Four", "Operator^One"
    made.PatientBirthDate, made.PatientSex, made.PatientAge = "19560708", "F", "067Y"
    made.PatientSize, made.PatientWeight, made.PatientPosition = 1.7, 71, "HFS"
    made.BodyPartExamined, made.ProtocolName, made.ScanOptions = "CHEST", "Thorax", "HELICAL MODE"
    made.KVP, made.DataCollectionDiameter, made.ReconstructionDiameter = 120, 500, 358.4
    made.DistanceSourceToDetector, made.DistanceSourceToPatient = 949.1, 541
    made.GantryDetectorTilt, made.TableHeight, made.RotationDirection = 0, 140.5, "CW"
    made.ExposureTime, made.XRayTubeCurrent, made.Exposure = 500, 200 + number % 7, 12
    made.FilterType, made.GeneratorPower, made.FocalSpots = "BODY FILTER", 24000, 1.2
    made.ConvolutionKernel, made.RevolutionTime = "B70f", 0.5
    made.SingleCollimationWidth, made.TotalCollimationWidth = 0.625, 40
    made.TableSpeed, made.TableFeedPerRotation, made.SpiralPitchFactor = 110, 55, 1.375
    made.StudyID, made.AcquisitionNumber, made.SliceLocation = "1", 1, float(number)
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = f"{_ROOT}.9", "SN"
    made.RescaleType, made.WindowCenterWidthExplanation = "HU", "SOFT"
    made.SmallestImagePixelValue, made.LargestImagePixelValue = 0, 4000 + number % 50
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "24627-2", "LN", "CT chest"
    made.ProcedureCodeSequence = [code]
    made.add_new(0x00090010, "LO", "MAKER 01")
    for element in range(40):
        made.add_new(0x00091000 + element, "LO", f"value {element}")


def _written(made: Dataset) -> bytes:
    written = io.BytesIO()
    made.save_as(written, enforce_file_format=True)
    return written.getvalue()
