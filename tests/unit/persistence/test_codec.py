from __future__ import annotations

import json

from inference.domain.finding import Finding
from inference.domain.instance import Attributes, Origin, Priority, Source
from inference.domain.job import Job, JobState
from inference.domain.refusal import Refusal
from inference.domain.result import Result
from inference.persistence.codec import from_json, to_json, tuple_from_json
from tests.contracts.repositories import T0, make_failure, make_request, make_result


def test_what_was_written_is_read_as_it_was() -> None:
    job = Job(1, make_request(), JobState.QUEUED, 0, T0)
    values: list[object] = [
        job,
        make_result(),
        make_failure(),
        make_result(model=None),
        Origin(Source.ORTHANC, priority=Priority.HIGH),
        Attributes(patient_age_years=1.5, patient_name="Ärger^\udc80"),
    ]
    for value in values:
        read = from_json(type(value), json.loads(json.dumps(to_json(value))))
        assert read == value
        assert repr(read) == repr(value)


def test_enumerations_and_tuples_come_back_as_such() -> None:
    read = from_json(Result, to_json(make_result()))
    (finding,) = read.findings
    assert isinstance(finding, Finding)
    assert isinstance(finding.region.points[0], tuple)
    assert finding.presence is make_result().findings[0].presence
    assert tuple_from_json(Refusal, to_json(read.refusals)) == read.refusals


def test_rows_of_another_version_can_be_read() -> None:
    older, newer = {"modality": "DX"}, {"modality": "DX", "what_is_this": [1]}
    assert from_json(Attributes, older) == from_json(Attributes, newer) == Attributes(modality="DX")
