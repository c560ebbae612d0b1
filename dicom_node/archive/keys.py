"""The names that files have in an archive: relative paths with `/`, made of checked UIDs alone.

::

    studies/<Study>/<Series>/<SOP>-<digest>.dcm     Instances
    studies/<Study>/<Series>/<SOP>-<digest>-1.dcm   the same, received again after a removal
    results/<Study>/<SOP>-<digest>.dcm              what Wetread made
    quarantine/<digest>.dcm, .json                  set aside, and why
    quarantine/<digest>-1.dcm, .json                the same, sent again after a removal
"""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

from inference.domain.instance import Description
from inference.domain.uid import check_uid

STUDIES = "studies"
RESULTS = "results"
QUARANTINE = "quarantine"

_DIGEST_OF_RESULT = 16  # hexadecimal digits; nobody chooses the bytes of ours


def instance_key(description: Description, digest: str, removals: int = 0) -> str:
    """Raises `InvalidUid`."""
    folder = "/".join(
        check_uid(uid) for uid in (description.study_instance_uid, description.series_instance_uid)
    )
    again = f"-{removals}" if removals else ""
    return f"{STUDIES}/{folder}/{check_uid(description.sop_instance_uid)}-{digest}{again}.dcm"


def result_key(study_instance_uid: str, sop_instance_uid: str, part10: bytes) -> str:
    """Raises `InvalidUid`.

    Two attempts at one Job make objects of one UID: each has a file of its own, so that one
    that comes too late replaces nothing.
    """
    digest = hashlib.sha256(part10).hexdigest()[:_DIGEST_OF_RESULT]
    folder = f"{RESULTS}/{check_uid(study_instance_uid)}"
    return f"{folder}/{check_uid(sop_instance_uid)}-{digest}.dcm"


def quarantine_key(digest: str, removals: int = 0) -> str:
    again = f"-{removals}" if removals else ""
    return f"{QUARANTINE}/{digest}{again}.dcm"


def reason_key(key: str) -> str:
    """Return where it stands why the file of this key was set aside."""
    return key.removesuffix(".dcm") + ".json"


def check_received_key(key: str) -> str:
    """Raises `ValueError` for what neither `instance_key` nor `quarantine_key` made."""
    checked = check_key(key)
    if not checked.startswith((f"{STUDIES}/", f"{QUARANTINE}/")):
        raise ValueError("not the key of something that came in")
    return checked


def check_key(key: str) -> str:
    """Raises `ValueError` for what none of these made."""
    parts = PurePosixPath(key).parts
    if len(parts) < 2 or parts[0] not in (STUDIES, RESULTS, QUARANTINE) or ".." in parts:
        raise ValueError("not a key of this archive")
    return "/".join(parts)
