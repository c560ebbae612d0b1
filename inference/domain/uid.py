"""Unique identifiers: checked when they come in, derived when they go out."""

from __future__ import annotations

import re
import uuid

from inference.domain.errors import InvalidUid

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_MAX_LENGTH = 64  # characters, PS3.5 Section 9.1
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "wetread")


def check_uid(value: str) -> str:
    """Return `value` if it is safe as a UID, else raise `InvalidUid`.

    Leading zeros in a component are against PS3.5 Section 9.1 but harmless and found
    in the field, so they pass.
    """
    if len(value) > _MAX_LENGTH or not _UID.fullmatch(value):
        raise InvalidUid(f"{value[:80]!r} is not a DICOM UID (PS3.5 Section 9.1)")
    return value


def derive_uid(*parts: str | int) -> str:
    """Return the UID that always belongs to `parts`: `2.25.` and a UUIDv5 (PS3.5 Annex B.2)."""
    name = "\x1f".join(str(part) for part in parts)
    return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"
