"""The conformance statement says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pynetdicom.sop_class import Verification

from dicom_node.dimse import operation, status
from dicom_node.dimse.contexts import (
    QUERY_RETRIEVE_SOP_CLASSES,
    QUERY_RETRIEVE_TRANSFER_SYNTAXES,
    STORAGE_SOP_CLASSES,
    TRANSFER_SYNTAXES,
    accepted_contexts,
)
from dicom_node.dimse.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.catalog import Field, Level
from inference.domain.keys import can_match

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
    assert set(contexts) == {
        str(Verification),
        *STORAGE_SOP_CLASSES,
        *QUERY_RETRIEVE_SOP_CLASSES,
    }
    for uid in STORAGE_SOP_CLASSES:
        assert contexts[uid].transfer_syntax == list(TRANSFER_SYNTAXES)
        assert contexts[uid].scp_role
        assert contexts[uid].scu_role
    stated = section("Verification").replace("\n", " ")
    for syntax in contexts[Verification].transfer_syntax:
        assert syntax.name in stated


def test_query_retrieve() -> None:
    text = section("Query/Retrieve as SCP")
    assert uids(text) == list(QUERY_RETRIEVE_SOP_CLASSES)
    contexts = {context.abstract_syntax: context for context in accepted_contexts()}
    for uid in QUERY_RETRIEVE_SOP_CLASSES:
        assert contexts[uid].transfer_syntax == list(QUERY_RETRIEVE_TRANSFER_SYNTAXES)
    for syntax in QUERY_RETRIEVE_TRANSFER_SYNTAXES:
        assert syntax.name in text.replace("\n", " ")
    without = {context.abstract_syntax for context in accepted_contexts(queries=False)}
    assert without.isdisjoint(QUERY_RETRIEVE_SOP_CLASSES)


def test_every_key_has_its_place() -> None:
    rows = dict(re.findall(r"^\| ([A-Za-z ]+) \| (\w+[,;].*) \|$", section("C-FIND keys"), re.M))
    levels = {Level.STUDY: "STUDY", Level.SERIES: "SERIES", Level.INSTANCE: "IMAGE"}
    for field in Field:
        row = rows[levels[field.level] if can_match(field) else "returned only"]
        assert field.keyword in re.findall(r"\w+", row)


def test_every_status_of_a_query_has_its_row() -> None:
    text = section("C-FIND keys") + section("C-GET and C-MOVE")
    stated = {int(code, 16) for code in re.findall(r"^\| 0x([0-9A-F]{4}) \|", text, re.M)}
    values = {name: value for name, value in vars(operation).items() if name.isupper()}
    codes = {each for name, each in values.items() if isinstance(each, int) and name[0] != "_"}
    assert stated == codes


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
