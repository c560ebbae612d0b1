"""The coded concepts of the worklist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from inference.domain.code import Code
from inference.domain.workitem_job import WorklistCodes
from structured_reports.concepts import (
    PRIVATE_SCHEME,
    UNSPECIFIED,
    domain_code,
    named_code,
    reason_code,
)

_LONGEST_MEANING: Final = 64  # characters, LO


def worklist_codes(ae_title: str, title: Callable[[str], str]) -> WorklistCodes:
    """Return the codes of the node of this AE title. `title` is that of a model, by its name."""

    def asked_model(code: Code) -> str:
        return code.value if code.scheme == PRIVATE_SCHEME else ""

    return WorklistCodes(
        station=named_code(ae_title, ae_title),
        model=lambda name: named_code(name, title(name)[:_LONGEST_MEANING] or name),
        asked_model=asked_model,
        reason=lambda reason: domain_code(reason_code(reason)),
        unspecified=domain_code(UNSPECIFIED),
    )
