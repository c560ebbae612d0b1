"""What a person has to say of a picture, since it says nothing of itself."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Final

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from inference.domain.errors import InputError


class InvalidFacts(InputError):
    """What was typed in does not do for a DICOM header."""


class Wrapping(StrEnum):
    """As what a picture is kept."""

    DX = "DX"  # Digital X-Ray Image Storage - For Presentation
    SC = "SC"  # Secondary Capture Image Storage


# Body Part Examined (PS3.16 Annex L) and the same as a code; True: there are two of it.
BODY_PARTS: Final[dict[str, tuple[Code, bool]]] = {
    "CHEST": (codes.SCT.Chest, False),
    "ABDOMEN": (codes.SCT.Abdomen, False),
    "ANKLE": (codes.SCT.AnkleJoint, True),
    "ELBOW": (codes.SCT.ElbowJoint, True),
    "FOOT": (codes.SCT.Foot, True),
    "HAND": (codes.SCT.Hand, True),
    "HEAD": (codes.SCT.Head, False),
    "HIP": (codes.SCT.HipJoint, True),
    "KNEE": (codes.SCT.Knee, True),
    "PELVIS": (codes.SCT.Pelvis, False),
    "SHOULDER": (codes.SCT.Shoulder, True),
    "SKULL": (codes.SCT.Skull, False),
    "WRIST": (codes.SCT.WristJoint, True),
}
# View Position (PS3.3 C.8.1.1.1.1) and the same as a code (CID 4010)
VIEWS: Final[dict[str, Code | None]] = {
    "": None,
    "PA": codes.cid4010.PosteroAnterior,
    "AP": codes.cid4010.AnteroPosterior,
    "LL": codes.cid4010.LeftLateral,
    "RL": codes.cid4010.RightLateral,
}
# Where rows and columns lead (PS3.3 C.7.6.1.1.1); first as frontal images are hung
ORIENTATIONS: Final = {
    "L\\F": "left, feet",
    "R\\F": "right, feet",
    "A\\F": "front, feet",
    "P\\F": "back, feet",
    "L\\P": "left, back",
    "": "not known",
}
LATERALITIES: Final = {"": "not paired", "R": "right", "L": "left", "B": "both"}
SEXES: Final = {"": "not said", "F": "female", "M": "male", "O": "other"}
MODALITIES: Final = ("DX", "CR", "CT", "MR", "US", "XC", "ES", "GM", "SM", "OT")  # of an SC

_LONG = 64  # characters of an LO, and of a component group of a PN (PS3.5 Section 6.2)
_DECIMAL = r"\d{1,2}(\.\d{1,10})?"
_SHORT = 16  # characters of an SH


@dataclass(frozen=True, slots=True)
class Facts:
    """As typed; `checked` says whether it will do. Dates are DA, `patient_name` is a PN.

    A Secondary Capture is the default: a picture seldom knows how large its pixels were.
    """

    wrapping: Wrapping = Wrapping.SC
    patient_id: str = ""
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""
    study_date: str = ""
    study_description: str = ""
    accession_number: str = ""
    modality: str = "DX"
    body_part: str = "CHEST"
    view: str = ""
    laterality: str = ""
    orientation: str = "L\\F"
    pixel_spacing_mm: str = ""  # at the detector, of one pixel; a DX has to say it
    has_text: bool = False  # burned in

    def checked(self) -> Facts:
        """Return this, once it is sure to fit. Raises `InvalidFacts`."""
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "orientation":
                continue
            if isinstance(value, str) and any(_is_control(one) for one in value):
                raise InvalidFacts(f"{_named(each.name)} holds characters that no header takes.")
        if not self.patient_id.strip():
            raise InvalidFacts("A patient ID is needed.")
        for name in ("patient_id", "patient_name", "study_description"):
            _check_length(name, getattr(self, name), _LONG)
        _check_length("accession_number", self.accession_number, _SHORT)
        if self.patient_name.count("^") > 4 or "=" in self.patient_name:
            raise InvalidFacts("A name has at most five parts, as in Family^Given^Middle.")
        for name in ("birth_date", "study_date"):
            _check_date(name, getattr(self, name))
        if self.birth_date and self.study_date and self.birth_date > self.study_date:
            raise InvalidFacts("The birth date is after the study date.")
        for name, taken in (
            ("sex", SEXES),
            ("body_part", {**BODY_PARTS, **({"": ""} if self.wrapping is Wrapping.SC else {})}),
            ("view", VIEWS),
            ("laterality", LATERALITIES),
            ("orientation", ORIENTATIONS),
            ("modality", MODALITIES),
        ):
            if getattr(self, name) not in taken:
                raise InvalidFacts(f"{_named(name)} is none of those that are offered.")
        self._check_spacing()
        if self.wrapping is Wrapping.DX:
            self._check_radiograph()
        return self

    def _check_spacing(self) -> None:
        text = self.pixel_spacing_mm
        if text and not (re.fullmatch(_DECIMAL, text, re.ASCII) and 0.001 <= float(text) <= 10):
            raise InvalidFacts("The pixel spacing is a number of millimetres, 0.001 to 10.")

    def _check_radiograph(self) -> None:
        """Refuse what PS3.3 A.26 does not take."""
        if self.modality != "DX":
            raise InvalidFacts("A digital X-ray has the modality DX.")
        if not self.pixel_spacing_mm:
            raise InvalidFacts("A digital X-ray needs its pixel spacing; else choose SC.")
        if not self.orientation:
            raise InvalidFacts("A digital X-ray needs its orientation; else choose SC.")
        paired = BODY_PARTS[self.body_part][1]
        if paired and not self.laterality:
            raise InvalidFacts(f"Right, left or both? A {self.body_part.lower()} is paired.")
        if not paired and self.laterality:
            raise InvalidFacts(f"A {self.body_part.lower()} is neither right nor left.")


def _is_control(character: str) -> bool:
    # A backslash would part one value into two (PS3.5 Section 6.2).
    return character == "\\" or unicodedata.category(character).startswith("C")


def _check_length(name: str, value: str, most: int) -> None:
    if len(value) > most:
        raise InvalidFacts(f"{_named(name)} is longer than {most} characters.")


def _check_date(name: str, value: str) -> None:
    if not value:
        return
    try:
        if not re.fullmatch(r"\d{8}", value, re.ASCII):
            raise ValueError
        found = date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        raise InvalidFacts(f"{_named(name)} is not a date.") from None
    if found.year < 1850:
        raise InvalidFacts(f"{_named(name)} is too long ago.")


def _named(name: str) -> str:
    return {"patient_id": "The patient ID"}.get(name, f"The {name.replace('_', ' ')}")
