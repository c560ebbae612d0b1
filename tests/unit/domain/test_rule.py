from __future__ import annotations

from dataclasses import replace

import pytest

from inference.domain.instance import Origin, Source
from inference.domain.rule import Rule, objection
from tests.contracts.repositories import make_instance

INSTANCE = replace(
    make_instance(
        "1.1",
        modality="DX",
        body_part="CHEST",
        view="PA",
        series_description="Thorax p.a.",
        study_description="Röntgen Thorax",
    ),
    origin=Origin(Source.DIMSE, calling_ae="Xray1"),
)
DX = "1.2.840.10008.5.1.4.1.1.1"


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"modality": ("CR", "dx")},
        {"sop_class_uid": (DX,)},
        {"body_part": ("chest",)},
        {"view": ("ap", "pa")},
        {"calling_ae": ("XRAY1",)},
        {"series_description": "P\\.A\\.$"},
        {"study_description": "^röntgen"},
        {"modality": ("DX",), "view": ("PA",), "series_description": "thorax"},
    ],
)
def test_a_rule_takes_what_meets_all_its_conditions(conditions: dict[str, object]) -> None:
    assert objection(Rule("r", "m", **conditions), INSTANCE) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ({"modality": ("CT", "MR")}, "Modality is DX, not CT or MR"),
        ({"sop_class_uid": ("1.2",)}, f"SOP Class UID is {DX}, not 1.2"),
        ({"body_part": ("HAND",)}, "Body Part Examined is CHEST, not HAND"),
        ({"view": ("LL",)}, "View Position is PA, not LL"),
        ({"calling_ae": ("CT1",)}, "calling AE title is Xray1, not CT1"),
        ({"series_description": "^a"}, "Series Description 'Thorax p.a.' does not match '^a'"),
        (
            {"study_description": "CT"},
            "Study Description 'Röntgen Thorax' does not match 'CT'",
        ),
        ({"modality": ("DX",), "view": ("AP",)}, "View Position is PA, not AP"),
    ],
)
def test_an_objection_tells_what_is_and_what_should_be(
    conditions: dict[str, object], sentence: str
) -> None:
    assert objection(Rule("r", "m", **conditions), INSTANCE) == sentence  # type: ignore[arg-type]


def test_what_is_absent_meets_no_condition() -> None:
    bare = make_instance("1.1", modality="")
    assert objection(Rule("r", "m", modality=("DX",)), bare) == "Modality is absent, not DX"
    assert objection(Rule("r", "m", series_description="."), bare)
