"""Where networks compute, and in which numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.domain.errors import SettingsError
from inference.domain.job import ModelId
from inference.models.device import choose_device, choose_type
from inference.models.registry import FolderRegistry
from tests.support.models import picture, write_model

SMALL = ModelId("small", "1.0.0")


def _gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(count))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


@pytest.mark.parametrize(
    ("count", "wanted", "chosen"),
    [
        (0, "auto", "cpu"),
        (0, "cpu", "cpu"),
        (2, "auto", "cuda"),
        (2, "cpu", "cpu"),
        (2, "cuda", "cuda"),
        (2, "cuda:1", "cuda:1"),
    ],
)
def test_a_gpu_is_used_where_there_is_one_and_nobody_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, count: int, wanted: str, chosen: str
) -> None:
    _gpus(monkeypatch, count)
    assert choose_device(wanted) == chosen


@pytest.mark.parametrize(("count", "wanted"), [(0, "cuda"), (0, "cuda:0"), (2, "cuda:2")])
def test_a_gpu_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, count: int, wanted: str
) -> None:
    _gpus(monkeypatch, count)
    with pytest.raises(SettingsError, match=f"device is {wanted}, but torch sees {count} GPUs"):
        choose_device(wanted)


@pytest.mark.parametrize(
    ("precision", "device", "half", "chosen"),
    [
        ("auto", "cpu", True, None),
        ("auto", "cuda", False, None),
        ("auto", "cuda:0", True, torch.bfloat16),
        ("float32", "cuda", True, None),
        ("float16", "cuda", False, torch.float16),
        ("bfloat16", "cpu", False, torch.bfloat16),
    ],
)
def test_half_precision_is_for_models_that_allow_it_on_a_gpu_unless_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    device: str,
    half: bool,
    chosen: torch.dtype | None,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert choose_type(precision, device, half) is chosen


def test_an_old_gpu_computes_in_float16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert choose_type("auto", "cuda", True) is torch.float16


def test_half_precision_is_near_and_heat_maps_are_the_same(tmp_path: Path) -> None:
    write_model(tmp_path)
    pictures = [picture(seed=seed) for seed in range(3)]
    full = FolderRegistry((tmp_path,)).load(SMALL)
    half = FolderRegistry((tmp_path,), precision="bfloat16").load(SMALL)
    (exact,), (near,) = full.certainties(pictures).T, half.certainties(pictures).T
    assert not np.array_equal(exact, near)
    np.testing.assert_allclose(near, exact, atol=0.01)
    for one, other in zip(full.assess(pictures), half.assess(pictures), strict=True):
        np.testing.assert_allclose(
            one.heat_maps["pneumonia"], other.heat_maps["pneumonia"], atol=0.05
        )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_answers_as_the_cpu_does(tmp_path: Path) -> None:
    write_model(tmp_path)
    pictures = [picture(seed=seed) for seed in range(3)]
    cpu, gpu = (FolderRegistry((tmp_path,), device=each).load(SMALL) for each in ("cpu", "cuda"))
    for one, other in zip(cpu.assess(pictures), gpu.assess(pictures), strict=True):
        assert one.certainty["pneumonia"] == pytest.approx(other.certainty["pneumonia"], abs=1e-4)
        np.testing.assert_allclose(
            one.heat_maps["pneumonia"], other.heat_maps["pneumonia"], atol=0.01
        )
