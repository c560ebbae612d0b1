"""Coded entries, as the API shows and takes them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from pydicom.sr.coding import Code as DicomCode

from inference.domain.code import Code


class CodeBody(BaseModel):
    """A coded entry (PS3.3 Section 8)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: str = Field(description="Code Value.", examples=["233604007"])
    scheme: str = Field(description="Coding Scheme Designator.", examples=["SCT"])
    meaning: str = Field(description="Code Meaning.", examples=["Pneumonia"])


def shown(code: Code) -> CodeBody:
    return CodeBody(value=code.value, scheme=code.scheme, meaning=code.meaning)


def shown_dicom(code: DicomCode) -> CodeBody:
    return CodeBody(value=code.value, scheme=code.scheme_designator, meaning=code.meaning)
