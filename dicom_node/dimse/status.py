"""The one table from an error to the status of a C-STORE response, and back.

PS3.4 Table B.2-1 has the statuses of the Storage Service Class, PS3.7 Annex C the general
ones. 0x0000 is answered only after `Intake.receive` returned: the Instance is on disk then,
and in the index.
"""

from __future__ import annotations

from inference.domain.errors import (
    ConflictingInstance,
    InvalidUid,
    OutOfSpace,
    RepositoryUnavailable,
    ResourceError,
    UnreadableInstance,
    WetreadError,
)

SUCCESS = 0x0000
OUT_OF_SPACE = 0xA700  # Refused: Out of Resources (A7xx)
REPOSITORY_UNAVAILABLE = 0xA701
DOES_NOT_MATCH = 0xA900  # Error: Data Set does not match SOP Class (A9xx)
CANNOT_UNDERSTAND = 0xC000  # Error: Cannot Understand (Cxxx)
INVALID_UID = 0xC001
PROCESSING_FAILURE = 0x0110  # PS3.7 Annex C.5: no other status fits
# PS3.7 Annex C.5, Duplicate SOP Instance. A failure, and not a warning with which the
# sender would go on to delete its copy: the bytes are safe in quarantine and reported as an
# incident, but they are not the Instance that the Study holds, and no model reads them.
# Not one of Cxxx either: the sender's operator can tell two devices that use one UID from
# a broken file. DCMTK's storescu stops at any failure unless told --no-halt.
DUPLICATE_SOP_INSTANCE = 0x0111

_STATUS: tuple[tuple[type[WetreadError], int], ...] = (
    (OutOfSpace, OUT_OF_SPACE),
    (RepositoryUnavailable, REPOSITORY_UNAVAILABLE),
    (ResourceError, OUT_OF_SPACE),
    (ConflictingInstance, DUPLICATE_SOP_INSTANCE),
    (InvalidUid, INVALID_UID),
    (UnreadableInstance, CANNOT_UNDERSTAND),
)

_COMMENT = {  # Error Comment (0000,0902), LO: at most 64 characters, no patient data
    OUT_OF_SPACE: "No space left; send again later",
    REPOSITORY_UNAVAILABLE: "Database not available; send again later",
    DOES_NOT_MATCH: "Data set and request name different SOP Class or Instance",
    CANNOT_UNDERSTAND: "Data set not readable or truncated; kept in quarantine",
    INVALID_UID: "Data set holds an invalid UID; kept in quarantine",
    DUPLICATE_SOP_INSTANCE: "SOP Instance UID held with other content; kept in quarantine",
    PROCESSING_FAILURE: "Internal error; send again later",
}

_WARNINGS = frozenset((0x0001, 0x0107, 0x0116))  # PS3.7 Annex C.4; and Bxxx


def status_for(error: Exception) -> int:
    """Return the status that tells a sender of `error`."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return PROCESSING_FAILURE


def comment_for(status: int) -> str:
    return _COMMENT.get(status, "")


def is_taken(status: int) -> bool:
    """Did the peer keep the Instance? A warning says that it did."""
    return status == SUCCESS or status in _WARNINGS or status & 0xF000 == 0xB000


def may_try_again(status: int) -> bool:
    """Is this a refusal for now only? A7xx, PS3.4 Table B.2-1; 0x0213 Resource Limitation."""
    return status & 0xFF00 == 0xA700 or status in (PROCESSING_FAILURE, 0x0213)
