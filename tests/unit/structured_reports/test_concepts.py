"""Coded concepts: each once, valid, and nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pydicom.sr.coding import Code

import structured_reports
from inference.domain.finding import Presence
from inference.domain.refusal import Reason
from inference.domain.review import ReviewReason, Stance
from structured_reports import concepts

_ROOM = Path(structured_reports.__file__).parent
_OTHERS = sorted(path for path in _ROOM.rglob("*.py") if path.name != "concepts.py")
_MAKERS = {"Code", "CodedConcept", "_private"}


@pytest.mark.parametrize("path", _OTHERS, ids=lambda path: path.name)
def test_no_other_file_spells_a_code(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            literals = [each for each in node.args if isinstance(each, ast.Constant)]
            assert name not in _MAKERS or not literals, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.ImportFrom):
            assert "codes" not in {each.name for each in node.names}, path.name


def test_the_rule_above_sees_a_literal() -> None:
    call = ast.parse('Code("1", "DCM", "x")').body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert any(isinstance(each, ast.Constant) for each in call.value.args)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_code(reason: Reason) -> None:
    code = concepts.reason_code(reason)
    assert 0 < len(code.value) <= 16  # SH, PS3.5 Section 6.2
    assert 0 < len(code.meaning) <= 64  # LO


def test_no_two_reasons_share_a_code() -> None:
    codes = {(code.value, code.scheme_designator) for code in map(concepts.reason_code, Reason)}
    assert len(codes) == len(Reason)


def test_presence_is_coded_as_snomed_says() -> None:
    assert {each: concepts.presence_code(each).value for each in Presence} == {
        Presence.PRESENT: "52101004",
        Presence.ABSENT: "272519000",
        Presence.UNDETERMINED: "373068000",
    }


@pytest.mark.parametrize("name", [each for each in dir(concepts) if each.isupper()])
def test_every_concept_is_complete(name: str) -> None:
    concept = getattr(concepts, name)
    if isinstance(concept, Code):
        assert all((concept.value, concept.scheme_designator, concept.meaning))


def test_the_private_scheme_is_described() -> None:
    scheme = concepts.private_scheme()
    assert scheme.CodingSchemeDesignator == "99WETREAD"
    assert scheme.CodingSchemeName
    assert scheme.CodingSchemeResponsibleOrganization == "Wetread"


@pytest.mark.parametrize(("modality", "value"), [("DX", "43468-8"), ("XX", "363679005")])
def test_a_procedure_is_named_by_its_modality(modality: str, value: str) -> None:
    assert concepts.procedure_code(modality).value == value


def test_the_manual_lists_every_private_code() -> None:
    manual = (_ROOM.parent / "docs" / "results.md").read_text()
    everything = [
        *(getattr(concepts, name) for name in dir(concepts) if name.isupper()),
        *map(concepts.reason_code, Reason),
        *map(concepts.stance_code, Stance),
        *map(concepts.review_reason_code, ReviewReason),
    ]
    private = {
        f"| {each.value} | {each.meaning} |"
        for each in everything
        if isinstance(each, Code) and each.scheme_designator == concepts.PRIVATE_SCHEME
    }
    listed = {line for line in manual.splitlines() if line.startswith("| ") and line[2:3].isupper()}
    assert private == listed
