"""Where a training stands, on disk after every epoch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

_NAME = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`history`: for each epoch its loss, validation AUROC and disturbed validation AUROC."""

    digest: str
    history: tuple[tuple[float, float, float], ...] = ()

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)

    @property
    def best_epoch(self) -> int:
        """The epoch (one-based) with the best mean of both AUROCs; the later one if equal."""
        return max(
            range(1, self.epoch + 1),
            key=lambda epoch: (sum(self.history[epoch - 1][1:]), epoch),
            default=0,
        )

    def after(self, loss: float, plain: float, shifted: float) -> Checkpoint:
        return Checkpoint(self.digest, (*self.history, (loss, plain, shifted)))


def save_checkpoint(
    out: Path,
    state: Checkpoint,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> None:
    new = out / f"{_NAME}.new"
    torch.save(
        {
            "digest": state.digest,
            "history": [list(each) for each in state.history],
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
        },
        new,
    )
    new.replace(out / _NAME)  # so that a crash while writing leaves the one before


def load_checkpoint(
    out: Path,
    digest: str,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> Checkpoint:
    """Fill all three from the checkpoint; a fresh start if there is none yet.

    Raises `ValueError` if it was made with other images.
    """
    path = out / _NAME
    if not path.exists():
        return Checkpoint(digest)
    held = torch.load(path, weights_only=True, map_location="cpu")
    if held["digest"] != digest:
        raise ValueError("the checkpoint is of other images; train without --resume")
    network.load_state_dict(held["network"])
    average.load_state_dict(held["average"])
    optimiser.load_state_dict(held["optimiser"])
    return Checkpoint(digest, tuple((each[0], each[1], each[2]) for each in held["history"]))
