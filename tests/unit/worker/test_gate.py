"""The gate between pixels and model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.domain.errors import UnknownModel
from inference.domain.finding import Presence
from inference.domain.job import JobRequest, JobState
from inference.domain.manifest import InputNeeds
from inference.domain.recognition import Kind, Recognition
from inference.domain.refusal import Reason
from inference.domain.result import Outcome
from inference.fakes.gates import FakeGate, FakeGates
from inference.ports import Picture
from inference.worker.reading import Reader, Reading
from tests.unit.worker.conftest import MODEL, STUDY, Bench

SLOPE = np.tile(np.linspace(0, 1, 30, dtype=np.float32), (40, 1))


class Slope:
    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        return Picture(SLOPE)


Read = Callable[..., Reading]


@pytest.fixture
def gate() -> FakeGate:
    return FakeGate()


@pytest.fixture
def read(bench: Bench, gate: FakeGate) -> Read:
    """Read one Instance with the attributes that are given, by a model that names the gate."""

    def read(gated: bool = True, name: str = "spotless", **attributes: object) -> Reading:
        bench.model.manifest = replace(
            bench.model.manifest,
            gate=name,
            needs=InputNeeds(modality=("CR",), view=("AP",), recognised=(Kind.FRONTAL_CHEST,)),
        )
        uid = bench.receive(**attributes)
        instance = bench.index.find(uid)
        assert instance is not None
        study = bench.index.study(STUDY)
        assert study is not None
        gates = FakeGates({"spotless": gate}) if gated else None
        request = JobRequest(STUDY, 1, MODEL, "rule", study.priority, (uid,))
        return Reader(bench.archive, Slope(), gates).read(
            request, bench.model, [instance], bench.clock.now()
        )

    return read


def test_what_it_recognises_is_read(read: Read, gate: FakeGate) -> None:
    result = read().result
    assert gate.looked == [1]
    assert result.outcome is Outcome.ASSESSED
    assert result.findings[0].presence is Presence.PRESENT


def test_what_it_does_not_is_refused_and_never_scored(
    read: Read, gate: FakeGate, bench: Bench
) -> None:
    gate.answer = Recognition(Kind.CT_SLICE, 0.98)
    reading = read()
    assert bench.model.calls == 0
    assert reading.result.outcome is Outcome.NOT_ASSESSED
    (refusal,) = reading.result.refusals
    assert refusal.reason is Reason.NOT_RECOGNISED
    assert refusal.detail == (
        "By its pixels this is a CT slice (98%); spots reads frontal chest radiographs"
    )
    (evidence,) = reading.evidence
    assert evidence.instance.sop_instance_uid == refusal.sop_instance_uid
    assert evidence.picture is None


def test_without_gates_the_header_is_believed(read: Read, gate: FakeGate) -> None:
    gate.answer = Recognition(Kind.CT_SLICE, 0.98)
    assert read(gated=False).result.outcome is Outcome.ASSESSED
    assert gate.looked == []


def test_a_gate_that_is_not_there_is_no_open_door(read: Read) -> None:
    with pytest.raises(UnknownModel, match="'other'"):
        read(name="other")


def test_a_header_refuses_before_the_gate_looks(read: Read, gate: FakeGate) -> None:
    assert read(modality="CT").result.refusals[0].reason is Reason.WRONG_MODALITY
    assert gate.looked == []


def test_what_a_header_refuses_needs_no_gate(read: Read) -> None:
    reading = read(name="other", modality="CT")
    assert reading.result.outcome is Outcome.NOT_ASSESSED
    assert [each.reason for each in reading.result.refusals] == [Reason.WRONG_MODALITY]


@pytest.mark.parametrize(
    ("second", "state", "reason"),
    [("CT", JobState.REFUSED, Reason.WRONG_MODALITY), ("CR", JobState.FAILED, None)],
)
def test_for_want_of_a_gate_a_job_fails_only_where_there_is_something_to_ask_it(
    bench: Bench, second: str, state: JobState, reason: Reason | None
) -> None:
    bench.model.manifest = replace(bench.model.manifest, gate="other")
    bench.worker._reader = Reader(bench.archive, Slope(), FakeGates({}))
    bench.worker._maximum_attempts = 1
    bench.ask(bench.receive("1", modality="CT"), bench.receive("2", modality=second))
    assert bench.worker.tick()
    assert [each.state for each in bench.queue.jobs()] == [state]
    ((_, result),) = bench.results.of_study(STUDY)
    assert {each.reason for each in result.refusals} == {reason or Reason.PROCESSING_FAILED}


@pytest.mark.parametrize(("gated", "doubts"), [(True, []), (False, [Reason.VIEW_UNKNOWN])])
def test_the_pixels_answer_what_the_header_leaves_open(
    read: Read, gated: bool, doubts: list[Reason]
) -> None:
    (finding,) = read(gated=gated, view="").result.findings
    assert [each.reason for each in finding.doubts] == doubts


def test_the_pixels_do_not_tell_the_age(read: Read) -> None:
    (finding,) = read(patient_age_years=None).result.findings
    assert [each.reason for each in finding.doubts] == [Reason.AGE_UNKNOWN]
