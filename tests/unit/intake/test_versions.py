"""Which versions read a study: what the rule book asks for while rollouts change."""

from __future__ import annotations

import pytest

from inference.domain.errors import RepositoryUnavailable, UnknownModel
from inference.domain.instance import Priority
from inference.domain.job import JobRequest, ModelId
from inference.domain.rollout import Rollout
from inference.domain.rule import Rule
from inference.fakes.memory import MemoryRollouts, MemoryStore
from inference.fakes.models import FakeModel, FakeRegistry, fake_manifest
from inference.intake.rules import RuleBook
from inference.intake.versions import Versions
from tests.contracts.repositories import STUDY, T0, make_instance
from tests.unit.intake.test_rules import make_study

PA = make_instance("1.1", series="2.1", view="PA")
RULES = [Rule("frontal", "chest", view=("PA",)), Rule("all", "chest", priority=Priority.HIGH)]


class Case:
    def __init__(self, *versions: str) -> None:
        self.store = MemoryStore()
        self.rollouts = MemoryRollouts(self.store)
        models = [FakeModel(fake_manifest("chest", version)) for version in versions]
        self.registry = FakeRegistry(*models)
        self.book = RuleBook(RULES, self.registry, self.rollouts)

    def roll_out(self, active: str, **stages: object) -> None:
        rollout = Rollout("chest", active, **stages)  # type: ignore[arg-type]
        self.rollouts.change(rollout, T0, after=len(self.rollouts.history("chest")))

    def requests(self, study: str = STUDY) -> tuple[JobRequest, ...]:
        return self.book.requests(make_study(study_instance_uid=study), [PA])

    def versions(self, study: str = STUDY) -> list[str]:
        return [each.model.version for each in self.requests(study) if each.model]


def test_without_a_rollout_the_registrys_active_version_reads() -> None:
    assert Case("1", "2").versions() == ["2"]


def test_a_promotion_counts_from_the_next_study_on() -> None:
    case = Case("1", "2")
    case.roll_out("1")
    assert case.versions() == ["1"]
    case.roll_out("2")
    assert case.versions() == ["2"]


def test_a_shadow_reads_the_same_with_low_priority() -> None:
    case = Case("1", "2")
    case.roll_out("1", shadow="2")
    shown, shadow = case.requests()
    assert (shown.model, shown.shadow, shown.priority) == (
        ModelId("chest", "1"),
        False,
        Priority.HIGH,
    )
    assert (shadow.model, shadow.shadow, shadow.priority) == (
        ModelId("chest", "2"),
        True,
        Priority.LOW,
    )
    assert (shadow.instances, shadow.rule, shadow.revision) == (
        shown.instances,
        shown.rule,
        shown.revision,
    )


def test_a_canary_reads_some_studies_in_place_of_the_active_version() -> None:
    case = Case("1", "2", "3")
    case.roll_out("1", canary="2", fraction=0.5, shadow="3")
    seen = {tuple(case.versions(f"1.{number}")) for number in range(40)}
    assert seen == {("1", "3"), ("2", "3")}


def test_a_late_image_is_read_by_the_same_version_unless_the_rollout_changed() -> None:
    case = Case("1", "2")
    case.roll_out("1", canary="2", fraction=0.5)
    canaries = [f"1.{n}" for n in range(40) if case.versions(f"1.{n}") == ["2"]]
    for study in canaries:
        (late,) = case.book.requests(make_study(study_instance_uid=study, revision=9), [PA])
        assert late.model == ModelId("chest", "2")
    case.roll_out("1")
    assert {tuple(case.versions(each)) for each in canaries} == {("1",)}


def test_a_shadow_or_canary_that_is_gone_is_done_without(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case("1")
    case.roll_out("1", canary="2", fraction=1.0, shadow="3")
    assert case.versions() == ["1"]
    assert "chest 2 is not registered" in caplog.text
    assert "chest 3 is not registered" in caplog.text


def test_an_active_version_that_is_gone_is_not_replaced_by_another() -> None:
    case = Case("1", "3")
    case.roll_out("2")
    (job,) = case.requests()
    assert job.model is None
    assert "the model chest 2 is not registered" in job.why
    with pytest.raises(UnknownModel, match="chest 2"):
        Versions(case.registry, case.rollouts).active("chest")


def test_nothing_is_guessed_while_the_database_is_away() -> None:
    case = Case("1")
    case.store.unavailable = True
    with pytest.raises(RepositoryUnavailable):
        case.requests()
