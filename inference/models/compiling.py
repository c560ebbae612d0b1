"""Networks compiled by torch.compile, where that can be done, answers alike and is faster."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from inference.models.answers import activate, pick
from inference.models.batch import prepare_batch
from inference.models.preprocessing import resize
from inference.models.quiet import quiet
from inference.models.recipe import Layout, Recipe, Resize
from inference.models.runtimes.module import ModuleRuntime
from inference.ports import Picture

NEVER = "never"
AUTO = "auto"
ALWAYS = "always"

_APART = 1e-3  # of a certainty, at most
_APART_IN_HALF = 1e-2  # rounded elsewhere, no answer is the righter one
_FASTER = 1.05  # times; less is not worth code that differs from what was validated
_TURNS = 5

_log = logging.getLogger(__name__)

Certainties = Callable[[Mapping[str, Tensor]], Tensor]


def wants_compiling(how: str, device: str) -> bool:
    """`how` is `never`, `auto`, which is on GPUs alone, or `always`."""
    return how == ALWAYS or (how == AUTO and device.startswith("cuda"))


def keep_compiled(folder: Path) -> None:
    """Let what is compiled from here on be found again by other processes."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder))
    # Else it starts a process for each core, and each of them loads torch.
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")


def batch_sizes(largest: int) -> list[int]:
    """Return what to compile for, so that nothing is left to compile while somebody waits.

    One picture has code of its own. Code for several serves any number, but where a library
    of convolutions goes another way for many pictures than for few.
    """
    return sorted({1, min(2, largest), largest})


class CompiledNetwork:
    """Answers as `network` does, by compiled code for batches of pictures of one `shape`.

    Pictures of another shape are left to `network`; so is everything as soon as the code, or
    making it, fails where `network` does not.
    """

    def __init__(self, network: nn.Module, name: str, shape: Sequence[int]) -> None:
        self._network = network
        self._name = name
        self._shape = tuple(shape)
        self._compiled: Callable[[Tensor], object] | None = torch.compile(network, fullgraph=True)

    @property
    def is_compiled(self) -> bool:
        return self._compiled is not None

    def __call__(self, inputs: Tensor) -> object:
        if self._compiled is None or tuple(inputs.shape[1:]) != self._shape:
            return self._network(inputs)
        try:
            if len(inputs) > 1:
                torch._dynamo.mark_dynamic(inputs, 0)
            return self._compiled(inputs)
        # A boundary: tracer, compiler, linker and driver raise what they like, and no reading
        # may fail of it.
        except Exception as error:
            answer = self._network(inputs)
            self._compiled = None
            _log.warning("%s is computed without torch.compile: %s", self._name, _said(error))
            return answer


def compile_model(runtime: ModuleRuntime, name: str, recipe: Recipe) -> None:
    """Let `runtime` answer by compiled code, as `compile_runtime` does."""
    if recipe.layout is Layout.VOLUME or recipe.resize is not Resize.SQUASH:
        _log.info("%s is not compiled: its pictures are of many sizes", name)
        return
    compile_runtime(
        runtime,
        name,
        [
            prepare_batch(drawn(count, recipe.size), recipe).inputs
            for count in batch_sizes(recipe.batch)
        ],
        lambda answer: activate(pick(answer, recipe.answer), recipe),
    )


def compile_runtime(
    runtime: ModuleRuntime,
    name: str,
    examples: Sequence[Tensor],
    certainties: Certainties,
) -> None:
    """Let `runtime` answer by compiled code, if that agrees and is faster.

    `examples` are batches of one picture and of several. The log says what came of it.
    """
    obstacle = _obstacle(runtime)
    if obstacle:
        _log.info("%s is not compiled: %s", name, obstacle)
        return
    plain = runtime.forward
    compiled = CompiledNetwork(runtime.network, name, examples[0].shape[1:])
    started = time.monotonic()
    with quiet():
        apart = max(_apart(runtime, plain, compiled, each, certainties) for each in examples)
    made = time.monotonic() - started
    faster = _faster(runtime, plain, compiled, examples) if compiled.is_compiled else 0.0
    runtime.forward = plain
    if not compiled.is_compiled:
        return
    most = _APART if runtime.half is None else _APART_IN_HALF
    if not apart <= most:  # also where it is not a number
        _log.warning("%s is not compiled: its certainties would be %.1g apart", name, apart)
        return
    if faster < _FASTER:
        _log.info("%s is not compiled: it would be %.2f times as fast", name, faster)
        return
    runtime.forward = compiled
    _log.info("%s is compiled, in %.0f s, and %.2f times as fast", name, made, faster)


def _obstacle(runtime: ModuleRuntime) -> str:
    if runtime.takes_list:
        return "a detector's pictures and boxes are of many sizes"
    if isinstance(runtime.network, torch.jit.ScriptModule):
        return "TorchScript has a compiler of its own"
    if not any(map(shutil.which, ("gcc", "clang"))):
        return "there is no C compiler here"
    return ""


def _apart(
    runtime: ModuleRuntime,
    plain: Callable[[Tensor], object],
    compiled: CompiledNetwork,
    inputs: Tensor,
    certainties: Certainties,
) -> float:
    found = []
    for runtime.forward in (plain, compiled):
        found.append(certainties(runtime.run(inputs)))
    return float((found[0] - found[1]).abs().max())


def _faster(
    runtime: ModuleRuntime,
    plain: Callable[[Tensor], object],
    compiled: CompiledNetwork,
    examples: Sequence[Tensor],
) -> float:
    """Return how many times as fast all `examples` are answered, by the median of turns."""
    ratios = []
    for _ in range(_TURNS):
        seconds = []
        for runtime.forward in (plain, compiled):
            started = time.perf_counter()
            for each in examples:
                runtime.run(each)
            seconds.append(time.perf_counter() - started)
        ratios.append(seconds[0] / seconds[1])
    return median(ratios)


def drawn(count: int, size: int) -> list[Picture]:
    """Return so many pictures of smooth noise, each another."""
    random = np.random.default_rng(0)
    return [Picture(resize(random.random((12, 12), np.float32), size)) for _ in range(count)]


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
