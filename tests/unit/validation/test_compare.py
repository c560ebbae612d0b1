from __future__ import annotations

import math
from pathlib import Path

import pytest
from scipy.stats import binom

from inference.domain.errors import InputError
from inference.validation.compare import compare, mcnemar
from inference.validation.record import Record, ResultsFile
from tests.unit.validation.support import identity, random_sample, record


def write(folder: Path, records: list[Record], **changes: object) -> Path:
    with ResultsFile(folder / "results.jsonl", identity(**changes)) as results:
        results.append(records)
    return folder


def answers(seed: int, gap: float) -> list[Record]:
    sample = random_sample(200, seed, gap)
    return [
        record(f"{index}", bool(positive), float(score), patient_id=f"{index // 2}")
        for index, (positive, score) in enumerate(zip(sample.positive, sample.scores, strict=True))
    ]


def test_mcnemar_is_the_exact_binomial() -> None:
    assert mcnemar(10, 2) == pytest.approx(2 * binom.cdf(2, 12, 0.5))
    assert mcnemar(10, 2) == pytest.approx(0.03857, abs=1e-5)
    assert mcnemar(0, 0) == 1.0


def test_a_better_model_is_found_better(tmp_path: Path) -> None:
    weak = write(tmp_path / "a", answers(1, 0.5))
    strong = write(tmp_path / "b", answers(2, 3.0), version="2.0.0", weights_sha256="2" * 64)
    found = compare(weak, strong)
    assert (found.cases, found.positive, found.left_out) == (200, 100, 0)
    by_name = {each.measure: each for each in found.differences}
    assert by_name["auroc"].difference.low > 0
    assert by_name["auroc"].p < 0.001
    assert by_name["auroc"].method == "DeLong"
    assert by_name["accuracy"].p == mcnemar(found.only_first, found.only_second) < 0.001
    assert by_name["accuracy"].difference.value == pytest.approx(
        (found.only_second - found.only_first) / 200
    )
    for name in ("auprc", "sensitivity", "specificity"):
        assert by_name[name].difference.low > 0
        assert math.isnan(by_name[name].p)
    assert by_name["brier"].difference.high < 0


def test_a_result_does_not_differ_from_itself(tmp_path: Path) -> None:
    same = write(tmp_path / "a", answers(1, 1.0))
    found = compare(same, same / "results.jsonl")
    assert (found.only_first, found.only_second) == (0, 0)
    for each in found.differences:
        assert (each.difference.low, each.difference.value, each.difference.high) == (0, 0, 0)


def test_only_what_both_assessed_is_compared(tmp_path: Path) -> None:
    cases = answers(1, 1.0)
    refused = record("0", cases[0].positive, None, reason="wrong view")
    found = compare(
        write(tmp_path / "a", cases),
        write(tmp_path / "b", [refused, *cases[1:150], record("new", True, 0.5)]),
    )
    assert found.cases == 149
    assert found.left_out == 52


def test_another_label_or_nothing_in_common_cannot_be_compared(tmp_path: Path) -> None:
    cases = answers(1, 1.0)
    here = write(tmp_path / "a", cases)
    other = record(cases[0].file, not cases[0].positive, 0.5)
    with pytest.raises(InputError, match="another label"):
        compare(here, write(tmp_path / "b", [other, *cases[1:]]))
    with pytest.raises(InputError, match="no positive and negative"):
        compare(here, write(tmp_path / "c", [record("x", True, 0.5)]))
