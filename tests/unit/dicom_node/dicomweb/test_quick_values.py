"""What is read without pydicom is what pydicom reads; what is odd is left to it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from dicom_node.dicomweb.model import as_json, attribute_model
from dicom_node.dicomweb.quick_values import quick_values
from dicom_node.pixels.frame import ignored_warnings

TAGS = {
    "DA": 0x00080022,
    "DS": 0x00200032,
    "IS": 0x00200013,
    "TM": 0x00080033,
    "UI": 0x00080018,
    "US": 0x00280107,
}
LIKELY = st.text("0123456789.-+ \\eE\0x", max_size=24).map(str.encode)


@given(st.sampled_from(sorted(TAGS)), LIKELY | st.binary(max_size=4))
def test_the_values_are_those_of_pydicom(vr: str, value: bytes) -> None:
    values = quick_values(vr, value)
    if values is not None:
        assert as_json({"vr": vr, "Value": list(values)}) == as_json(by_pydicom(vr, value))


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("DA", b"20240102", ["20240102"]),
        ("DS", rb"-125.5\0.703125\3 ", [-125.5, 0.703125, 3.0]),
        ("IS", b"12 ", [12]),
        ("TM", b"101112.000000 ", ["101112.000000"]),
        ("UI", b"1.2.3\0", ["1.2.3"]),
        ("US", b"\x0a\x01", [266]),
    ],
)
def test_what_is_usual_is_quick(vr: str, value: bytes, expected: list[object]) -> None:
    values = quick_values(vr, value)
    assert values is not None
    assert list(values) == expected
    assert json.loads(as_json(by_pydicom(vr, value)))["Value"] == expected


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        (None, b"1.2"),
        ("", b""),
        ("LO", b"text"),
        ("PN", b"Doe^Jane"),
        ("DS", b""),
        ("DS", b"1e400"),
        ("DS", b"NaN"),
        ("DS", rb"1\\2"),
        ("IS", b"1.0"),
        ("IS", b"1_000"),
        ("UI", rb"1.2\1.3"),
        ("US", b"\1\0\2\0"),
        ("DA", b"2024-01-02"),
        ("TM", b"10:11:12"),
    ],
)
def test_what_is_odd_is_left_to_pydicom(vr: str | None, value: bytes) -> None:
    assert quick_values(vr, value) is None


def by_pydicom(vr: str, value: bytes) -> dict[str, object]:
    tag = BaseTag(TAGS[vr])
    raw = RawDataElement(tag, vr, len(value), value, 0, False, True)
    with ignored_warnings():
        return attribute_model(Dataset({tag: raw}), tag, f"{tag:08X}", None)
