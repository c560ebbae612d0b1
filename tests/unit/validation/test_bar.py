from __future__ import annotations

from pathlib import Path

import pytest

from inference.domain.errors import SettingsError
from inference.validation.bar import judge, read_bars
from inference.validation.summary import summarise
from tests.unit.validation.support import record

RECORDS = [
    *(record(f"p{i}", True, 0.6 + i / 100) for i in range(9)),
    record("missed", True, 0.2, presence="undetermined"),
    *(record(f"n{i}", False, 0.1 + i / 100) for i in range(10)),
    record("refused", False, None, reason="wrong view"),
]


def gates(tmp_path: Path, text: str) -> Path:
    (tmp_path / "gates.toml").write_text(text)
    return tmp_path / "gates.toml"


def test_each_bar_is_judged_by_what_was_measured(tmp_path: Path) -> None:
    path = gates(
        tmp_path,
        "[minimum]\nauroc = 0.9\nsensitivity = 0.9\nsensitivity_low = 0.9\ncases = 21\n"
        "[maximum]\nrefused_fraction = 0.01\nundetermined_fraction = 0.05\nbrier = 0.2\n",
    )
    verdicts = judge(read_bars(path), summarise(RECORDS, 0.5))
    assert {each.bar.name: each.passed for each in verdicts} == {
        "auroc": True,
        "sensitivity": True,
        "sensitivity_low": False,
        "cases": True,
        "refused_fraction": False,
        "undetermined_fraction": True,
        "brier": True,
    }
    said = [str(each) for each in verdicts if not each.passed]
    assert said == [
        "sensitivity_low is 0.5958; the bar is >= 0.9",
        "refused_fraction is 0.04762; the bar is <= 0.01",
    ]


@pytest.mark.parametrize("table", ["minimum", "maximum"])
def test_what_could_not_be_measured_clears_no_bar(tmp_path: Path, table: str) -> None:
    bars = read_bars(gates(tmp_path, f"[{table}]\nauroc = 0.5\n"))
    only_positive = [each for each in RECORDS if each.positive]
    (verdict,) = judge(bars, summarise(only_positive, 0.5))
    assert not verdict.passed
    assert "could not be measured" in str(verdict)


def test_four_cases_that_do_not_overlap_are_no_certainty(tmp_path: Path) -> None:
    four = [record(f"{i}", i > 1, i / 4) for i in range(4)]
    summary = summarise(four, 0.5)
    assert summary.auroc.value == 1
    bars = read_bars(gates(tmp_path, "[minimum]\nauroc = 0.85\nauroc_low = 0.85\n"))
    assert [each.passed for each in judge(bars, summary)] == [True, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[minimum]\nauc = 0.9", "no measure is called 'auc'"),
        ("[least]\nauroc = 0.9", "only"),
        ("minimum = 0.9", "only"),
        ("[minimum]\nauroc = '0.9'", "a number"),
        ("[minimum]\nauroc = true", "a number"),
        ("[minimum]\nauroc = nan", "a number"),
        ("[minimum]", "sets no bar"),
        ("", "sets no bar"),
        ("[minimum", "TOML"),
    ],
)
def test_a_bar_that_cannot_be_understood_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_bars(gates(tmp_path, text))
