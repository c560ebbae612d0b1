"""What every ReadingList promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.domain.finding import Presence
from inference.domain.job import ModelId
from inference.domain.reading import Order, ReadingLoad, ReadingQuery, Standing
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Outcome, Result
from inference.domain.review import Review, Verdict
from tests.contracts.repositories import (
    Repositories,
    RepositoriesContract,
    at,
    make_failure,
    make_object,
    make_result,
)
from tests.contracts.reviews import ANN

REFUSED: dict[str, Any] = {
    "outcome": Outcome.NOT_ASSESSED,
    "findings": (),
    "refusals": (Refusal(Reason.NO_PIXELS, "no pixels"),),
    "objects": (),
}


def said(presence: Presence, certainty: float = 0.5, **changes: Any) -> Result:
    (finding,) = make_result().findings
    found = replace(finding, presence=presence, certainty=certainty)
    return make_result(findings=(found,), objects=(), **changes)


class ReadingListContract(RepositoriesContract):
    def review(self, repositories: Repositories, job_id: int, study: str) -> None:
        report = replace(make_object(int(study) + 500), study_instance_uid=study)
        repositories.reviews.record(
            Review(job_id, study, 1, Verdict.AGREE, ANN, at(20), report=report), []
        )

    def uids(self, repositories: Repositories, **query: Any) -> list[str]:
        page = repositories.reading.read(ReadingQuery(**query))
        assert page.total >= len(page.readings)
        return [each.study.study_instance_uid for each in page.readings]

    def test_nothing_is_nothing(self, repositories: Repositories) -> None:
        page = repositories.reading.read(ReadingQuery())
        assert (page.readings, page.total) == ((), 0)
        assert repositories.reading.choices().models == ()

    def test_the_most_urgent_goes_first(self, repositories: Repositories) -> None:
        repositories.read("1", said(Presence.ABSENT, 0.4), 1)
        repositories.read("2", make_failure(objects=()), 2)
        repositories.read("3", make_result(**REFUSED), 3)
        repositories.read("4", seconds=4)
        repositories.read("5", said(Presence.UNDETERMINED, 0.1), 5)
        repositories.read("6", said(Presence.UNDETERMINED, 0.9), 6)
        repositories.read("7", said(Presence.PRESENT, 0.7), 7)
        repositories.read("8", said(Presence.PRESENT, 0.9), 8)
        assert self.uids(repositories) == ["8", "7", "5", "6", "1", "2", "3", "4"]
        newest = ["8", "7", "6", "5", "4", "3", "2", "1"]
        assert self.uids(repositories, order=Order.NEWEST) == newest
        readings = repositories.reading.read(ReadingQuery()).readings
        assert [each.standing for each in readings] == [
            Standing.PRESENT,
            Standing.PRESENT,
            Standing.UNDETERMINED,
            Standing.UNDETERMINED,
            Standing.ABSENT,
            Standing.FAILED,
            Standing.NOT_ASSESSED,
            Standing.WAITING,
        ]
        for each in readings:
            own = self.uids(repositories, standing=each.standing)
            assert each.study.study_instance_uid in own

    def test_pages_follow_each_other(self, repositories: Repositories) -> None:
        for number in range(1, 8):
            repositories.read(str(number), said(Presence.PRESENT, number / 10))
        found = [self.uids(repositories, limit=3, offset=each) for each in (0, 3, 6, 9)]
        assert found == [["7", "6", "5"], ["4", "3", "2"], ["1"], []]
        assert repositories.reading.read(ReadingQuery(limit=3, offset=9)).total == 7

    def test_a_later_revision_replaces_what_was_said(self, repositories: Repositories) -> None:
        repositories.read("1", said(Presence.PRESENT))
        repositories.read("1", said(Presence.ABSENT, revision=2), 1)
        (reading,) = repositories.reading.read(ReadingQuery()).readings
        assert reading.standing is Standing.ABSENT
        assert [result.revision for _, result in reading.results] == [2]
        assert [each.request.revision for each in reading.jobs] == [2]

    def test_another_model_counts_beside_it(self, repositories: Repositories) -> None:
        repositories.read("1", said(Presence.PRESENT, 0.8))
        other = said(Presence.ABSENT, revision=2, model=ModelId("other", "1"))
        repositories.read("1", other, 1)
        (reading,) = repositories.reading.read(ReadingQuery()).readings
        assert reading.standing is Standing.PRESENT
        assert len(reading.results) == 2

    def test_no_model_gives_way_to_any(self, repositories: Repositories) -> None:
        repositories.read("1", make_result(model=None, **REFUSED))
        repositories.read("1", said(Presence.ABSENT, revision=2), 1)
        assert self.uids(repositories, standing=Standing.ABSENT) == ["1"]

    def test_a_shadow_is_not_seen(self, repositories: Repositories) -> None:
        repositories.read("1", said(Presence.PRESENT), shadow=True)
        (reading,) = repositories.reading.read(ReadingQuery()).readings
        assert (reading.standing, reading.jobs, reading.results) == (Standing.WAITING, (), ())
        assert self.uids(repositories, model="chest") == []
        assert repositories.reading.choices().models == ()

    def test_what_is_reviewed(self, repositories: Repositories) -> None:
        job = repositories.read("1", said(Presence.PRESENT))
        repositories.read("2", said(Presence.PRESENT))
        repositories.read("3")
        self.review(repositories, job, "1")
        assert self.uids(repositories, reviewed=True) == ["1"]
        assert self.uids(repositories, reviewed=False) == ["2", "3"]
        (reading,) = repositories.reading.read(ReadingQuery(reviewed=True)).readings
        assert [each.verdict for each in reading.reviews] == [Verdict.AGREE]
        # The answer was to what the model said before.
        repositories.read("1", said(Presence.ABSENT, revision=2), 1)
        assert self.uids(repositories, reviewed=True) == []

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"text": "müller"}, ["2"]),
            ({"text": "anna, MULLER"}, ["2"]),
            ({"text": "muller otto"}, []),
            ({"text": "ACC"}, ["1", "2"]),
            ({"text": "p_1"}, ["1"]),
            ({"text": "%"}, []),
            ({"modality": "CT"}, ["2"]),
            ({"first_date": "20260102"}, ["2"]),
            ({"last_date": "20260101"}, ["1"]),
            ({"first_date": "20260101", "last_date": "20260102"}, ["1", "2"]),
            ({"model": "chest"}, []),
            ({"modality": "DX", "text": "muller"}, []),
            ({"patient_id": "P_1"}, ["1"]),
            ({"patient_id": "P"}, []),
            ({"body_part": "ABDOMEN"}, ["2"]),
            ({"body_part": "ABDOMEN", "modality": "DX"}, []),
        ],
    )
    def test_it_is_narrowed(
        self, repositories: Repositories, query: dict[str, Any], found: list[str]
    ) -> None:
        one = {"patient_id": "P_1", "accession_number": "acc1", "study_date": "20260101"}
        two = {"patient_name": "Müller^Anna", "accession_number": "acc2", "modality": "CT"}
        two |= {"body_part": "ABDOMEN"}
        repositories.read("1", **one)
        repositories.read("2", study_date="2026.01.02", **two)
        repositories.read("3", patient_id="PX1")
        assert self.uids(repositories, **query) == found

    def test_what_there_is_to_narrow_by(self, repositories: Repositories) -> None:
        repositories.read("1", said(Presence.PRESENT))
        repositories.read("2", modality="CT")
        repositories.read("3", modality="SR")
        repositories.read("4", body_part="KNEE")
        choices = repositories.reading.choices()
        assert (choices.modalities, choices.models) == (("CT", "DX"), ("chest",))
        assert (choices.body_parts, choices.findings) == (("KNEE",), ("Opacity",))
        assert self.uids(repositories, model="chest") == ["1"]

    def test_by_the_model_that_reads_the_newest_revision(self, repositories: Repositories) -> None:
        repositories.read("1", said(Presence.PRESENT))
        repositories.read("2", said(Presence.PRESENT))
        other = said(Presence.PRESENT, revision=2, model=ModelId("other", "1"))
        repositories.read("2", other, 1)
        assert self.uids(repositories, model="chest") == ["1"]
        assert self.uids(repositories, model="other") == ["2"]

    def test_by_what_was_looked_for(self, repositories: Repositories) -> None:
        (one,) = said(Presence.PRESENT, 0.9).findings
        other = replace(one, finding=replace(one.finding, meaning="Nodule"))
        no = replace(other, presence=Presence.ABSENT, certainty=0.1)
        repositories.read("1", make_result(findings=(one, no), objects=()))
        repositories.read("2", make_result(findings=(other,), objects=()))
        repositories.read("3", make_result(**REFUSED))
        name = one.finding.meaning
        assert self.uids(repositories, finding=name) == ["1"]
        assert self.uids(repositories, finding="Nodule") == ["1", "2"]
        assert self.uids(repositories, finding="Nodule", standing=Standing.PRESENT) == ["2"]
        assert self.uids(repositories, finding="Nodule", standing=Standing.ABSENT) == ["1"]
        assert self.uids(repositories, finding="Nodule", standing=Standing.FAILED) == []
        assert self.uids(repositories, finding="Fracture") == []

    def test_what_is_forgotten_to_be_read_again_waits(self, repositories: Repositories) -> None:
        job = repositories.read("1", make_failure(objects=()))
        assert self.uids(repositories, standing=Standing.FAILED) == ["1"]
        repositories.queue.replay(job, at(30))
        assert self.uids(repositories, standing=Standing.WAITING) == ["1"]
        assert repositories.reading.load() == ReadingLoad(studies=1, jobs=1, deliveries=0)
