from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.domain.finding import Region
from inference.domain.instance import Instance
from inference.domain.job import ModelId
from inference.domain.manifest import BurnedIn, InputNeeds, Manifest, Policy, Population
from inference.domain.refusal import Reason
from inference.domain.screening import burned_in, doubts, refusals
from tests.contracts.repositories import make_instance

NEEDS = InputNeeds(
    modality=("DX", "CR"),
    body_part=("CHEST",),
    view=("PA", "AP"),
    minimum_rows=100,
    minimum_columns=200,
)


def make_manifest(outside: Policy = Policy.FLAG, unknown: Policy = Policy.FLAG) -> Manifest:
    return Manifest(
        model=ModelId("chest", "1"),
        title="",
        manufacturer="",
        architecture="",
        weights_file="",
        weights_sha256="",
        device_uid="2.25.1",
        calibration="",
        intended_use="",
        licence="",
        outputs=(),
        needs=NEEDS,
        population=Population("", (18, 90), outside, unknown),
    )


def make_image(**changes: Any) -> Instance:
    values: dict[str, Any] = {
        "modality": "dx",
        "body_part": "CHEST",
        "view": "PA",
        "rows": 100,
        "columns": 200,
        "has_pixels": True,
        "patient_age_years": 45.0,
    }
    return make_instance("1.1", **values | changes)


def test_what_meets_all_needs_is_read_without_doubt() -> None:
    for policy in Policy:
        assert refusals(make_manifest(policy, policy), make_image()) == ()
        assert doubts(make_manifest(policy, policy), make_image()) == ()


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"modality": "CT"}, Reason.WRONG_MODALITY, "Modality is CT; chest reads DX or CR"),
        ({"modality": ""}, Reason.WRONG_MODALITY, "Modality is absent"),
        (
            {"body_part": "HAND"},
            Reason.WRONG_BODY_PART,
            "Body Part Examined is HAND; chest reads CHEST",
        ),
        ({"view": "LL"}, Reason.WRONG_VIEW, "View Position is LL; chest reads PA or AP"),
        ({"has_pixels": False}, Reason.NO_PIXELS, "the Instance holds no pixel data"),
        (
            {"rows": 99},
            Reason.TOO_SMALL,
            "the image has 99 rows and 200 columns; chest needs 100 and 200",
        ),
        (
            {"columns": 199},
            Reason.TOO_SMALL,
            "the image has 100 rows and 199 columns; chest needs 100 and 200",
        ),
    ],
)
def test_what_meets_a_need_not_is_refused(
    changes: dict[str, Any], reason: Reason, detail: str
) -> None:
    (refusal,) = refusals(make_manifest(), make_image(**changes))
    assert (refusal.reason, refusal.detail) == (reason, detail)
    assert refusal.sop_instance_uid == "1.1"


def test_every_reason_is_told() -> None:
    found = refusals(make_manifest(), make_image(modality="MR", view="LL", has_pixels=False))
    assert [each.reason for each in found] == [
        Reason.WRONG_MODALITY,
        Reason.WRONG_VIEW,
        Reason.NO_PIXELS,
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"patient_age_years": 17.99}, Reason.AGE_OUTSIDE),
        ({"patient_age_years": 91.0}, Reason.AGE_OUTSIDE),
        ({"patient_age_years": None}, Reason.AGE_UNKNOWN),
        ({"body_part": ""}, Reason.BODY_PART_UNKNOWN),
        ({"view": ""}, Reason.VIEW_UNKNOWN),
    ],
)
def test_outside_the_population_the_policy_decides(changes: dict[str, Any], reason: Reason) -> None:
    image = make_image(**changes)
    flag, refuse = make_manifest(), make_manifest(Policy.REFUSE, Policy.REFUSE)
    assert refusals(flag, image) == ()
    assert [each.reason for each in doubts(flag, image)] == [reason]
    assert [each.reason for each in refusals(refuse, image)] == [reason]
    assert doubts(refuse, image) == ()


@pytest.mark.parametrize("age", [18.0, 90.0, 90.9])
def test_the_years_of_a_population_are_inclusive(age: float) -> None:
    assert doubts(make_manifest(), make_image(patient_age_years=age)) == ()


def _with(policy: BurnedIn) -> Manifest:
    return replace(make_manifest(), needs=replace(NEEDS, burned_in=policy))


def test_a_header_that_tells_of_burned_in_text() -> None:
    told, denied = (make_image(burned_in_annotation=each) for each in (True, False))
    flag, refuse, accept = (_with(each) for each in BurnedIn)
    assert [each.reason for each in doubts(flag, told)] == [Reason.BURNED_IN]
    assert refusals(flag, told) == ()
    assert [each.reason for each in refusals(refuse, told)] == [Reason.BURNED_IN]
    assert doubts(refuse, told) == ()
    assert doubts(accept, told) == refusals(accept, told) == ()
    for policy in (flag, refuse, accept):
        assert doubts(policy, denied) == refusals(policy, denied) == ()


def test_pixels_that_do_say_where() -> None:
    text = Region(((4.0, 470.2), (120.0, 470.2), (120.0, 509.0), (4.0, 509.0)))
    (doubt,) = doubts(_with(BurnedIn.FLAG), make_image(), text=text)
    assert (doubt.reason, doubt.detail) == (
        Reason.BURNED_IN,
        "by its pixels there is text in columns 4 to 120, rows 470 to 509; chest may follow it",
    )
    assert burned_in(_with(BurnedIn.REFUSE), make_image(), text) == (doubt,)
    assert burned_in(_with(BurnedIn.ACCEPT), make_image(), text) == ()


def test_a_body_part_that_must_be_known_is_refused_where_the_header_is_silent() -> None:
    manifest = make_manifest()
    strict = replace(manifest, needs=replace(NEEDS, body_part_known=True))
    assert refusals(manifest, make_image(body_part="")) == ()
    (refusal,) = refusals(strict, make_image(body_part=""))
    assert refusal.reason is Reason.BODY_PART_UNKNOWN
    assert "reads CHEST alone" in refusal.detail
    assert refusals(strict, make_image()) == ()
