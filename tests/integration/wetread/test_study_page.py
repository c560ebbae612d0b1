"""A study's page, and what it links to."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from inference.domain.code import Code
from inference.domain.finding import Presence
from inference.domain.job import ModelId
from inference.domain.result import ResultObject
from inference.domain.review import Review, Reviewer, Verdict
from tests.contracts.reading import said
from tests.contracts.repositories import (
    LEASE,
    QUIET,
    at,
    make_failure,
    make_instance,
    make_object,
    make_request,
    make_result,
)
from tests.integration.wetread.pages import Pages

HOSTILE = "<script>alert(1)</script>"


def test_all_that_is_known_is_on_it(pages: Pages) -> None:
    job = pages.add("1.1", said(Presence.PRESENT, 0.7), rows=8, columns=8, frames=3)
    report: ResultObject = replace(make_object(9), study_instance_uid="1.1")
    review = Review(job, "1.1", 1, Verdict.AGREE, Reviewer("ann", "Arzt^Anna"), at(9))
    pages.stores.reviews.record(replace(review, report=report), ["pacs"])
    text = pages.get("/studies/1.1").text
    assert "Doe, Jané" in text
    assert "70 %" in text
    assert '<a href="/models/chest/1">' in text
    assert "revision 1 stable" in text
    assert "pacs" in text
    assert "Arzt, Anna" in text
    (series,) = json.loads(unescape(re.findall(r'data-series="([^"]*)"', text)[0]))
    assert [(each["uid"], each["frames"]) for each in series["instances"]] == [("1.1.1.1", 3)]
    assert "Your ID" in text
    (job_id,) = re.findall(r'data-job="(\d+)"', text)
    assert int(job_id) == job


def test_other_studies_of_the_patient_are_there(pages: Pages) -> None:
    pages.add("1.1", said(Presence.PRESENT), patient_id="P1", study_date="20260101")
    pages.add("1.2", said(Presence.ABSENT), patient_id="P1", study_description="Thorax before")
    pages.add("1.3", said(Presence.ABSENT), patient_id="P2", study_description="Somebody else")
    text = pages.get("/studies/1.1").text
    assert '<a href="/studies/1.2">' in text
    assert "Thorax before" in text
    assert "/studies/1.3" not in text
    pages.add("1.4", patient_id="")
    assert "Other studies" not in pages.get("/studies/1.4").text


def test_model_and_gate_have_their_cards(tmp_path: Path) -> None:
    pages = Pages(tmp_path, gates=lambda model: ModelId("body-part", "1.0.0"))
    try:
        pages.add("1.1", said(Presence.PRESENT))
        text = pages.get("/studies/1.1").text
        assert '<a href="/models/chest/1">' in text
        assert '<a href="/models/body-part/1.0.0">' in text
    finally:
        pages.stores.close()


def test_a_person_who_asks_for_a_page_is_told_on_one(pages: Pages) -> None:
    reader = {"Accept": "text/html,application/xhtml+xml"}
    for url, status in (("/studies/1.9", 404), ("/nothing", 404), ("/studies/x", 400)):
        answer = pages.get(url, headers=reader)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert "To the reading list" in answer.text
    answer = pages.get("/dicom-web/studies/1.9", headers=reader)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_failure_cannot_be_reviewed(pages: Pages) -> None:
    pages.add("1.1", make_failure())
    text = pages.get("/studies/1.1").text
    assert "it broke" in text
    assert "data-job" not in text


def test_who_is_known_is_not_asked(tmp_path: Path) -> None:
    pages = Pages(tmp_path, knows_reviewer=True)
    try:
        pages.add("1.1", said(Presence.PRESENT))
        assert "Your ID" not in pages.get("/studies/1.1").text
    finally:
        pages.stores.close()


def test_nothing_of_a_header_becomes_markup(pages: Pages) -> None:
    (finding,) = said(Presence.PRESENT).findings
    evil = replace(finding, finding=Code("1", "99TEST", HOSTILE))
    names = ("patient_name", "patient_id", "accession_number", "study_description")
    job = pages.add(
        "1.1",
        make_result(findings=(evil,)),
        **dict.fromkeys(names, f'">{HOSTILE}'),
        series_description=f"'\">{HOSTILE}",
        rows=8,
        columns=8,
    )
    report = replace(make_object(9), study_instance_uid="1.1")
    reviewer = Reviewer(HOSTILE, HOSTILE)
    review = Review(job, "1.1", 1, Verdict.AGREE, reviewer, at(9), comment=HOSTILE, report=report)
    pages.stores.reviews.record(review, [])
    text = pages.get("/studies/1.1").text
    assert "<script>" not in text
    assert text.count("&lt;script&gt;") >= 8


def test_a_header_is_read_line_by_line(pages: Pages) -> None:
    item = Dataset()
    item.CodeValue = "T-1"
    header = Dataset()
    header.SOPClassUID, header.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.1.1.1"
    header.StudyInstanceUID, header.SeriesInstanceUID = "1.1", "1.1.1"
    header.PatientName = HOSTILE
    header.WindowCenter = ["40", "300"]
    header.AnatomicRegionSequence = [item]
    header.EncapsulatedDocument = b"\0\1"
    pages.add("1.1")
    path = pages.stores.archive.path("studies/1.1/1.1.1.1.dcm")
    path.parent.mkdir(parents=True, exist_ok=True)
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.save_as(path, enforce_file_format=True)
    answer = pages.get("/studies/1.1/instances/1.1.1.1/tags")
    assert answer.headers["content-type"] == "application/json"
    values = {each["name"]: each["value"] for each in answer.json()}
    assert values["PatientName"] == HOSTILE
    assert values["WindowCenter"] == "40\\300"
    assert values["CodeValue"] == "T-1"
    assert values["EncapsulatedDocument"] == "2 bytes"


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/studies/1.9", 404),
        ("/studies/x", 400),
        ("/studies/1.1/instances/1.9/tags", 404),
        ("/studies/1.1/instances/x/tags", 400),
        ("/studies/1.1/overlays/1.9.png", 404),
        ("/studies/1.1/overlays/1.9.png?frame=0", 422),
        ("/models/chest/9", 404),
    ],
)
def test_what_is_not_there(pages: Pages, url: str, status: int) -> None:
    pages.add("1.1")
    assert pages.get(url).status_code == status


def test_a_card_is_text(tmp_path: Path) -> None:
    def cards(model: ModelId) -> str | None:
        return f"# Card of {model} {HOSTILE}" if model == ModelId("chest", "1") else None

    pages = Pages(tmp_path, cards=cards)
    try:
        text = pages.get("/models/chest/1").text
        assert "Card of chest 1 &lt;script&gt;" in text
        assert "<script>" not in text
        assert pages.get("/models/chest/..").status_code == 404
    finally:
        pages.stores.close()


def test_findings_of_several_images_say_which_is_meant(pages: Pages) -> None:
    (one,) = said(Presence.PRESENT).findings
    finding = replace(one, finding=Code("1", "99TEST", "Pneumonia"), frame=1)
    # Each view of a chest in a Series of its own, as modalities send them
    found = (
        replace(finding, sop_instance_uid="1.1.2.1"),
        replace(finding, sop_instance_uid="1.1.1.1", presence=Presence.ABSENT),
    )
    for number in (2, 1):
        pages.stores.index.add(
            make_instance(
                f"1.1.{number}.1",
                study="1.1",
                series=f"1.1.{number}",
                series_number=number,
                rows=8,
                columns=8,
            ),
            at(0),
            QUIET,
        )
    job = pages.add("1.1", make_result(findings=found, objects=()), rows=8, columns=8)
    for about, verdict in ((2, Verdict.AGREE), (None, Verdict.NOT_ASSESSABLE)):
        report = replace(make_object(8 + (about or 0)), study_instance_uid="1.1")
        review = Review(job, "1.1", about, verdict, Reviewer("ann", "Arzt^Anna"), at(9))
        pages.stores.reviews.record(replace(review, report=report), [])
    text = pages.get("/studies/1.1").text
    options = re.findall(r"<option value=\"\d\" data-presence=\"(\w+)\">([^<]*)<", text)
    assert options == [
        ("present", "Pneumonia, series 2, image 1"),
        ("absent", "Pneumonia, series 1, image 1"),
    ]
    assert re.findall(r'<button type="button" data-uid="([\d.]+)"[^>]*>([^<]*)<', text) == [
        ("1.1.2.1", "series 2, image 1"),
        ("1.1.1.1", "series 1, image 1"),
    ]
    assert re.findall(r'<span class="about">([^<]*)<', text) == [
        "(Pneumonia, series 1, image 1)",
        "(the whole result)",
    ]
    panel = pages.get("/viewer/reports?StudyInstanceUIDs=1.1").text
    assert panel.index("series 2, image 1") < panel.index("series 1, image 1")


def test_what_was_said_of_an_earlier_result_stays_in_sight(pages: Pages) -> None:
    job = pages.add("1.1", said(Presence.PRESENT))
    review = Review(
        job, "1.1", 1, Verdict.AGREE, Reviewer("ann", "Arzt^Anna"), at(9), comment="of the first"
    )
    report = replace(make_object(9), study_instance_uid="1.1")
    pages.stores.reviews.record(replace(review, report=report), [])
    request = make_request(study_instance_uid="1.1", revision=2)
    pages.stores.queue.enqueue([request], at(10))
    lease = pages.stores.queue.claim("w", at(10), LEASE)
    assert lease is not None
    later = said(Presence.ABSENT, revision=2, model=request.model)
    pages.stores.results.record(lease, replace(later, study_instance_uid="1.1", objects=()), [])
    text = pages.get("/studies/1.1").text
    earlier = text[text.index("Earlier results") :]
    assert "Arzt, Anna" in earlier
    assert "of the first" in earlier


def test_a_finding_of_the_only_image_names_no_image(pages: Pages) -> None:
    pages.add("1.1", said(Presence.PRESENT), rows=8, columns=8)
    assert "image 1" not in pages.get("/studies/1.1").text
