"""Results of real images, judged by other people's programs.

dciodvfy (PS3.3), dcentvfy (patient and study agree), dsrdump (DCMTK), srread (highdicom).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import pydicom
import pytest

from inference.domain.finding import Measurement, Presence, Quantity
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Result, Role
from inference.ports import EncodedObject, Evidence
from structured_reports.encoder import DicomResultEncoder
from structured_reports.text import report_as_text
from tests.support.sources import MANIFEST, assessed, evidence_of, finding_of, not_assessed
from tests.support.tid1500 import dcm, template, violations
from tests.support.validators import entity_errors, iod_errors, report_tree

_SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "dicom-samples"
_SAMPLES = sorted(_SHARED.rglob("*.dcm"))
_INSTALLED = [
    f"{name}_{form}.dcm"
    for name in ("RG1", "RG3", "693", "US1")
    for form in ("J2KI", "J2KR", "UNCI", "UNCR")
    if (name, form) != ("693", "J2KI")  # there is none
]


def _results(evidence: Evidence) -> Iterator[tuple[str, Result]]:
    instance = evidence.instance
    doubt = Refusal(Reason.AGE_UNKNOWN, "the header gives no age", instance.sop_instance_uid)
    refusal = Refusal(Reason.WRONG_VIEW, "View Position is LL", instance.sop_instance_uid)
    yield "present", assessed(instance, [finding_of(instance)])
    undetermined = finding_of(instance, Presence.UNDETERMINED, doubts=[doubt])
    yield "partial", assessed(instance, [undetermined], [refusal])
    measured = (Measurement(Quantity.AREA, 1234.5),)
    masked = replace(finding_of(instance), output="pneumonia", measurements=measured)
    yield "masked", assessed(instance, [masked])
    yield "refused", not_assessed(instance, [refusal])
    yield "no rule", not_assessed(instance, [], model=None)
    yield "failed", not_assessed(instance, [], failed=True)


def _written(objects: list[EncodedObject], folder: Path) -> list[Path]:
    paths = []
    for number, each in enumerate(objects):
        path = folder / f"{number}.dcm"
        path.write_bytes(each.part10)
        paths.append(path)
    return paths


def _header_only(source: Path, folder: Path) -> Path:
    """Copy `source` without pixels: some have so odd ones that dcentvfy reads nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(source, stop_before_pixels=True)
        header.save_as(folder / "source.dcm")
    return folder / "source.dcm"


def _judge(source: Path, folder: Path) -> None:
    evidence = evidence_of(source)
    assert evidence.heat_map is not None
    evidence = replace(evidence, masks={"pneumonia": evidence.heat_map > 0.5})
    for name, result in _results(evidence):
        manifest = MANIFEST if result.model else None
        # Masks and heat maps are the same in all results: once is enough.
        wanted = frozenset(Role) if name == "masked" else frozenset({Role.REPORT, Role.OVERLAY})
        encoder = DicomResultEncoder(software_version="0.1.0", roles=wanted)
        objects = list(encoder.encode(result, manifest, [evidence], result))
        roles = [Role.REPORT]
        if result.findings:
            roles.append(Role.OVERLAY)
            if name == "masked":
                if evidence.instance.attributes.frames == 1:
                    roles.append(Role.SEGMENTATION)
                roles.append(Role.PARAMETRIC_MAP)
        assert [each.role for each in objects] == roles
        paths = _written(objects, folder)
        for path in paths:
            assert iod_errors(path) == [], name
        ours = [
            line
            for line in entity_errors([_header_only(source, folder), *paths])
            # A source may itself reference what is not here.
            if not (line.startswith("Error - Missing SOPInstanceUID") and "source.dcm" in line)
        ]
        assert ours == [], name
        assert "Qualitative Evaluations" in (tree := report_tree(paths[0])) or result.findings
        assert "Procedure reported" in tree
        report = hd.sr.srread(paths[0])
        assert isinstance(report, hd.sr.Comprehensive3DSR)
        if result.findings:
            groups = report.content.get_planar_roi_measurement_groups()
            assert len(groups) == (2 if Role.SEGMENTATION in roles else 1)
            assert groups[0].finding_type == hd.sr.CodedConcept("233604007", "SCT", "Pneumonia")
        title = dcm("126000") if result.findings else ("NOTASSESSED", "99WETREAD")
        rows = template(
            measured=bool(result.findings),
            refused=bool(result.refusals) or not result.findings,
            by_model=result.model is not None,
        )
        assert violations(report, rows, title) == [], name
        assert report_as_text(objects[0].part10).startswith("AI RESULT, NOT VERIFIED")


@pytest.mark.shared
@pytest.mark.parametrize("path", _SAMPLES, ids=lambda path: path.stem)
def test_samples(path: Path, tmp_path: Path) -> None:
    _judge(path, tmp_path)


@pytest.mark.parametrize("name", _INSTALLED)
def test_installed_images(name: str, pydicom_data: Path, tmp_path: Path) -> None:
    _judge(pydicom_data / name, tmp_path)


def test_a_source_without_pixels(pydicom_data: Path, tmp_path: Path) -> None:
    source = _header_only(pydicom_data / "RG1_UNCI.dcm", tmp_path)
    evidence = replace(evidence_of(source), picture=None, heat_map=None)
    refusal = Refusal(Reason.NO_PIXELS, "no pixel data", evidence.instance.sop_instance_uid)
    objects = DicomResultEncoder(software_version="0.1.0").encode(
        not_assessed(evidence.instance, [refusal], model=None), None, [evidence], None
    )
    assert [each.role for each in objects] == [Role.REPORT]
    assert iod_errors(_written(list(objects), tmp_path)[0]) == []
