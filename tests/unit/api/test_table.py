from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from wetread import api


@dataclass(frozen=True)
class Row:
    name: str
    value: float | None


def test_text_is_aligned() -> None:
    shown = repr(api.table([Row("a", 0.123456), Row("longer", None), Row("b", math.nan)]))
    assert shown.splitlines() == ["name    value", "a       0.1235", "longer", "b       –"]


def test_columns_are_chosen_and_missing_keys_are_empty() -> None:
    found = api.table([{"a": 1, "b": 2}, {"b": 3}], ["b", "a"])
    assert found.columns == ("b", "a")
    assert found.rows == ((2, 1), (3, ""))
    assert len(found) == 2


def test_html_is_escaped() -> None:
    html = api.table([{"<a>": "<script>"}])._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;a&gt;" in html


def test_no_rows() -> None:
    assert repr(api.table([])) == ""
    assert repr(api.table([], ["a"])) == "a"


def test_objects_without_fields_need_columns() -> None:
    with pytest.raises(TypeError, match="name the columns"):
        api.table([object()])
