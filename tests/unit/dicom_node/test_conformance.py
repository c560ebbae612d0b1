"""The conformance statement says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pynetdicom.sop_class import Verification

from dicom_node.dimse import status
from dicom_node.dimse.contexts import STORAGE_SOP_CLASSES, TRANSFER_SYNTAXES, accepted_contexts
from dicom_node.dimse.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_node.dimse.timeouts import Timeouts

STATEMENT = (Path(__file__).resolve().parents[3] / "docs" / "conformance.md").read_text()


def section(heading: str) -> str:
    """Return what stands between `heading` and the next one."""
    match = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", STATEMENT, re.M | re.S)
    assert match is not None, heading
    return match[1]


def uids(text: str) -> list[str]:
    return re.findall(r"\| ([0-9.]+) \|", text)


def test_sop_classes() -> None:
    assert sorted(uids(section("SOP Classes"))) == sorted(STORAGE_SOP_CLASSES)


def test_transfer_syntaxes_in_the_order_of_preference() -> None:
    assert uids(section("Transfer syntaxes")) == list(TRANSFER_SYNTAXES)


def test_each_context_is_as_stated() -> None:
    contexts = {context.abstract_syntax: context for context in accepted_contexts()}
    assert set(contexts) == {str(Verification), *STORAGE_SOP_CLASSES}
    for uid in STORAGE_SOP_CLASSES:
        assert contexts[uid].transfer_syntax == list(TRANSFER_SYNTAXES)
    stated = section("Verification").replace("\n", " ")
    for syntax in contexts[Verification].transfer_syntax:
        assert syntax.name in stated


def test_every_status_has_its_row() -> None:
    stated = {
        int(code, 16) for code in re.findall(r"^\| 0x([0-9A-F]{4}) \|", section("Status"), re.M)
    }
    assert stated == {0x0000, *status._COMMENT}


@pytest.mark.parametrize("text", [IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME])
def test_implementation(text: str) -> None:
    assert text in section("Implementation")


def test_timeouts() -> None:
    assert f"within {Timeouts().association:.0f} seconds" in section(
        "Association policies"
    ).replace("\n", " ")
