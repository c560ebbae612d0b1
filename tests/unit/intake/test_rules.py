"""The rule book."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from inference.domain.errors import SettingsError
from inference.domain.instance import Attributes, Instance, Priority
from inference.domain.job import JobRequest, ModelId
from inference.domain.rule import Awaited, Rule
from inference.domain.study import Study, StudyState
from inference.intake.rules import RuleBook
from tests.contracts.repositories import STUDY, T0, make_instance
from tests.unit.intake.registry import NamedModels

REGISTRY = NamedModels(chest="3", bone="1")
CHEST = Rule("chest rule", "chest", modality=("DX", "CR"))
BONE = Rule("bone rule", "bone", body_part=("HAND",))
PA = make_instance("1.1", series="2.1", view="PA", series_description="Thorax PA")
LAT = make_instance("1.2", series="2.2", view="LL", body_part="HAND")
CT = make_instance("1.3", series="2.3", modality="CT", patient_name="Doe")
OURS = make_instance("1.4", series="2.4", modality="DX", made_by_wetread=True)


def make_study(**changes: Any) -> Study:
    values: dict[str, Any] = {
        "study_instance_uid": STUDY,
        "state": StudyState.RECEIVING,
        "revision": 4,
        "instances": 3,
        "priority": Priority.MEDIUM,
        "received_at": T0,
        "quiet_until": T0,
        "attributes": Attributes(),
    }
    return Study(**values | changes)


def requests(rules: Sequence[Rule], *instances: Instance) -> tuple[JobRequest, ...]:
    return RuleBook(rules, REGISTRY).requests(make_study(), instances)


def test_a_job_for_each_model_over_what_its_rule_takes() -> None:
    chest, bone = requests([CHEST, BONE], PA, LAT, CT, OURS)
    assert chest == JobRequest(
        STUDY, 5, ModelId("chest", "3"), "chest rule", Priority.MEDIUM, ("1.1", "1.2")
    )
    assert (bone.model, bone.rule, bone.instances) == (
        ModelId("bone", "1"),
        "bone rule",
        ("1.2",),
    )


def test_rules_of_one_model_share_its_job() -> None:
    lateral = Rule("lateral", "chest", view=("LL",), priority=Priority.HIGH)
    frontal = Rule("frontal", "chest", view=("PA",), priority=Priority.LOW)
    (job,) = requests([lateral, frontal], PA, LAT)
    assert (job.rule, job.priority) == ("lateral, frontal", Priority.HIGH)
    assert job.instances == ("1.1", "1.2")  # in the order of the Study


@pytest.mark.parametrize(
    ("own", "expected"), [(None, Priority.MEDIUM), (Priority.LOW, Priority.LOW)]
)
def test_a_rules_own_priority_counts(own: Priority | None, expected: Priority) -> None:
    (job,) = requests([Rule("r", "chest", priority=own)], PA)
    assert job.priority is expected


def test_where_no_rule_takes_anything_the_reason_is_told() -> None:
    (job,) = requests([CHEST, BONE], CT, OURS)
    assert job.model is None
    assert job.rule == ""
    assert job.instances == ("1.3",)
    assert job.why == (
        "No rule takes this study. chest rule: Modality is CT, not DX or CR; "
        "bone rule: Body Part Examined is absent, not HAND."
    )


def test_a_rule_that_objects_differently_to_many_is_cut_short() -> None:
    series = [make_instance(f"1.{n}", modality=f"M{n}") for n in range(5)]
    (job,) = requests([CHEST], *series)
    assert job.why == (
        "No rule takes this study. chest rule: Modality is M0, not DX or CR, Modality is M1, "
        "not DX or CR, Modality is M2, not DX or CR, and 2 more."
    )


def test_without_rules() -> None:
    (job,) = requests([], PA)
    assert (job.model, job.why) == (None, "No rule is set up.")


def test_without_sources() -> None:
    (job,) = requests([CHEST], OURS)
    assert (job.model, job.instances) == (None, ())
    assert "there is nothing to read" in job.why


def test_a_model_that_is_not_registered_is_an_objection() -> None:
    gone = Rule("old rule", "gone")
    (job,) = requests([gone], PA)
    assert job.why.endswith("old rule: no model of the name 'gone' is registered.")
    (job,) = requests([gone, CHEST], PA)
    assert job.rule == "chest rule"


def test_explain_tells_of_each_rule() -> None:
    book = RuleBook([CHEST, BONE], REGISTRY)
    assert book.explain(PA) == [
        (CHEST, ""),
        (BONE, "Body Part Examined is absent, not HAND"),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        Rule("r", "chest", series_description="("),
        Rule("r", "chest", study_description="["),
        Rule("r", "chest", waits_for=(Awaited("*"),)),
    ],
)
def test_what_is_no_regular_expression_is_refused_at_once(rule: Rule) -> None:
    with pytest.raises(SettingsError, match="Rule r"):
        RuleBook([rule], REGISTRY)


@pytest.mark.parametrize(
    ("awaited", "complete"),
    [
        ((), False),
        ((Awaited("thorax"),), True),
        ((Awaited("abdomen"),), False),
        ((Awaited("thorax", "dx", 1), Awaited(modality="CT")), True),
        ((Awaited("thorax"), Awaited(modality="MR")), False),
        ((Awaited("thorax", instances=2),), False),
        ((Awaited(modality="DX", instances=2),), False),  # two, but in two Series
        ((Awaited(instances=0),), True),
    ],
)
def test_a_study_is_complete_when_all_that_is_awaited_is_there(
    awaited: tuple[Awaited, ...], complete: bool
) -> None:
    book = RuleBook([Rule("r", "chest", waits_for=awaited)], REGISTRY)
    assert book.is_complete([PA, LAT, CT, OURS]) is complete
    assert book.awaits is bool(awaited)


def test_a_rule_that_takes_nothing_waits_for_nothing() -> None:
    rule = Rule("r", "chest", modality=("MR",), waits_for=(Awaited("thorax"),))
    assert not RuleBook([rule], REGISTRY).is_complete([PA])


def test_of_a_study_that_lacks_what_retention_removed_nothing_is_read() -> None:
    study = make_study(removed=2, removed_at=T0)
    (request,) = RuleBook([CHEST], REGISTRY).requests(study, [PA])
    assert (request.model, request.revision, request.instances) == (None, 5, ("1.1",))
    assert request.why.startswith("2 images of this study were removed from here by retention on 2")
    assert "Send the whole study again" in request.why
    (read,) = RuleBook([CHEST], REGISTRY).requests(make_study(removed_at=T0), [PA])
    assert read.model == ModelId("chest", "3")
