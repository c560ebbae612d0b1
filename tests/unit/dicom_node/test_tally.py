"""What became of sub-operations, and the commands that say so."""

from __future__ import annotations

import io

import pytest
from pydicom import dcmread
from pydicom.uid import MPEG2MPML, ExplicitVRLittleEndian, JPEG2000Lossless

from dicom_node.dimse.operation import Refused, refusal
from dicom_node.dimse.query_retrieve import QueryRetrieve
from dicom_node.dimse.retrieve import Held, Tally, _failed_list
from dicom_node.dimse.writer import encoded_command
from inference.domain import errors


def held(number: int, syntax: str = ExplicitVRLittleEndian) -> Held:
    return Held("1.2.840.10008.5.1.4.1.1.7", f"1.2.3.{number}", str(syntax), f"key {number}")


@pytest.mark.parametrize(
    ("codes", "status", "counts"),
    [
        ([], 0x0000, (0, 0, 0)),
        ([0x0000, 0x0000], 0x0000, (2, 0, 0)),
        ([0x0000, 0xB007], 0xB000, (1, 0, 1)),
        ([0x0000, None], 0xB000, (1, 1, 0)),
        ([0xB000, 0xA700], 0xB000, (0, 1, 1)),
        ([None, 0x0122], 0xA702, (0, 2, 0)),
    ],
)
def test_counts(codes: list[int | None], status: int, counts: tuple[int, int, int]) -> None:
    tally = Tally(len(codes))
    for number, code in enumerate(codes):
        tally.count(held(number), code)
    assert tally.status == status
    assert (tally.completed, tally.failed, tally.warning) == counts
    assert tally.remaining == 0
    assert len(tally.failed_uids) == tally.failed


def test_what_can_be_made_of_a_transfer_syntax() -> None:
    explicit, implicit = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
    assert held(1).syntaxes == (explicit, implicit)
    assert held(1, implicit).syntaxes == (implicit, explicit)
    assert held(1, JPEG2000Lossless).syntaxes == (JPEG2000Lossless, explicit, implicit)
    assert held(1, MPEG2MPML).syntaxes == (MPEG2MPML,)


def test_a_list_of_failures_ends_where_a_value_does() -> None:
    uids = [f"1.2.840.113619.2.55.3.{number:040d}" for number in range(2000)]
    explicit = _failed_list(uids, implicit=False)
    assert len(explicit) <= 8 + 0xFFFE
    listed = explicit[8:].rstrip(b"\0").decode().split("\\")
    assert listed == uids[: len(listed)]
    assert len("\\".join(uids[: len(listed) + 1])) > 0xFFFE - 1
    assert _failed_list([], implicit=True) == b"\x08\x00\x58\x00\0\0\0\0"


def test_commands_are_in_order_and_even() -> None:
    command = encoded_command({0x0902: "odd", 0x0002: "1.2.3", 0x0900: 0xA700, 0x0800: 0x0101})
    made = dcmread(io.BytesIO(command), force=True)
    assert [each.tag.element for each in made] == [0, 2, 0x800, 0x900, 0x902]
    assert made[0x00000000].value == len(command) - 12
    assert made[0x00000902].value == "odd"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidQuery("no"), 0xA900),
        (errors.InvalidUid("no"), 0xA900),
        (errors.UnreadableInstance(), 0xC000),
        (errors.RepositoryUnavailable(), 0xA700),
        (Refused(0xA801, "no"), 0xA801),
        (ValueError("a value with a name"), 0xC000),
    ],
)
def test_each_error_has_a_status(error: Exception, status: int) -> None:
    refused = refusal(error)
    assert refused.status == status
    assert "name" not in str(refused)


@pytest.mark.parametrize(
    ("titles", "title", "address", "may"),
    [
        ((), "ANY", "127.0.0.1", True),
        ((), "ANY", "::1", True),
        ((), "ANY", "::ffff:127.0.0.1", True),
        ((), "ANY", "::ffff:192.0.2.1", False),
        ((), "ANY", "192.0.2.1", False),
        ((), "ANY", "nonsense", False),
        (("PACS",), "PACS", "192.0.2.1", True),
        (("PACS",), "ANY", "127.0.0.1", False),
        (("*",), "ANY", "192.0.2.1", True),
    ],
)
def test_who_may_query(titles: tuple[str, ...], title: str, address: str, may: bool) -> None:
    nothing: object = None
    queries = QueryRetrieve(nothing, nothing, query_ae_titles=titles)  # type: ignore[arg-type]
    assert queries.may_query(title, address) is may
