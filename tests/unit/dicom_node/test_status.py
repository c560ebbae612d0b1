"""The table of statuses."""

from __future__ import annotations

import pytest
from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS, code_to_category

from dicom_node.dimse import status
from inference.domain import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.OutOfSpace(), 0xA700),
        (errors.RepositoryUnavailable(), 0xA701),
        (errors.ResourceError(), 0xA700),
        (errors.UnreadableInstance(), 0xC000),
        (errors.InvalidUid(), 0xC001),
        (errors.ConflictingInstance(), 0x0111),
        (errors.ModelFailed(), 0x0110),
        (ValueError(), 0x0110),
    ],
)
def test_each_error_has_a_failure_of_the_storage_service(error: Exception, code: int) -> None:
    assert status.status_for(error) == code
    assert code in STORAGE_SERVICE_CLASS_STATUS
    assert code_to_category(code) == "Failure"
    assert not status.is_taken(code)


@pytest.mark.parametrize("code", sorted(status._COMMENT))
def test_comments_fit_a_long_string(code: int) -> None:
    assert 0 < len(status.comment_for(code)) <= 64


def test_what_a_peer_answers() -> None:
    assert status.is_taken(0x0000)
    assert status.is_taken(0xB000)
    assert status.is_taken(0xB007)
    assert not status.is_taken(0xA700)
    assert not status.is_taken(0x0122)
    assert status.may_try_again(0xA700)
    assert status.may_try_again(0xA7FF)
    assert not status.may_try_again(0xA900)
    assert not status.may_try_again(0x0122)
