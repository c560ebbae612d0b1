"""Where networks compute, and in which numbers."""

from __future__ import annotations

import torch

from inference.domain.errors import SettingsError

AUTO = "auto"


def choose_device(wanted: str = AUTO) -> str:
    """Return the device of `auto`, `cpu`, `cuda` or `cuda:1`; `auto` is a GPU if there is one.

    Raises `SettingsError` for a device that is not there.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == AUTO:
        return "cuda" if count else "cpu"
    if wanted == "cpu" or (wanted == "cuda" and count):
        return wanted
    kind, _, number = wanted.partition(":")
    if kind == "cuda" and number.isdecimal() and int(number) < count:
        return wanted
    raise SettingsError(f"device is {wanted}, but torch sees {count} GPUs of NVIDIA here")


def choose_type(precision: str, device: str, half: bool) -> torch.dtype | None:
    """Return the type that sums are made in where they may be less than float32, else None.

    `precision` is `auto`, `float32`, `bfloat16` or `float16`; `half`: the model's recipe allows
    half precision. `auto` uses it where it is faster, which is on a GPU.
    """
    if precision == AUTO:
        if not half or not device.startswith("cuda"):
            return None
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
