"""Parts of addresses."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Path
from pydantic import AwareDatetime, BeforeValidator, Field

# Checked by `check_uid`, since a malformed one is 400 as in DICOMweb.
UID_SCHEMA = {"pattern": r"^[0-9]+(\.[0-9]+)*$", "maxLength": 64, "minLength": 1}

StudyUid = Annotated[
    str,
    Path(
        description="Study Instance UID.",
        examples=["1.2.826.0.1.3680043.8.498.1"],
        json_schema_extra=UID_SCHEMA,
    ),
]
JobNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="The number of the result's job.")]
DeliveryNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="A delivery's number.")]
IncidentNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="An incident's number.")]
ModelName = Annotated[str, Path(description="A model's name.", examples=["cxr-pneumonia"])]
ModelVersion = Annotated[str, Path(description="A model's version.", examples=["1.0.0"])]


def _written(value: object) -> object:
    """Numbers are no days and no times, though they could be read as some."""
    if isinstance(value, date) or (isinstance(value, str) and "-" in value[1:]):
        return value
    raise ValueError("a day is 2026-01-31, a time 2026-01-31T10:00:00Z")


Day = Annotated[date, BeforeValidator(_written, json_schema_input_type=date)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written, json_schema_input_type=AwareDatetime)]
Text = Annotated[str, Field(max_length=200)]
