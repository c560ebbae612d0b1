"""Cut out of the lock what an image needs, with its hashes.

`python tools/image_requirements.py requirements.lock NAMES` prints the lock's entries for the
packages that NAMES lists, one `name==version` a line; `--without torch` leaves PyTorch and CUDA
out, `--only torch` prints just `torch==…` and `torchvision==…`. `--with compiler` says that the
image has one, and brings what wants it.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

_TORCH = re.compile(r"^(torch|torchvision|triton|nvidia-.*|cuda-.*)$")
_COMPILING = frozenset(("triton",))  # 700 MB that want a C compiler
_ENTRY = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;]+)", re.MULTILINE)


def entries(lock: str) -> dict[tuple[str, str], str]:
    """Return each entry, hashes and all, by name and version: a Python may have its own."""
    starts = list(_ENTRY.finditer(lock))
    ends = [each.start() for each in starts[1:]] + [len(lock)]
    return {
        (each.group(1), each.group(2)): lock[each.start() : end]
        for each, end in zip(starts, ends, strict=True)
    }


def cut(lock: str, names: str, torch: bool = True, compiler: bool = False) -> str:
    """Raises `KeyError` for what the lock has not."""
    locked = entries(lock)
    return "".join(
        locked[name, version]
        for name, version in _ENTRY.findall(names)
        if (compiler or name not in _COMPILING) and (torch or not _TORCH.match(name))
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
    parser.add_argument("--with", choices=["compiler"], dest="compiler")
    arguments = parser.parse_args()
    lock = arguments.lock.read_text()
    if arguments.only:
        print(" ".join(torch_pins(lock)))
    else:
        names = arguments.names.read_text()
        print(cut(lock, names, not arguments.without, bool(arguments.compiler)))


if __name__ == "__main__":
    main()
