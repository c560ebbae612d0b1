"""Are the pixels of two files the same, however they are compressed?

Frame by frame, so that no more than two frames are held at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dicom_node.pixels.frames import Frames
from dicom_node.pixels.part10 import Part10, open_part10
from inference.domain.errors import UnreadableInstance, UnreadablePixels

_MAX_FRAME = 128 << 20  # bytes, decoded
_MAX_ALL = 512 << 20  # bytes, decoded
_MAX_FRAMES = 5_000
_LONGEST = 60.0  # seconds
_AT_ONCE = 1 << 20  # samples whose difference is held
_TOO_MANY = "there are more pixels than can be compared"
_LISTED = 100  # numbers of frames
_PIXEL_DATA = 0x7FE00010

_NUMBERS = ("SamplesPerPixel", "NumberOfFrames", "BitsStored", "PixelRepresentation")
_NAMES = ("Samples per Pixel", "Number of Frames", "Bits Stored", "Pixel Representation")
_LAYOUT = ("PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "HighBit")
_LOSSLESS = frozenset(  # what is decoded from these does not depend on who does it
    (
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        ExplicitVRLittleEndian,
        HTJ2KLossless,
        HTJ2KLosslessRPCL,
        ImplicitVRLittleEndian,
        JPEG2000Lossless,
        JPEGLSLossless,
        JPEGLossless,
        JPEGLosslessSV1,
        RLELossless,
    )
)
_DECODED_AS_RGB = frozenset(("YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"))

Names = tuple[str, str]


class Outcome(StrEnum):
    SAME = "same"
    DIFFER = "differ"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, slots=True)
class PixelDifference:
    """`pixels` of `total` differ, in `frames_differing` of `frame_count` frames.

    `frames` are the first hundred of those, one-based. `largest` is in stored values, after
    conversion to RGB where they are YBR; None where one of them is no number. `why` says what
    makes them not comparable. `doubt` says why the same values need not be the same image to
    everybody, "" where they are.
    """

    outcome: Outcome
    why: str = ""
    pixels: int = 0
    total: int = 0
    largest: float | None = None
    frames: tuple[int, ...] = ()
    frames_differing: int = 0
    frame_count: int = 0
    doubt: str = ""


def compare_pixels(
    first: Path,
    other: Path,
    names: Names = ("first", "other"),
    monotonic: Callable[[], float] = time.monotonic,
    largest_frame: int | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> PixelDifference:
    """Compare decoded values, for a minute at most. `names` stand in `why` for the two files.

    `largest_frame` is in bytes, decoded; `stopping` is asked before each.
    """
    try:
        with _both(first, other, names, largest_frame) as pair:
            return _compared(pair, monotonic, stopping)
    except (UnreadableInstance, UnreadablePixels) as error:
        return PixelDifference(Outcome.NOT_COMPARABLE, str(error))


def check_frame(part10: Path) -> None:
    """See that a frame is no larger than what is compared, as far as the header tells.

    Raises `UnreadablePixels`, `UnreadableInstance`.
    """
    with open_part10(part10) as opened:
        if Frames(opened).frame_length > _MAX_FRAME:
            raise UnreadablePixels(_TOO_MANY)


def difference_of(
    first: Path, other: Path, frame: int, side: int, names: Names = ("first", "other")
) -> NDArray[np.float32]:
    """Return by how much the pixels of a frame (one-based) differ: (rows, columns).

    Reduced by a whole number so that neither is more than `side`: the largest of what falls
    together. Raises `UnreadablePixels`.
    """
    with _both(first, other, names) as pair:
        one, two = pair.decode(*pair.stored(frame))
    step = -(-max(one.shape[:2]) // side)
    columns = np.arange(0, one.shape[1], step)
    reduced = [
        np.maximum.reduceat(
            np.maximum.reduceat(each, np.arange(0, len(each), step), axis=0), columns, axis=1
        ).astype(np.float32)
        for each in _differences(one, two, step)
    ]
    return np.concatenate(reduced)


@dataclass(frozen=True, slots=True)
class _Pair:
    parts: tuple[Part10, Part10]
    frames: tuple[Frames, Frames]
    names: Names

    def each(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every frame as either file keeps it."""
        found = [each.each() for each in self.frames]
        for _ in range(self.frames[0].count):
            with _named(self.names[0]):
                one = next(found[0])
            with _named(self.names[1]):
                two = next(found[1])
            yield one, two

    def stored(self, frame: int) -> tuple[bytes, bytes]:
        return self.frames[0].stored(frame), self.frames[1].stored(frame)

    def decode(self, one: bytes, two: bytes) -> tuple[NDArray[Any], NDArray[Any]]:
        values = []
        for frames, data, name in zip(self.frames, (one, two), self.names, strict=True):
            with _named(name):
                values.append(frames.decoded(data))
        if values[0].shape != values[1].shape:
            raise UnreadablePixels("the frames have other dimensions than the headers say")
        return values[0], values[1]

    @property
    def is_kept_alike(self) -> bool:
        """Do the same bytes mean the same values?"""
        one, two = (
            (each.syntax, each.pixels and each.pixels.vr, *map(each.text, _LAYOUT))
            for each in self.parts
        )
        return one == two


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except (UnreadableInstance, UnreadablePixels) as error:
        raise UnreadablePixels(f"{name}: {error}") from error


