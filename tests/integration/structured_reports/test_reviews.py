"""Reviews of results of real images, judged by other people's programs.

dciodvfy (PS3.3), dcentvfy (patient and study agree), dsrdump (DCMTK), srread (highdicom).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import highdicom as hd
import pydicom
import pytest

from inference.domain.code import Code
from inference.domain.finding import Presence
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Result
from inference.domain.review import Review, ReviewReason, Verdict
from inference.ports import Evidence
from tests.support.reviews import BEN, encode, reference_to, review_of, write_report
from tests.support.sources import assessed, evidence_of, finding_of, not_assessed
from tests.support.tid1500 import violations
from tests.support.tid1501 import TITLE, review_template
from tests.support.validators import entity_errors, iod_errors, iod_output, report_tree

ATELECTASIS = Code("46621007", "SCT", "Atelectasis")
_SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "dicom-samples"
_SAMPLES = sorted(_SHARED.rglob("*.dcm"))
_INSTALLED = ["RG1_UNCI.dcm", "RG3_J2KR.dcm", "693_UNCR.dcm", "US1_J2KI.dcm"]


def _results(evidence: Evidence) -> Iterator[Result]:
    instance = evidence.instance
    yield assessed(instance, [finding_of(instance)])
    yield not_assessed(instance, [Refusal(Reason.WRONG_VIEW, "View Position is LL")])


def _reviews(result: Result) -> Iterator[Review]:
    if result.findings:
        yield review_of(
            result,
            Verdict.DISAGREE,
            presence=Presence.ABSENT,
            right_finding=ATELECTASIS,
            reason=ReviewReason.OTHER_FINDING,
            comment="Bekannt seit 2024 – « même »\nsiehe seitlich",
        )
        yield review_of(result, right_finding=ATELECTASIS, reviewer=BEN)
        yield review_of(result, Verdict.NOT_ASSESSABLE, reason=ReviewReason.POOR_IMAGE)
    yield review_of(result, finding=None)
    yield review_of(result, Verdict.DISAGREE, finding=None, right_finding=ATELECTASIS)


def _judge(source: Path, folder: Path) -> None:
    evidence = evidence_of(source)
    for result in _results(evidence):
        report = write_report(result, evidence, folder)
        previous = None
        for number, review in enumerate(_reviews(result)):
            review = replace(review, reviewed_at=review.reviewed_at + timedelta(seconds=number))
            encoded = encode(review, result, report, previous)
            previous = replace(review, report=reference_to(encoded, result.study_instance_uid))
            path = folder / f"review-{number}.dcm"
            path.write_bytes(encoded.part10)
            assert iod_errors(path) == [], review
            rows = review_template(of_finding=review.finding is not None)
            against = violations(pydicom.dcmread(path), rows, TITLE)
            # A title of its own: OHIF shows text, and looks for no region to draw.
            assert [each for each in against if not each.startswith("OHIF")] == []
        paths = [report, *sorted(folder.glob("review-*.dcm"))]
        # That the images are not here is no fault of ours.
        wrong = [each for each in entity_errors(paths) if "Missing SOPInstanceUID" not in each]
        assert wrong == []
        for path in paths[1:]:
            tree = report_tree(path)
            assert "AI Result Assessment" in tree
            assert "Person Observer Name" in tree
            assert isinstance(hd.sr.srread(path), hd.sr.Comprehensive3DSR)
            path.unlink()


@pytest.mark.parametrize("name", _INSTALLED)
def test_installed_images(name: str, pydicom_data: Path, tmp_path: Path) -> None:
    _judge(pydicom_data / name, tmp_path)


@pytest.mark.shared
@pytest.mark.parametrize("path", _SAMPLES, ids=lambda path: path.stem)
def test_samples(path: Path, tmp_path: Path) -> None:
    _judge(path, tmp_path)


def test_a_reader_finds_the_group_by_its_tracking_uid(pydicom_data: Path, tmp_path: Path) -> None:
    evidence = evidence_of(pydicom_data / "RG1_UNCI.dcm")
    result = next(_results(evidence))
    report = write_report(result, evidence, tmp_path)
    path = tmp_path / "review.dcm"
    path.write_bytes(encode(next(_reviews(result)), result, report).part10)
    (planar,) = hd.sr.srread(report).content.get_planar_roi_measurement_groups()
    uid = hd.UID(planar.tracking_uid)
    (group,) = hd.sr.srread(path).content.get_image_measurement_groups(tracking_uid=uid)
    said = {each.name.meaning: each.value.meaning for each in group.get_qualitative_evaluations()}
    assert said == {
        "Assessment of the AI result": "Rejected",
        "Pneumonia": "Absent",
        "Finding that is there, by the reviewer": "Atelectasis",
    }


def test_warnings_are_only_of_what_is_newer_than_the_tables(
    pydicom_data: Path, tmp_path: Path
) -> None:
    evidence = evidence_of(pydicom_data / "RG1_UNCI.dcm")
    result = next(_results(evidence))
    report = write_report(result, evidence, tmp_path)
    path = tmp_path / "review.dcm"
    path.write_bytes(encode(next(_reviews(result)), result, report).part10)
    assert [
        each
        for each in iod_output(path)
        if each.startswith("Warning")
        and "99WETREAD" not in each
        and "Value dubious" not in each  # of the source: who referred was a ward
    ] == []


def test_odd_headers_make_a_sound_review(pydicom_data: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = pydicom.dcmread(pydicom_data / "RG1_UNCI.dcm")
        source.PatientName = "Müller^Jörg=宮^太郎"
        source.SpecificCharacterSet = "ISO_IR 192"
        source.TimezoneOffsetFromUTC = "+0530"
        source.save_as(tmp_path / "odd.dcm")
    _judge(tmp_path / "odd.dcm", tmp_path)
