"""What the Reader does with burned-in text, as the manifest says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inference.domain.finding import Presence
from inference.domain.geometry import Plane
from inference.domain.instance import Attributes, Description, Instance, Origin, Priority, Source
from inference.domain.job import JobRequest
from inference.domain.manifest import BurnedIn, InputNeeds, Manifest, Scope
from inference.domain.recognition import Kind, Recognition
from inference.domain.refusal import Reason
from inference.domain.result import Outcome, Result
from inference.fakes.gates import FakeGate, FakeGates
from inference.fakes.models import fake_manifest
from inference.ports import Assessment, Picture
from inference.worker import annotation
from inference.worker.reading import Reader
from tests.unit.worker.test_annotation import SHAPE, chest, picture, write

AT = datetime(2026, 3, 4, tzinfo=UTC)
WRITTEN = picture(write(chest(), "DOE^JANE 1961-07-28"))
PLAIN = picture(chest())
BY_HEADER = "the header says that text is burned in (Burned In Annotation is YES)"
BY_HEADER += "; cxr-pneumonia may follow it"


class Files:
    """The key says whether there is text, and where the slice lies."""

    def path(self, key: str) -> Path:
        return Path(key)

    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        kind, _, number = part10.name.partition("-")
        plane = Plane((0, 0, 5.0 * int(number)), (1, 0, 0), (0, 1, 0))
        return replace(WRITTEN if kind == "written" else PLAIN, plane=plane)


class Sure:
    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.read = 0

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        self.read += len(pictures)
        return [Assessment({self.manifest.outputs[0].name: 0.9}, {}) for _ in pictures]


def instance(key: str, told: bool | None = None) -> Instance:
    attributes = Attributes(
        modality="CR",
        rows=SHAPE[0],
        columns=SHAPE[1],
        has_pixels=True,
        patient_age_years=3,
        burned_in_annotation=told,
    )
    described = Description("1.2.3", "1.2.3.4", f"1.2.3.4.{key}", "1.2", "1.2", attributes)
    return Instance(described, Origin(Source.DIMSE), key, "0" * 64, 1)


def read(
    policy: BurnedIn,
    *instances: Instance,
    scope: Scope = Scope.IMAGE,
    gates: FakeGates | None = None,
) -> tuple[Result, Sure]:
    needs = InputNeeds(
        burned_in=policy, recognised=(Kind.FRONTAL_CHEST,) if gates is not None else ()
    )
    gate = "spotless" if gates is not None else ""
    model = Sure(replace(fake_manifest(), needs=needs, reads=scope, gate=gate))
    uids = tuple(each.sop_instance_uid for each in instances)
    request = JobRequest("1.2.3", 1, model.manifest.model, "rule", Priority.MEDIUM, uids)
    return Reader(Files(), Files(), gates).read(request, model, instances, AT).result, model


def test_flag_leaves_the_presence_open_and_says_where() -> None:
    result, _ = read(BurnedIn.FLAG, instance("written-1"), instance("plain-2"))
    written, plain = result.findings
    assert written.presence is Presence.UNDETERMINED
    assert written.certainty == 0.9
    (doubt,) = written.doubts
    assert doubt.reason is Reason.BURNED_IN
    assert doubt.sop_instance_uid == "1.2.3.4.written-1"
    assert doubt.detail.startswith("by its pixels there is text in columns ")
    assert plain.presence is Presence.PRESENT
    assert plain.doubts == ()


def test_flag_is_what_a_manifest_says_that_says_nothing() -> None:
    assert InputNeeds().burned_in is BurnedIn.FLAG


def test_the_header_is_believed_too() -> None:
    result, _ = read(BurnedIn.FLAG, instance("plain-1", told=True))
    (doubt,) = result.findings[0].doubts
    assert (doubt.reason, doubt.detail) == (Reason.BURNED_IN, BY_HEADER)


def test_a_header_that_denies_it_is_not() -> None:
    result, _ = read(BurnedIn.FLAG, instance("written-1", told=False))
    assert [each.reason for each in result.findings[0].doubts] == [Reason.BURNED_IN]


def test_both_are_one_doubt() -> None:
    result, _ = read(BurnedIn.FLAG, instance("written-1", told=True))
    (doubt,) = result.findings[0].doubts
    assert "Burned In Annotation is YES" in doubt.detail
    assert "by its pixels" in doubt.detail


@pytest.mark.parametrize(("key", "told"), [("written-1", None), ("plain-1", True)])
def test_refuse_scores_nothing(key: str, told: bool | None) -> None:
    result, model = read(BurnedIn.REFUSE, instance(key, told))
    assert model.read == 0
    assert result.outcome is Outcome.NOT_ASSESSED
    (refusal,) = result.refusals
    assert refusal.reason is Reason.BURNED_IN
    assert refusal.sop_instance_uid == f"1.2.3.4.{key}"


def test_refuse_reads_the_others() -> None:
    result, model = read(BurnedIn.REFUSE, instance("written-1"), instance("plain-2"))
    assert model.read == 1
    assert [each.sop_instance_uid for each in result.findings] == ["1.2.3.4.plain-2"]
    assert result.findings[0].doubts == ()


@pytest.mark.parametrize("told", [None, True])
def test_accept_asks_nobody(told: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotation, "annotation", None)  # it would not be callable
    result, _ = read(BurnedIn.ACCEPT, instance("written-1", told))
    assert result.findings[0].presence is Presence.PRESENT
    assert result.refusals == ()


def test_what_the_gate_refuses_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotation, "annotation", None)
    gate = FakeGate()
    gate.answer = Recognition(Kind.CT_SLICE, 0.98)
    gates = FakeGates({"spotless": gate})
    result, _ = read(BurnedIn.FLAG, instance("written-1"), gates=gates)
    assert [each.reason for each in result.refusals] == [Reason.NOT_RECOGNISED]


@pytest.mark.parametrize("middle", ["written", "plain"])
def test_of_a_series_the_middle_slice_is_looked_at(middle: str) -> None:
    slices = [instance(f"plain-{n}") for n in (5, 1, 4, 2)]
    slices.append(instance(f"{middle}-3"))
    (finding,) = read(BurnedIn.FLAG, *slices, scope=Scope.SERIES)[0].findings
    reasons = [each.reason for each in finding.doubts]
    assert reasons == ([Reason.BURNED_IN] if middle == "written" else [])
    result, model = read(BurnedIn.REFUSE, *slices, scope=Scope.SERIES)
    assert (model.read == 0) is (middle == "written")
    assert [each.reason for each in result.refusals] == reasons


def test_one_header_speaks_for_its_series() -> None:
    slices = [instance(f"plain-{n}", told=True if n == 1 else None) for n in (1, 2, 3)]
    (finding,) = read(BurnedIn.FLAG, *slices, scope=Scope.SERIES)[0].findings
    (doubt,) = finding.doubts
    assert (doubt.detail, doubt.sop_instance_uid) == (BY_HEADER, "1.2.3.4.plain-1")
