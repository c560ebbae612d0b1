"""How much burned-in text is found in the pixels, and how often it is seen where none is.

    python -m benchmarks.burned_in [--data FOLDER] [--sheets FOLDER]

FOLDER holds the images as ../shared/data does, which is the default. Read are the forty
radiographs with a name, a number and dates; the test images of cxr-kermany-224, as they are,
with text and with markers drawn into them, in fonts that no number was chosen with; cxr-nih-512;
and the DICOM radiographs and CT slices. With --sheets, what was found where no text was written,
and what was missed where it was, is kept as pictures: some of them do bear text.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from matplotlib import get_data_path
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dicom_node.pixels import DicomPixelReader
from inference.ports import Picture
from inference.validation.opener import read_image
from inference.worker.annotation import annotation

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
_FONTS = ("", "STIXGeneral.ttf", "DejaVuSansMono-Bold.ttf", "cmr10.ttf")  # "" is Pillow's own
_MARKERS = ("L", "R", "AP", "PA", "LL", "SUP", "A-P", "KV70", "R\nMK", "L\nJD 7")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SIDES = (224, 512, 1024, 2000)  # pixels
_RUNS = 10  # of the clock

Grey = NDArray[np.uint8]


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--data", type=Path, default=_SHARED if _SHARED.is_dir() else None)
    arguments.add_argument("--sheets", type=Path)
    options = arguments.parse_args()
    if options.data is None:
        print("no images: name their folder with --data")
        return
    cv2.setNumThreads(1)
    print(f"{'images':44}{'n':>6}{'with text':>11}{'share':>8}")
    for name, written, pictures in _sets(options.data):
        _count(name, written, pictures, options.sheets)
    print(f"\nms of one core for an image of 2000 x 2000, the fastest of {_RUNS}:")
    test = _test_images(options.data)
    for name, image in (("a radiograph", _resized(test[0], 2000)), ("grain", _grain(2000))):
        print(f"{name:44}{_milliseconds(_picture(image)):6.0f}")


def _sets(data: Path) -> Iterator[tuple[str, bool, Iterable[Picture]]]:
    """Yield name, whether text was written there, and the pictures."""
    written = sorted((data / "cxr-burned-in-text").glob("*.jpg"))
    yield "radiographs with name, number and dates", True, map(read_image, written)
    test = _test_images(data)
    for side in _SIDES:
        drawn = _drawn(test, side, _text, (0.012, 0.035))
        yield f"text drawn, {side} pixels", True, drawn
    for side in _SIDES:
        drawn = _drawn(test, side, lambda rng: str(rng.choice(_MARKERS)), (0.04, 0.1))
        yield f"markers drawn, {side} pixels", False, drawn
    yield "cxr-kermany-224, test", False, map(_picture, test)
    nih = sorted((data / "cxr-nih-512" / "images").glob("*.jpg"))
    yield "cxr-nih-512", False, map(read_image, nih)
    for name, under in (
        ("DICOM chest radiographs", "dicom-samples/chest-radiographs"),
        ("CT slices, ct-contrast-siim", "ct-contrast-siim"),
        ("CT slices, ct-chest-series", "ct-chest-series"),
    ):
        files = sorted((data / under).rglob("*.dcm"))
        yield name, False, map(DicomPixelReader().read, files)


def _count(name: str, written: bool, pictures: Iterable[Picture], sheets: Path | None) -> None:
    number = found = 0
    for number, picture in enumerate(pictures, start=1):
        region = annotation(picture)
        found += region is not None
        if sheets and written is (region is None):
            image = cv2.cvtColor((picture.pixels * 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
            if region is not None:
                first, _, last, _ = (tuple(round(each) for each in p) for p in region.points)
                cv2.rectangle(image, first, last, (0, 200, 255), 1)
            sheets.mkdir(parents=True, exist_ok=True)
            plain = "".join(each if each.isalnum() else "-" for each in name)
            cv2.imwrite(str(sheets / f"{plain}-{number:04}.png"), image)
    print(f"{name:44}{number:6}{found:11}{found / max(1, number):8.1%}", flush=True)


def _test_images(data: Path) -> list[Grey]:
    files = sorted((data / "cxr-kermany-224" / "test").rglob("*.jpeg"))
    return [cv2.imread(str(each), cv2.IMREAD_GRAYSCALE) for each in files]


def _drawn(
    images: list[Grey],
    side: int,
    words: Callable[[Generator], str],
    sizes: tuple[float, float],
) -> Iterator[Picture]:
    """Yield every third image with `words` in it; `sizes` of the font are shares of the side."""
    rng = np.random.default_rng(side)
    for image in images[::3]:
        low, high = (max(10.0, share * side) for share in sizes)
        size = round(float(np.exp(rng.uniform(np.log(low), np.log(max(high, 1.5 * low))))))
        name = str(rng.choice(_FONTS))
        font = (
            ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / name), size)
            if name
            else ImageFont.load_default(size)
        )
        resized = _resized(image, side)
        if side > 224:
            resized = np.clip(resized + rng.normal(0, 3, resized.shape), 0, 255).astype(np.uint8)
        drawn = Image.fromarray(resized)
        draw = ImageDraw.Draw(drawn)
        text = words(rng)
        left, top, right, bottom = draw.multiline_textbbox((0, 0), text, font=font)
        room = np.maximum(1, (drawn.width - right - 4, drawn.height - bottom - 4))
        at = rng.uniform(4, 4 + room)
        corner = rng.random(2) < 0.5
        at = np.where(rng.random() < 0.7, np.where(corner, 4, room), at)  # mostly in corners
        ink = int(rng.choice([255, 255, 210, 0]))
        if ink == 0 or rng.random() < 0.25:
            box = (at[0] + left - 4, at[1] + top - 4, at[0] + right + 4, at[1] + bottom + 4)
            draw.rectangle(tuple(map(float, box)), fill=255 - ink)
        draw.multiline_text((float(at[0]), float(at[1])), text, fill=ink, font=font)
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))]
        _, coded = cv2.imencode(".jpg", np.asarray(drawn), quality)
        yield _picture(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))


def _text(rng: Generator) -> str:
    def word(letters: str, least: int) -> str:
        return "".join(rng.choice(list(letters), int(rng.integers(least, least + 5))))

    lines = (
        f"{word(_LETTERS, 4)}^{word(_LETTERS, 4)}",
        f"{word(_LETTERS, 3).capitalize()} {word(_LETTERS, 4).capitalize()}",
        f"{rng.integers(1930, 2026)}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}",
        f"ID:{word('0123456789', 5)}",
        word(_LETTERS, 6),
    )
    return "\n".join(rng.permutation(lines)[: rng.integers(1, 4)])


def _resized(image: Grey, side: int) -> Grey:
    if side == image.shape[0]:
        return image
    resized: Grey = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    return resized


def _grain(side: int) -> Grey:
    noise = np.random.default_rng(0).normal(128, 40, (side, side))
    grain: Grey = np.clip(cv2.GaussianBlur(noise, (0, 0), 1.5) * 3 - 256, 0, 255).astype(np.uint8)
    return grain


def _picture(image: Grey) -> Picture:
    return Picture(image.astype(np.float32) / np.float32(255))


def _milliseconds(picture: Picture) -> float:
    times = []
    for _ in range(_RUNS):
        began = time.process_time()  # others may use the machine too
        annotation(picture)
        times.append(time.process_time() - began)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
