"""What torch.compile does for the networks that ship.

    python -m benchmarks.compile [NETWORK …] [--repeats 30] [--threads 1] [--device auto]

Each network answers batches of 1 and 8 as a worker runs it, and compiled: by torch.compile, and
ahead of time by AOTInductor. All take turns, so that whatever else the machine does burdens them
alike. Printed are the median of milliseconds without compiling, how many times as fast it is
compiled, how far answers lie apart at most, and how many seconds processors worked for the first
answers to batches of both sizes: with an empty cache, and again in another process that finds it
filled. Under it stands how long a picture takes with and without heat map, which is made by the
network as it is, and how much of that compiled code could answer.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from inference.models.device import choose_device
from inference.models.registry import SHIPPED, FolderRegistry
from inference.models.runtimes.module import ModuleRuntime
from inference.models.runtimes.runtime import named
from inference.models.threads import use_threads
from tests.support.models import picture

Run = Callable[[Tensor], object]

BATCHES = (1, 8)
GATE = "body-part"
MODELS = ("cxr-pneumonia", "ct-contrast")
PLAIN = "as it is"
WAYS = ("torch.compile", "AOTInductor")
_LARGEST = 64  # pictures


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("networks", nargs="*", default=[*MODELS, GATE], metavar="NETWORK")
    arguments.add_argument("--repeats", type=int, default=30)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--device", default="auto")
    arguments.add_argument("--warm-up", nargs=2, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    use_threads(options.threads)
    device = choose_device(options.device)
    if options.warm_up:
        name, way = options.warm_up
        print(json.dumps(_warm_up(name, way, device)))
        return
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # others would not be waited for
    where = torch.cuda.get_device_name(device) if device != "cpu" else f"{os.cpu_count()} cores"
    print(f"torch {torch.__version__}, {device}, {where}, {options.threads} threads")
    if not (shutil.which("gcc") and shutil.which("g++")):
        print("there is no compiler here")
        return
    for name in options.networks:
        _measure(name, device, options.repeats, options.threads)
        if name != GATE:
            _whole(name, device, options.repeats)


def _measure(name: str, device: str, repeats: int, threads: int) -> None:
    network, size = _network(name, device)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        first: dict[str, list[float]] = {}
        runs: dict[str, Run] = {PLAIN: network}
        for way in WAYS:
            cache = f"{folder}/{way}"
            first[way] = [_in_a_process(name, way, device, threads, cache) for _ in range(2)]
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
            runs[way] = _compiled(network, way, size, device)
        for count in BATCHES:
            inputs = _inputs(count, size, device)
            seconds = _turns(runs, inputs, repeats)
            plain = seconds[PLAIN]
            print(f"{name}, {count} of {size} x {size}: {plain * 1000:.1f} ms")
            for way in WAYS:
                cold, filled = first[way]
                print(
                    f"  {way:14} ratio {plain / seconds[way]:5.2f}"
                    f"   apart {_apart(network, runs[way], inputs):.1e}"
                    f"   first answers {cold:5.1f} s, {filled:5.1f} s from the cache"
                )


def _network(name: str, device: str) -> tuple[nn.Module, int]:
    """Return a shipped network and the side of its pictures."""
    registry = FolderRegistry((SHIPPED,), device=device)
    if name == GATE:
        gate = registry.gate(GATE)
        return gate.runtime.network, gate._file.size
    model = registry.load(registry.active(name))
    assert isinstance(model.runtime, ModuleRuntime)
    return model.runtime.network, model._recipe.size


def _inputs(count: int, size: int, device: str) -> Tensor:
    drawn = [torch.from_numpy(picture(size, size, seed).pixels) for seed in range(count)]
    inputs = torch.stack(drawn)[:, None].expand(-1, 3, -1, -1)
    return inputs.to(device).contiguous(memory_format=torch.channels_last)


def _compiled(network: nn.Module, way: str, size: int, device: str) -> Run:
    """Return it after it answered batches of both sizes."""
    found: Run
    if way == "AOTInductor":
        example = _inputs(2, size, device)
        sizes = ({0: torch.export.Dim("pictures", min=1, max=_LARGEST)},)
        program = torch.export.export(network, (example,), dynamic_shapes=sizes)
        with tempfile.TemporaryDirectory() as folder:
            package = torch._inductor.aoti_compile_and_package(
                program, package_path=str(Path(folder) / "network.pt2")
            )
            found = torch._inductor.aoti_load_package(package)
    else:
        found = torch.compile(network, fullgraph=True)
    for count in sorted(BATCHES, reverse=True):
        inputs = _inputs(count, size, device)
        if count > 1:
            torch._dynamo.mark_dynamic(inputs, 0)
        found(inputs)
    return found


def _warm_up(name: str, way: str, device: str) -> float:
    network, size = _network(name, device)
    with torch.inference_mode():
        network(_inputs(1, size, device))
        started = _worked()
        _compiled(network, way, size, device)
    return _worked() - started


def _worked() -> float:
    """Return the seconds that processors worked for this process and those that it waited for."""
    return sum(os.times()[:4])


def _in_a_process(name: str, way: str, device: str, threads: int, cache: str) -> float:
    command = [sys.executable, "-m", "benchmarks.compile", "--warm-up", name, way]
    command += ["--device", device, "--threads", str(threads)]
    environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": cache}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def _turns(runs: dict[str, Run], inputs: Tensor, repeats: int) -> dict[str, float]:
    """Return the median of seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 3):
        for name, run in runs.items():
            took = _seconds(partial(run, inputs))
            if turn >= 3:
                seconds[name].append(took)
    return {name: median(found) for name, found in seconds.items()}


def _seconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _apart(one: Run, other: Run, inputs: Tensor) -> float:
    first, second = named(one(inputs)), named(other(inputs))
    pairs: Sequence[tuple[Tensor, Tensor]] = list(zip(first.values(), second.values(), strict=True))
    return max(float((a - b).abs().max()) for a, b in pairs)


def _whole(name: str, device: str, repeats: int) -> None:
    """Print what a picture takes with preparation and heat map, and the network's part."""
    registry = FolderRegistry((SHIPPED,), device=device)
    model = registry.load(registry.active(name))
    drawn = picture(1024, 896)
    asked: list[float] = []
    run = model.runtime.run

    def timed(batch: Tensor) -> object:
        started = time.perf_counter()
        try:
            return run(batch)
        finally:
            asked.append(time.perf_counter() - started)

    model.runtime.run = timed  # type: ignore[method-assign, assignment]
    model.assess([drawn])
    for explain in (True, False):
        asked.clear()
        seconds = [
            _seconds(partial(model.assess, [drawn], explain=explain)) for _ in range(repeats)
        ]
        part = sum(asked) / sum(seconds)
        print(
            f"{name}, a picture {'with' if explain else 'without'} heat map: "
            f"{median(seconds) * 1000:.1f} ms, of which the network as it could be compiled "
            f"{part:.0%}"
        )


if __name__ == "__main__":
    main()
