"""From a case to an Instance and its picture, whatever kind of file it is."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from inference.domain.errors import UnreadableInstance, UnreadablePixels
from inference.domain.instance import Attributes, Description, Instance, Origin, Source
from inference.domain.manifest import Manifest
from inference.domain.uid import derive_uid
from inference.ports import Picture, PixelReader
from inference.validation.case import IMAGE_SUFFIXES, Case

_FORMATS = ("PNG", "JPEG")
_AGE_STRING = re.compile(r"(\d{3})([DWMY])")  # VR AS, PS3.5 Section 6.2
_DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
_BROKEN = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)  # Pillow's, on bad files


class Opener:
    """Describes cases and reads their pixels; it is a `PixelReader` for all of them.

    What is DICOM is described by its header alone, as in serving. A plain image has no
    header: the labels speak for it, and modality, body part and view are taken as the model
    wants them unless they say otherwise. The age is never assumed.
    """

    def __init__(
        self,
        manifest: Manifest,
        describe: Callable[[Path], Description],
        dicom_pixels: PixelReader,
    ) -> None:
        self._manifest = manifest
        self._describe = describe
        self._dicom_pixels = dicom_pixels

    def instance(self, case: Case, path: Path) -> Instance:
        """Describe one file of the case. Raises `UnreadableInstance` or `InvalidUid`."""
        found = _describe_image(case, path, self._manifest) if is_image(path) else None
        description = found or self._describe(path)
        # Two files may carry the same UID, and a case must be told from every other: each is
        # a Series of its own.
        own = replace(
            description,
            series_instance_uid=derive_uid("validation", "series", case.file),
            sop_instance_uid=derive_uid("validation", case.file, path.name),
        )
        return Instance(own, Origin(Source.DIMSE), str(path), "", path.stat().st_size)

    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        """Read one frame, through the model's window if it has one and none is said.

        Raises `CodecMissing` or `UnreadablePixels`. A plain image is taken as windowed.
        """
        if is_image(part10):
            return read_image(part10)
        return self._dicom_pixels.read(part10, frame, window or self._manifest.window)


def is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def read_image(path: Path) -> Picture:
    """Read a PNG or JPEG, 8 or 16 bits, as luminance. Raises `UnreadablePixels`."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.mode.startswith("I"):  # 16 bits; `convert` would clip them at 255
                deep = np.asarray(image, dtype=np.float32) / np.float32(65535)
                return Picture(np.clip(deep, 0.0, 1.0))
            grey = np.asarray(image.convert("L"), dtype=np.float32)
    except _BROKEN as error:
        raise UnreadablePixels(f"not a readable PNG or JPEG: {type(error).__name__}") from error
    return Picture(grey / np.float32(255))


def age_in_years(text: str) -> float | None:
    """Read a number of years, or an Age String as in DICOM: 045Y, 006M."""
    match = _AGE_STRING.fullmatch(text.strip().upper())
    if match:
        years = int(match[1]) * _DAYS[match[2]] / _DAYS["Y"]
        return float(int(match[1])) if match[2] == "Y" else years
    try:
        age = float(text)
    except ValueError:
        return None
    return age if math.isfinite(age) and age >= 0 else None


def _describe_image(case: Case, path: Path, manifest: Manifest) -> Description:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            columns, rows = image.size
    except _BROKEN as error:
        raise UnreadableInstance(f"not a PNG or JPEG: {type(error).__name__}") from error
    told, needs = case.columns, manifest.needs
    return Description(
        study_instance_uid=derive_uid("validation", "study", case.file),
        series_instance_uid=derive_uid("validation", "series", case.file),
        sop_instance_uid=derive_uid("validation", case.file, path.name),
        sop_class_uid="",
        transfer_syntax_uid="",
        attributes=Attributes(
            patient_id=case.patient_id,
            patient_sex=told.get("sex", "").upper(),
            patient_age_years=age_in_years(told.get("age", "")),
            modality=told.get("modality", "").upper() or "".join(needs.modality[:1]),
            body_part=told.get("body_part", "").upper() or "".join(needs.body_part[:1]),
            view=told.get("view", "").upper() or "".join(needs.view[:1]),
            manufacturer=told.get("manufacturer", ""),
            rows=rows,
            columns=columns,
            has_pixels=True,
        ),
    )
