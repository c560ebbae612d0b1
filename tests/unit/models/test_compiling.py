"""Compiled networks answer where that is right and faster; else, and in doubt, the network does."""

from __future__ import annotations

import logging
import os
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference.domain.job import ModelId
from inference.models import compiling
from inference.models.compiling import (
    CompiledNetwork,
    batch_sizes,
    compile_model,
    compile_runtime,
    keep_compiled,
    wants_compiling,
)
from inference.models.network_model import NetworkModel
from inference.models.recipe import Layout, Recipe, Resize
from inference.models.registry import SHIPPED, FolderRegistry
from inference.models.runtimes.module import ModuleRuntime, native
from tests.support.models import picture, write_model

SMALL = ModelId("small", "1.0.0")
HEADERS = Path(sysconfig.get_paths()["include"]) / "Python.h"
HAS_COMPILER = bool(shutil.which("gcc") and shutil.which("g++") and HEADERS.is_file())

Compile = Callable[[nn.Module], Callable[[Tensor], object]]


class Sums(nn.Module):
    """A network as small as can be."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 3, bias=False)

    def forward(self, pictures: Tensor) -> Tensor:
        found: Tensor = torch.relu(self.convolution(pictures)).mean(dim=(2, 3))
        return found


@pytest.fixture
def runtime() -> ModuleRuntime:
    torch.manual_seed(0)
    return native(Sums())


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, compiling.__name__)
    return lambda: [each.message for each in caplog.records if each.name == compiling.__name__]


@pytest.fixture
def compile_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Compile], None]:
    """Let networks be compiled by something else, however fast it is, and without a compiler."""

    def compile_by(made: Compile) -> None:
        monkeypatch.setattr(torch, "compile", lambda network, **options: made(network))
        monkeypatch.setattr(compiling, "_FASTER", 0.0)
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")

    return compile_by


def inputs(count: int, size: int = 16) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(count))


def certainties(answer: Any) -> Tensor:
    (found,) = answer.values()
    return torch.sigmoid(found)


def compiled(runtime: ModuleRuntime) -> None:
    compile_runtime(runtime, "sums", [inputs(1), inputs(2)], certainties)


@pytest.mark.parametrize(
    ("how", "device", "wanted"),
    [
        ("never", "cuda", False),
        ("auto", "cpu", False),
        ("auto", "cuda:1", True),
        ("always", "cpu", True),
    ],
)
def test_auto_is_for_gpus(how: str, device: str, wanted: bool) -> None:
    assert wants_compiling(how, device) is wanted


@pytest.mark.parametrize(("largest", "sizes"), [(1, [1]), (2, [1, 2]), (16, [1, 2, 16])])
def test_it_is_compiled_for_one_picture_for_a_few_and_for_as_many_as_there_can_be(
    largest: int, sizes: list[int]
) -> None:
    assert batch_sizes(largest) == sizes


def test_what_was_compiled_is_kept_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCHINDUCTOR_CACHE_DIR", "TORCHINDUCTOR_COMPILE_THREADS"):
        monkeypatch.delenv(name, raising=False)
    keep_compiled(Path("/home/compiled"))
    keep_compiled(Path("/elsewhere"))
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "/home/compiled"


def test_code_that_agrees_answers(
    runtime: ModuleRuntime, compile_by: Callable[[Compile], None], told: Callable[[], list[str]]
) -> None:
    asked: list[int] = []

    def near(network: nn.Module) -> Callable[[Tensor], object]:
        def answer(pictures: Tensor) -> object:
            asked.append(len(pictures))
            return network(pictures) + 1e-5

        return answer

    compile_by(near)
    expected = runtime.run(inputs(3))["0"]
    compiled(runtime)
    (said,) = told()
    assert said.startswith("sums is compiled, in ")
    asked.clear()
    assert torch.allclose(runtime.run(inputs(3))["0"], expected + 1e-5, atol=1e-7)
    assert asked == [3]


def test_pictures_of_another_shape_are_left_to_the_network(
    runtime: ModuleRuntime, compile_by: Callable[[Compile], None]
) -> None:
    expected = runtime.run(inputs(2, 20))["0"]
    compile_by(lambda network: lambda pictures: network(pictures) + 1e-5)
    compiled(runtime)
    assert torch.equal(runtime.run(inputs(2, 20))["0"], expected)


@pytest.mark.parametrize("off", [0.1, float("nan")])
def test_code_that_disagrees_is_not_used(
    runtime: ModuleRuntime,
    compile_by: Callable[[Compile], None],
    told: Callable[[], list[str]],
    off: float,
) -> None:
    compile_by(lambda network: lambda pictures: network(pictures) + off)
    compiled(runtime)
    (said,) = told()
    assert said.startswith("sums is not compiled: its certainties would be ")
    assert runtime.forward is runtime.network


def test_code_that_is_no_faster_is_not_used(
    runtime: ModuleRuntime,
    compile_by: Callable[[Compile], None],
    told: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compile_by(lambda network: network)
    monkeypatch.setattr(compiling, "_FASTER", 1e9)
    compiled(runtime)
    (said,) = told()
    assert said.startswith("sums is not compiled: it would be ")
    assert runtime.forward is runtime.network


def test_where_compiling_fails_the_network_answers_and_the_log_says_why_once(
    runtime: ModuleRuntime, compile_by: Callable[[Compile], None], told: Callable[[], list[str]]
) -> None:
    def broken(network: nn.Module) -> Callable[[Tensor], object]:
        def answer(pictures: Tensor) -> object:
            raise OSError("no linker\nto be found")

        return answer

    expected = runtime.run(inputs(3))["0"]
    compile_by(broken)
    compiled(runtime)
    assert told() == ["sums is computed without torch.compile: OSError: no linker to be found"]
    assert torch.equal(runtime.run(inputs(3))["0"], expected)
    assert runtime.forward is runtime.network


def test_code_that_breaks_later_breaks_no_reading_and_is_not_asked_again(
    told: Callable[[], list[str]], compile_by: Callable[[Compile], None]
) -> None:
    asked: list[int] = []

    def brittle(network: nn.Module) -> Callable[[Tensor], object]:
        def answer(pictures: Tensor) -> object:
            asked.append(len(pictures))
            raise MemoryError

        return answer

    compile_by(brittle)
    network = Sums()
    both = CompiledNetwork(network, "sums", (3, 16, 16))
    for _ in range(2):
        answer = both(inputs(2))
        assert isinstance(answer, Tensor)
        assert torch.equal(answer, network(inputs(2)))
    assert asked == [2]
    assert len(told()) == 1
    assert not both.is_compiled


def test_a_picture_that_breaks_the_network_says_nothing_against_the_code(
    compile_by: Callable[[Compile], None], told: Callable[[], list[str]]
) -> None:
    class Strict(nn.Module):
        def forward(self, pictures: Tensor) -> Tensor:
            if bool((pictures < 0).any()):
                raise ValueError("too dark")
            return pictures

    compile_by(lambda network: network)
    both = CompiledNetwork(Strict(), "strict", (3, 16, 16))
    with pytest.raises(ValueError, match="too dark"):
        both(-inputs(2))
    assert both.is_compiled
    assert told() == []


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        (Recipe(resize=Resize.NONE), "its pictures are of many sizes"),
        (Recipe(layout=Layout.VOLUME), "its pictures are of many sizes"),
    ],
)
def test_what_has_no_one_size_is_not_compiled(
    runtime: ModuleRuntime, told: Callable[[], list[str]], recipe: Recipe, why: str
) -> None:
    compile_model(runtime, "sums", recipe)
    assert told() == [f"sums is not compiled: {why}"]


def test_without_a_compiler_the_log_says_so_and_all_is_as_before(
    runtime: ModuleRuntime, told: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    compiled(runtime)
    assert told() == ["sums is not compiled: there is no C compiler here"]
    assert runtime.forward is runtime.network


@pytest.mark.filterwarnings("ignore")  # torch calls TorchScript deprecated
def test_detectors_and_torchscript_are_not_compiled(told: Callable[[], list[str]]) -> None:
    compiled(native(Sums(), takes_list=True))
    compiled(ModuleRuntime(torch.jit.trace(Sums().eval(), inputs(1))))  # type: ignore[no-untyped-call]
    assert told() == [
        "sums is not compiled: a detector's pictures and boxes are of many sizes",
        "sums is not compiled: TorchScript has a compiler of its own",
    ]


def load(root: Path, how: str) -> NetworkModel:
    return FolderRegistry((root,), compiling=how).load(SMALL)


def test_a_model_computes_by_its_code_but_makes_heat_maps_by_its_network(
    tmp_path: Path, compile_by: Callable[[Compile], None]
) -> None:
    asked: list[int] = []

    def counted(network: nn.Module) -> Callable[[Tensor], object]:
        def answer(pictures: Tensor) -> object:
            asked.append(len(pictures))
            return network(pictures)

        return answer

    write_model(tmp_path)
    pictures = [picture(seed=seed) for seed in range(3)]
    plain = load(tmp_path, "never")
    compile_by(counted)
    model = load(tmp_path, "always")
    asked.clear()
    np.testing.assert_array_equal(model.certainties(pictures), plain.certainties(pictures))
    assert asked == [3, 3]  # and the mirror images
    asked.clear()
    for one, other in zip(model.assess(pictures), plain.assess(pictures), strict=True):
        np.testing.assert_allclose(
            one.heat_maps["pneumonia"], other.heat_maps["pneumonia"], atol=1e-3
        )
    assert asked == [3]  # the mirror images alone


def test_the_gate_computes_by_its_code(compile_by: Callable[[Compile], None]) -> None:
    plain = FolderRegistry((SHIPPED,)).gate("body-part")
    asked: list[int] = []

    def counted(network: nn.Module) -> Callable[[Tensor], object]:
        def answer(pictures: Tensor) -> object:
            asked.append(len(pictures))
            return network(pictures)

        return answer

    compile_by(counted)
    gate = FolderRegistry((SHIPPED,), compiling="always").gate("body-part")
    asked.clear()
    pictures = [picture(seed=seed) for seed in range(3)]
    assert gate.look(pictures) == plain.look(pictures)
    assert asked == [3]


def _torchs_own(runtime: ModuleRuntime, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Compile for real; batches of any size need no more than that."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(cache))
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")
    monkeypatch.setattr(compiling, "_FASTER", 0.0)
    expected = [runtime.run(inputs(count))["0"] for count in (1, 2, 3, 4)]
    compiled(runtime)
    assert isinstance(runtime.forward, CompiledNetwork)
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    for count, answer in zip((1, 2, 3, 4), expected, strict=True):
        torch.testing.assert_close(runtime.run(inputs(count))["0"], answer, atol=1e-4, rtol=0)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs
    assert runtime.forward.is_compiled


@pytest.mark.skipif(not HAS_COMPILER, reason="no C++ compiler, or no headers of Python")
@pytest.mark.filterwarnings("default")  # torch's own, while it compiles
def test_torch_compiles_it_on_a_cpu(
    runtime: ModuleRuntime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _torchs_own(runtime, monkeypatch, tmp_path)


@pytest.mark.skipif(not (torch.cuda.is_available() and HAS_COMPILER), reason="no GPU or compiler")
@pytest.mark.filterwarnings("default")
def test_torch_compiles_it_on_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch.manual_seed(0)
    _torchs_own(native(Sums(), "cuda"), monkeypatch, tmp_path)
