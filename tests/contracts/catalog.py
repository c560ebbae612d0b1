"""What every Catalog promises."""

from __future__ import annotations

from typing import Any

import pytest

from inference.domain.catalog import Condition, Entry, Field, Level, Search
from inference.domain.instance import Attributes, Description
from inference.domain.job import JobState
from inference.domain.matching import AnyOf, Between, Empty, Like, Match, last_time_key, time_key
from tests.contracts.repositories import (
    MODEL,
    QUIET,
    STUDY,
    T0,
    Repositories,
    RepositoriesContract,
    at,
    make_failure,
    make_instance,
    make_object,
    make_result,
)

UID = {
    Level.STUDY: Field.STUDY_INSTANCE_UID,
    Level.SERIES: Field.SERIES_INSTANCE_UID,
    Level.INSTANCE: Field.SOP_INSTANCE_UID,
}


def uids(entries: Any) -> list[str]:
    return [each.text(UID[each.level]) for each in entries]


def describe_object(number: int = 1, **attributes: Any) -> Description:
    made = make_object(number)
    return Description(
        made.study_instance_uid,
        made.series_instance_uid,
        made.sop_instance_uid,
        made.sop_class_uid,
        "1.2.840.10008.1.2.1",
        Attributes(**{"modality": "SR", "made_by_wetread": True} | attributes),
    )


