"""Lookup tables of the Modality LUT and VOI LUT Sequences (PS3.3 C.11.1, C.11.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset


def lookup(
    values: NDArray[np.float64], item: Dataset, signed: bool
) -> tuple[NDArray[np.float64], float] | None:
    """Map `values` through the LUT of `item`; None if it is no usable LUT.

    Returns the output and its largest possible value. `signed` tells how the second number
    of LUT Descriptor is to be read, whose VR may be lost.
    """
    descriptor = item.get("LUTDescriptor")
    if descriptor is None or len(descriptor) != 3:
        return None
    entries, first, bits = (int(each) for each in descriptor)
    entries = entries & 0xFFFF or 1 << 16  # 0 stands for 65536
    first = first - (1 << 16) if signed and first > 0x7FFF else first
    if not 1 <= bits <= 16:
        return None
    table = _table(item, entries, bits)
    if table is None:
        return None
    index = np.clip(np.rint(values) - first, 0, len(table) - 1).astype(np.intp)
    return table[index].astype(np.float64), float((1 << bits) - 1)


def _table(item: Dataset, entries: int, bits: int) -> NDArray[Any] | None:
    data = item.get("LUTData")
    if data is None:
        return None
    if isinstance(data, bytes):
        if len(data) < 2 * entries:
            # 8 bit entries, two to a word
            packed = np.frombuffer(data, dtype=np.uint8)[:entries]
            return packed if bits <= 8 and len(packed) else None
        order = "<" if item.original_encoding[1] is not False else ">"
        return np.frombuffer(data, dtype=f"{order}u2")[:entries]
    numbers = np.atleast_1d(np.asarray(data, dtype=np.int64)) & 0xFFFF
    if bits <= 8 and len(numbers) == (entries + 1) // 2 and entries > 1:
        numbers = np.stack((numbers & 0xFF, numbers >> 8), axis=1).reshape(-1)
    return numbers[:entries] if len(numbers) else None
