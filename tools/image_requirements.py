"""Cut out of the lock what an image needs, with its hashes.

`python tools/image_requirements.py requirements.lock NAMES` prints the lock's entries for the
packages that NAMES lists, one `name==version` a line; `--without torch` leaves PyTorch and CUDA
out, `--only torch` prints just `torch==…` and `torchvision==…`.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

_TORCH = re.compile(r"^(torch|torchvision|nvidia-.*|cuda-.*)$")
_LEFT_OUT = frozenset(("triton",))  # 700 MB that want a C compiler, which the image has not
_ENTRY = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;]+)", re.MULTILINE)


def entries(lock: str) -> dict[tuple[str, str], str]:
    """Return each entry, hashes and all, by name and version: a Python may have its own."""
    starts = list(_ENTRY.finditer(lock))
    ends = [each.start() for each in starts[1:]] + [len(lock)]
    return {
        (each.group(1), each.group(2)): lock[each.start() : end]
        for each, end in zip(starts, ends, strict=True)
    }


def cut(lock: str, names: str, torch: bool = True) -> str:
    """Raises `KeyError` for what the lock has not."""
    locked = entries(lock)
    return "".join(
        locked[name, version]
        for name, version in _ENTRY.findall(names)
        if name not in _LEFT_OUT and (torch or not _TORCH.match(name))
    )


def torch_pins(lock: str) -> list[str]:
    """Return `torch==…` and `torchvision==…`, without hashes: a CPU build has others."""
    pins = dict(_ENTRY.findall(lock))
    return [f"{name}=={pins[name]}" for name in ("torch", "torchvision")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lock", type=Path)
    parser.add_argument("names", type=Path)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--without", choices=["torch"])
    choice.add_argument("--only", choices=["torch"])
    arguments = parser.parse_args()
    lock = arguments.lock.read_text()
    if arguments.only:
        print(" ".join(torch_pins(lock)))
    else:
        print(cut(lock, arguments.names.read_text(), torch=not arguments.without))


if __name__ == "__main__":
    main()