@contextmanager
def _both(
    first: Path, other: Path, names: Names, largest_frame: int | None = None
) -> Iterator[_Pair]:
    """Open both, and see that they can be compared."""
    with ExitStack() as stack:
        parts, frames = [], []
        for path, name in zip((first, other), names, strict=True):
            with _named(name):
                part10 = stack.enter_context(open_part10(path))
                held = Frames(part10)
                held.check()
                _check_size(part10, held, largest_frame or _MAX_FRAME)
            parts.append(part10)
            frames.append(held)
        pair = _Pair((parts[0], parts[1]), (frames[0], frames[1]), names)
        if unlike := _unlike(*pair.parts, names):
            raise UnreadablePixels(unlike)
        yield pair


def _check_size(part10: Part10, frames: Frames, largest_frame: int) -> None:
    one = frames.frame_length
    if one > largest_frame or one * frames.count > _MAX_ALL or frames.count > _MAX_FRAMES:
        raise UnreadablePixels(_TOO_MANY)


def _unlike(one: Part10, two: Part10, names: Names) -> str:
    """Return which attribute keeps the values from being compared, "" for none."""
    facts = [("Rows by Columns", *(_size(each) for each in (one, two)))]
    for keyword, name in zip(_NUMBERS, _NAMES, strict=True):
        default = int(keyword in ("SamplesPerPixel", "NumberOfFrames"))
        facts.append((name, *(str(each.number(keyword, default)) for each in (one, two))))
    for name, first, other in facts:
        if first != other:
            return f"{name}: {first} {names[0]}, {other} {names[1]}"
    if _photometric(one) != _photometric(two):
        return "they are of another Photometric Interpretation"
    if _tag(one) != _tag(two):
        return "whole numbers on one side, real ones on the other"
    return ""


def _tag(part10: Part10) -> int:
    return part10.pixels.tag if part10.pixels is not None else 0


def _size(part10: Part10) -> str:
    return f"{part10.number('Rows')} by {part10.number('Columns')}"


def _photometric(part10: Part10) -> str:
    said = part10.text("PhotometricInterpretation")
    return "RGB" if said in _DECODED_AS_RGB else said


def _compared(
    pair: _Pair, monotonic: Callable[[], float], stopping: Callable[[], bool]
) -> PixelDifference:
    end = monotonic() + _LONGEST
    numbers: list[int] = []
    pixels, largest, decoded = 0, 0.0, False
    alike = pair.is_kept_alike
    count = pair.frames[0].count
    for number, (one, two) in enumerate(pair.each(), 1):
        if stopping():
            raise UnreadablePixels("nobody waits for it any more")
        if alike and one == two:
            continue
        if monotonic() > end:
            # Some decoders need seconds to see that a small frame is damaged.
            raise UnreadablePixels(f"it takes longer than {_LONGEST:.0f} seconds to decode them")
        first, other = pair.decode(one, two)
        here, decoded = 0, True
        for difference in _differences(first, other, 1):
            here += int(np.count_nonzero(difference))
            largest = max(largest, float(difference.max()))
        pixels += here
        numbers += [number] if here else []
    frame_pixels = pair.parts[0].number("Rows") * pair.parts[0].number("Columns")
    return PixelDifference(
        Outcome.DIFFER if pixels else Outcome.SAME,
        pixels=pixels,
        total=frame_pixels * count,
        largest=_shown(largest) if pixels else None,
        frames=tuple(numbers[:_LISTED]),
        frames_differing=len(numbers),
        frame_count=count,
        doubt=_doubt(pair) if decoded and not pixels else "",
    )


def _doubt(pair: _Pair) -> str:
    if any(each.syntax not in _LOSSLESS for each in pair.parts):
        return "one of them is compressed with loss, and not every decoder comes to the same"
    if any(_tag(each) != _PIXEL_DATA for each in pair.parts):
        return "they are real numbers, written with other bits"
    if any(_has_overlay_in_pixels(each) for each in pair.parts):
        return "bits beside those of the pixels hold an overlay, which was not compared"
    return ""


def _has_overlay_in_pixels(part10: Part10) -> bool:
    """Is there an overlay plane without Overlay Data? (retired from PS3.3 C.9.2)"""
    groups = {tag >> 16 for tag in part10.elements if tag >> 16 & 0xFF00 == 0x6000}
    return any(group << 16 | 0x3000 not in part10.elements for group in groups)


def _shown(largest: float) -> float | None:
    if not np.isfinite(largest):
        return None
    return int(largest) if largest.is_integer() else largest


def _differences(first: NDArray[Any], other: NDArray[Any], step: int) -> Iterator[NDArray[Any]]:
    """Yield by how much pixels differ, some times `step` rows at once, in their order.

    Infinite where one of the two is no number.
    """
    rows = max(1, _AT_ONCE // first[0].size // step) * step
    for start in range(0, len(first), rows):
        one, two = first[start : start + rows], other[start : start + rows]
        if {one.dtype.kind, two.dtype.kind} <= set("biu") and one.dtype.itemsize < 8:
            difference = np.abs(one.astype(np.int64) - two.astype(np.int64))
        else:
            with np.errstate(invalid="ignore", over="ignore"):
                difference = np.abs(one.astype(np.float64) - two.astype(np.float64))
            same = (one == two) | ((one != one) & (two != two))
            difference = np.where(same, 0.0, np.where(np.isnan(difference), np.inf, difference))
        yield difference.max(axis=-1) if difference.ndim == 3 else difference
