"""Rendered and thumbnail resources (PS3.18 Sections 10.4.1.1.3, 10.4.1.1.4)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from fastapi import Request, Response

from dicom_node.dicomweb.context import Context, Uids, service_url, url_of
from dicom_node.dicomweb.media import Wanted, wanted
from dicom_node.dicomweb.picture import (
    GIF,
    MEDIA,
    Rendering,
    Viewport,
    Window,
    encode,
    render,
)
from dicom_node.dicomweb.problems import NotAcceptable, NotFound, WebError
from dicom_node.dicomweb.responses import Part, multipart, not_modified, validators
from inference.domain.catalog import Entry, Field, Level
from inference.domain.errors import UnreadablePixels

_THUMBNAIL = Viewport(128, 128)  # pixels
_LARGEST = 8192  # pixels of a viewport's side
_MAX_ANIMATED = 200  # frames
_FUNCTIONS = {"LINEAR": "LINEAR", "LINEAR-EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}


def rendered(
    context: Context, request: Request, uids: Uids, numbers: Sequence[int] | None = None
) -> Response:
    """Answer with one picture, or with one for each frame in a multipart message."""
    context.require(uids)
    rendering = read_rendering(request.query_params)
    entry = representative(context, uids)
    headers: dict[str, str] = {}
    if uids[-1][0] is Field.SOP_INSTANCE_UID:
        headers = validators(context.path(entry), request)
        if unchanged := not_modified(request, headers):
            return unchanged
    count = frames_of(entry)
    missing = [each for each in numbers or () if each > count]
    if missing:
        raise NotFound(f"there is no frame {missing[0]}: the Instance has {count}")
    media, in_parts = choose(wanted(request), several=len(numbers or ()) > 1)
    if in_parts:
        entries = images(context, uids)
        parts = _parts(context, entries, numbers, media, rendering, service_url(request))
        return multipart(parts, media, headers)
    path = context.path(entry)
    shown = list(numbers or (1,))
    if media == GIF and numbers is None and count > 1:
        shown = list(range(1, min(count, _MAX_ANIMATED) + 1))
    pictures = [render(path, each, rendering) for each in shown]
    return Response(encode(pictures, media, rendering), 200, headers, media)


def thumbnail(
    context: Context, request: Request, uids: Uids, numbers: Sequence[int] | None = None
) -> Response:
    """Answer with a small picture of what is characteristic."""
    context.require(uids)
    asked = read_rendering(request.query_params)
    entry = representative(context, uids)
    headers = validators(context.path(entry), request)
    if unchanged := not_modified(request, headers):
        return unchanged
    count = frames_of(entry)
    frame = numbers[0] if numbers else (count + 1) // 2
    if frame > count:
        raise NotFound(f"there is no frame {frame}: the Instance has {count}")
    media, in_parts = choose(wanted(request), several=False)
    if in_parts:
        raise NotAcceptable("a thumbnail is one picture")
    rendering = Rendering(asked.window, asked.viewport or _THUMBNAIL, asked.quality)
    picture = render(context.path(entry), frame, rendering)
    return Response(encode([picture], media, rendering), 200, headers, media)


def images(context: Context, uids: Uids) -> Iterator[Entry]:
    return (entry for entry in context.instances(uids) if Field.ROWS in entry.values)


def representative(context: Context, uids: Uids) -> Entry:
    """Return the image that stands for all: the middle one of the first Series with any.

    Of a Study with sources and our overlays, the sources come first.
    """
    first: list[Entry] = []
    for entry in images(context, uids):
        series = Field.SERIES_INSTANCE_UID
        if first and entry.values[series] != first[0].values[series]:
            break
        first.append(entry)
    if not first:
        context.refuse_removed(uids)
        raise NotAcceptable("there is no image to render")
    return first[len(first) // 2]


def frames_of(entry: Entry) -> int:
    value = entry.values.get(Field.NUMBER_OF_FRAMES, 1)
    return value if isinstance(value, int) else 1


def choose(wishes: Sequence[Wanted], *, several: bool) -> tuple[str, bool]:
    """Return the media type, and whether in parts. Raises `NotAcceptable`."""
    for each in wishes:
        media = next((media for media in MEDIA if each.takes(media)), None)
        if media is None or (several and each.multipart is False):
            continue
        return media, bool(each.multipart) or several
    raise NotAcceptable(f"acceptable are {', '.join(MEDIA)}")


def _parts(
    context: Context,
    entries: Iterator[Entry],
    numbers: Sequence[int] | None,
    media: str,
    rendering: Rendering,
    service: str,
) -> Iterator[Part]:
    for entry in entries:
        path = context.path(entry)
        for number in numbers or range(1, frames_of(entry) + 1):
            try:
                picture = encode([render(path, number, rendering)], media, rendering)
            except UnreadablePixels:
                continue  # the others are still to be seen
            url = f"{url_of(entry, Level.INSTANCE, service)}/frames/{number}/rendered"
            yield Part(media, (picture,), {"Content-Location": url})


def read_rendering(parameters: Mapping[str, str]) -> Rendering:
    """Read PS3.18 Section 8.3.5. Unknown parameters are ignored, as it says."""
    annotation = tuple(each for each in parameters.get("annotation", "").split(",") if each)
    for each in annotation:
        if each not in ("patient", "technique"):
            raise WebError("annotation is patient, technique, or both")
    window = _window(parameters["window"]) if "window" in parameters else None
    viewport = _viewport(parameters["viewport"]) if "viewport" in parameters else None
    return Rendering(window, viewport, quality(parameters.get("quality", "90")), annotation)


def quality(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 100):
        raise WebError("quality is a number from 1 to 100")
    return int(text)


def number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e12:
        raise WebError(f"{name}: {text[:32]!r} is not a number")
    return value


def window(centre: str, width: str, function: str) -> Window:
    name = _FUNCTIONS.get(function.upper().replace("_", "-"))
    wide = number(width, "window")
    if name is None:
        raise WebError(f"the window's function is one of {', '.join(_FUNCTIONS).lower()}")
    if wide < (1 if name == "LINEAR" else 1e-12):  # PS3.3 C.11.2.1.2
        raise WebError("the window is too narrow")
    return Window(number(centre, "window"), wide, name)


def _window(text: str) -> Window:
    parts = text.split(",")
    if len(parts) not in (2, 3):
        raise WebError("window is centre,width,function")
    return window(parts[0], parts[1], parts[2] if len(parts) == 3 else "linear")


def _viewport(text: str) -> Viewport:
    parts = text.split(",")
    if len(parts) not in (2, 4, 6):
        raise WebError("viewport is width,height or width,height,left,top,width,height")
    width, height = (number(each, "viewport") for each in parts[:2])
    if not (1 <= width <= _LARGEST and 1 <= height <= _LARGEST):
        raise WebError(f"a viewport is 1 to {_LARGEST} pixels wide and high")
    if len(parts) == 2:
        return Viewport(int(width), int(height))
    left, top, wide, high = (
        number(each or "0", "viewport") for each in (*parts[2:], *("0", "0"))[:4]
    )
    if left < 0 or top < 0:
        raise WebError("a region starts within the image")
    return Viewport(int(width), int(height), (left, top, wide, high))