class CatalogContract(RepositoriesContract):
    def find(
        self,
        repositories: Repositories,
        level: Level,
        *conditions: tuple[Field, Match],
        **how: Any,
    ) -> list[str]:
        search = Search(level, tuple(Condition(*each) for each in conditions), **how)
        return uids(repositories.catalog.search(search))

    def one(self, repositories: Repositories, level: Level, uid: str) -> Entry:
        (found,) = repositories.catalog.search(
            Search(level, (Condition(UID[level], AnyOf((uid,))),))
        )
        return found

    def add(self, repositories: Repositories, sop_instance_uid: str, **values: Any) -> None:
        repositories.index.add(make_instance(sop_instance_uid, **values), T0, QUIET)

    def test_what_is_added_is_found_on_every_level(self, repositories: Repositories) -> None:
        self.add(
            repositories,
            "1.1",
            study_date="20260102",
            patient_id="P1",
            series_number=3,
            instance_number=4,
            rows=16,
            columns=8,
            frames=5,
            referring_physician_name="Ref^Er",
            scheduled_step_id="S1",
        )
        study = self.one(repositories, Level.STUDY, STUDY)
        assert study.values == {
            Field.STUDY_INSTANCE_UID: STUDY,
            Field.STUDY_DATE: "20260102",
            Field.PATIENT_ID: "P1",
            Field.PATIENT_NAME: "Doe^Jané",
            Field.REFERRING_PHYSICIAN_NAME: "Ref^Er",
            Field.MODALITIES_IN_STUDY: ("DX",),
            Field.SOP_CLASSES_IN_STUDY: ("1.2.840.10008.5.1.4.1.1.1",),
            Field.NUMBER_OF_STUDY_RELATED_SERIES: 1,
            Field.NUMBER_OF_STUDY_RELATED_INSTANCES: 1,
        }
        series = self.one(repositories, Level.SERIES, f"{STUDY}.1")
        assert series.values == {
            **study.values,
            Field.SERIES_INSTANCE_UID: f"{STUDY}.1",
            Field.MODALITY: "DX",
            Field.SERIES_NUMBER: 3,
            Field.SCHEDULED_PROCEDURE_STEP_ID: "S1",
            Field.NUMBER_OF_SERIES_RELATED_INSTANCES: 1,
        }
        instance = self.one(repositories, Level.INSTANCE, "1.1")
        assert instance.values == {
            **series.values,
            Field.SOP_INSTANCE_UID: "1.1",
            Field.SOP_CLASS_UID: "1.2.840.10008.5.1.4.1.1.1",
            Field.AVAILABLE_TRANSFER_SYNTAX_UID: "1.2.840.10008.1.2.1",
            Field.INSTANCE_NUMBER: 4,
            Field.ROWS: 16,
            Field.COLUMNS: 8,
            Field.NUMBER_OF_FRAMES: 5,
        }
        assert instance.key == make_instance("1.1").key

    def test_levels_are_counted(self, repositories: Repositories) -> None:
        self.add(repositories, "1.1")
        self.add(repositories, "1.2")
        self.add(repositories, "1.2")
        self.add(repositories, "1.3", series="7.7", modality="PR")
        study = self.one(repositories, Level.STUDY, STUDY)
        assert study.values[Field.NUMBER_OF_STUDY_RELATED_SERIES] == 2
        assert study.values[Field.NUMBER_OF_STUDY_RELATED_INSTANCES] == 3
        assert study.values[Field.MODALITIES_IN_STUDY] == ("DX", "PR")
        series = self.one(repositories, Level.SERIES, f"{STUDY}.1")
        assert series.values[Field.NUMBER_OF_SERIES_RELATED_INSTANCES] == 2

    def test_a_series_uid_in_two_studies_is_two_series(self, repositories: Repositories) -> None:
        self.add(repositories, "1.1", study="1.5", series="7.7")
        self.add(repositories, "1.2", study="1.6", series="7.7")
        assert self.find(repositories, Level.SERIES) == ["7.7", "7.7"]
        of = (Field.STUDY_INSTANCE_UID, AnyOf(("1.6",)))
        assert self.find(repositories, Level.INSTANCE, of) == ["1.2"]

    def test_the_newest_header_says_who_the_patient_is(self, repositories: Repositories) -> None:
        self.add(repositories, "1.1", patient_id="P1", study_description="Chest")
        self.add(repositories, "1.2", patient_id="P2")
        study = self.one(repositories, Level.STUDY, STUDY)
        assert study.values[Field.PATIENT_ID] == "P2"
        assert study.values[Field.STUDY_DESCRIPTION] == "Chest"

    @pytest.mark.parametrize(
        ("field", "match", "found"),
        [
            (Field.PATIENT_NAME, AnyOf(("doe^jane",)), ["1.1"]),
            (Field.PATIENT_NAME, Like("do*"), ["1.1"]),
            (Field.PATIENT_NAME, Like("*^?uller"), ["2.1"]),
            (Field.PATIENT_NAME, AnyOf(("yamada^tarou",)), ["3.1"]),
            (Field.PATIENT_NAME, Like("山田*"), ["3.1"]),
            (Field.PATIENT_NAME, AnyOf(("やまだ^たろう",)), ["3.1"]),
            (Field.PATIENT_NAME, AnyOf(("doe",)), []),
            (Field.PATIENT_ID, AnyOf(("P1",)), ["1.1"]),
            (Field.PATIENT_ID, AnyOf(("p1",)), []),
            (Field.PATIENT_ID, Like("P*"), ["1.1"]),
            (Field.PATIENT_ID, Like("[a]_?"), ["2.1"]),
            (Field.PATIENT_ID, Like("[a]%?"), []),
            (Field.PATIENT_ID, Empty(), ["3.1"]),
            (Field.STUDY_DATE, AnyOf(("20260102",)), ["1.1"]),
            (Field.STUDY_DATE, Between("20260101", "20260102"), ["1.1"]),
            (Field.STUDY_DATE, Between("20260102", ""), ["2.1", "1.1"]),
            (Field.STUDY_DATE, Between("", "20260102"), ["1.1"]),
            (Field.STUDY_DATE, Empty(), ["3.1"]),
            (Field.STUDY_TIME, Between(time_key("10"), last_time_key("10")), ["2.1", "1.1"]),
            (Field.STUDY_TIME, Between(time_key("1031"), last_time_key("1031")), ["2.1"]),
            (Field.STUDY_INSTANCE_UID, AnyOf(("1.1.9", "3.1.9", "8")), ["3.1", "1.1"]),
            (Field.MODALITIES_IN_STUDY, AnyOf(("CT",)), ["2.1"]),
            (Field.MODALITIES_IN_STUDY, Like("?R"), ["3.1"]),
            (Field.SOP_CLASSES_IN_STUDY, AnyOf(("1.2",)), []),
            (Field.SOP_CLASSES_IN_STUDY, AnyOf(("1.2.840.10008.5.1.4.1.1.1",)), None),
        ],
    )
    def test_studies_are_matched(
        self, repositories: Repositories, field: Field, match: Match, found: list[str] | None
    ) -> None:
        self.add(
            repositories,
            "1.1",
            study="1.1.9",
            patient_id="P1",
            study_date="2026.01.02",
            study_time="10:30:01.5",
        )
        self.add(
            repositories,
            "2.1",
            study="2.1.9",
            patient_name="Dr^Müller^",
            patient_id="[a]_1",
            study_date="20260201",
            study_time="103159",
            modality="CT",
        )
        self.add(
            repositories,
            "3.1",
            study="3.1.9",
            patient_name="Yamada^Tarou=山田^太郎=やまだ^たろう",
            modality="MR",
        )
        expected = ["3.1", "2.1", "1.1"] if found is None else found
        assert self.find(repositories, Level.STUDY, (field, match)) == [
            f"{each}.9" for each in expected
        ]

    def test_date_and_time_are_matched_as_one(self, repositories: Repositories) -> None:
        for number, (date, time) in enumerate(
            (("20260101", "2300"), ("20260102", "0100"), ("20260102", "2300"), ("20260103", "01"))
        ):
            self.add(
                repositories, f"{number}.1", study=f"{number}.9", study_date=date, study_time=time
            )
        both = Between("20260101233000.000000", "20260102235959.999999")
        search = Search(Level.STUDY, (Condition(Field.STUDY_DATE, both, Field.STUDY_TIME),))
        assert uids(repositories.catalog.search(search)) == ["2.9", "1.9"]

    def test_lower_levels_are_matched_with_those_above(self, repositories: Repositories) -> None:
        self.add(repositories, "1.1", instance_number=1, series_number=4, patient_id="P1")
        self.add(repositories, "1.2", instance_number=2, series_number=4, patient_id="P1")
        self.add(repositories, "9.1", study="9", instance_number=1, patient_id="P2")
        one = (Field.INSTANCE_NUMBER, AnyOf(("01",)))
        assert self.find(repositories, Level.INSTANCE, one) == ["1.1", "9.1"]
        patient = (Field.PATIENT_ID, AnyOf(("P1",)))
        assert self.find(repositories, Level.INSTANCE, one, patient) == ["1.1"]
        assert self.find(repositories, Level.SERIES, patient) == [f"{STUDY}.1"]
        series = (Field.SERIES_NUMBER, AnyOf(("4",)))
        assert self.find(repositories, Level.SERIES, series) == [f"{STUDY}.1"]
        assert self.find(repositories, Level.SERIES, (Field.SERIES_NUMBER, Empty())) == ["9.1"]

    @pytest.mark.parametrize("level", Level)
    def test_pages_follow_each_other(self, repositories: Repositories, level: Level) -> None:
        for number in range(7):
            self.add(repositories, f"1.{number}", study=f"2.{number}", series=f"3.{number}")
        whole = repositories.catalog.search(Search(level))
        assert len(whole) == 7
        assert (uids(whole)[0][-1] == "6") is (level is Level.STUDY)
        paged: list[Entry] = []
        while page := repositories.catalog.search(
            Search(level, limit=3, after=paged[-1].number if paged else None)
        ):
            paged += page
        assert paged == list(whole)
        assert repositories.catalog.search(Search(level, limit=2, offset=4)) == whole[4:6]
        after = whole[1].number
        assert repositories.catalog.search(Search(level, after=after, offset=1)) == whole[3:]

    def test_results_are_part_of_the_study(self, repositories: Repositories) -> None:
        repositories.enqueue()
        made = describe_object(series_number=9001, patient_name="Somebody^Else")
        repositories.results.record(
            repositories.claim(), make_result(), [], {made.sop_instance_uid: made}
        )
        study = self.one(repositories, Level.STUDY, STUDY)
        assert study.values[Field.MODALITIES_IN_STUDY] == ("DX", "SR")
        assert study.values[Field.NUMBER_OF_STUDY_RELATED_INSTANCES] == 3
        assert study.values[Field.PATIENT_NAME] == "Doe^Jané"
        series = self.one(repositories, Level.SERIES, "2.25.1.1")
        assert series.values[Field.SERIES_NUMBER] == 9001
        instance = self.one(repositories, Level.INSTANCE, "2.25.1")
        assert instance.key == make_object(1).key

    def test_what_has_no_description_is_completed_later(self, repositories: Repositories) -> None:
        repositories.enqueue()
        repositories.results.record(repositories.claim(), make_result(), [])
        first, second = repositories.catalog.undescribed()
        assert uids((first, second)) == ["2.25.1", "2.25.2"]
        assert first.key == make_object(1).key
        assert repositories.catalog.undescribed(limit=1) == (first,)
        assert repositories.catalog.undescribed(after=first.number) == (second,)
        repositories.catalog.describe(describe_object(instance_number=5))
        assert repositories.catalog.undescribed() == (second,)
        described = self.one(repositories, Level.INSTANCE, "2.25.1")
        assert described.values[Field.INSTANCE_NUMBER] == 5
        assert (described.number, described.key) == (first.number, first.key)
        repositories.catalog.describe(describe_object(99))
        assert self.find(repositories, Level.STUDY) == [STUDY]
        assert "2.25.99" not in self.find(repositories, Level.INSTANCE)

    def test_a_replay_forgets_the_objects(self, repositories: Repositories) -> None:
        repositories.enqueue()
        lease = repositories.claim()
        repositories.results.record(lease, make_failure(), [])
        assert len(self.find(repositories, Level.SERIES)) == 3
        assert repositories.queue.replay(lease.job.job_id, at(9))
        assert self.find(repositories, Level.SERIES) == [f"{STUDY}.1"]
        again = repositories.claim(10)
        repositories.results.record(again, make_result(model=MODEL), [])
        assert self.find(repositories, Level.INSTANCE)[1:] == ["2.25.1", "2.25.2"]
        job = repositories.queue.job(lease.job.job_id)
        assert job is not None
        assert job.state is JobState.DONE
