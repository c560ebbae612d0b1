"""The URI service (PS3.18 Chapter 9): WADO-URI, one Instance by query parameters."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from dicom_node.dicomweb.context import Context, path_uids
from dicom_node.dicomweb.media import DICOM, Wanted, parse_media_types
from dicom_node.dicomweb.picture import MEDIA, Rendering, Viewport, encode, render
from dicom_node.dicomweb.problems import NotAcceptable, NotFound, WebError
from dicom_node.dicomweb.rendered import frames_of, number, quality, read_rendering, window
from dicom_node.dicomweb.responses import Streamed, not_modified, validators
from dicom_node.dicomweb.retrieve import part10_chunks
from inference.domain.catalog import Entry, Field
from inference.domain.errors import UnreadablePixels
from inference.domain.uid import check_uid

_LARGEST = 8192  # pixels


def add_uri(router: APIRouter, context: Context) -> None:
    @router.get("/wado")
    def retrieve_by_uri(request: Request) -> Response:
        """Retrieve one Instance, as DICOM or as a picture."""
        parameters = request.query_params
        if parameters.get("requestType") != "WADO":
            raise WebError("requestType is WADO")
        missing = [
            name for name in ("studyUID", "seriesUID", "objectUID") if not parameters.get(name)
        ]
        if missing:
            raise WebError(f"{missing[0]} is missing")
        uids = path_uids(*(parameters[name] for name in ("studyUID", "seriesUID", "objectUID")))
        entry = context.require(uids)
        headers = validators(context.path(entry), request)
        if unchanged := not_modified(request, headers):
            return unchanged
        return _answer(context, entry, parameters, headers)


def _answer(
    context: Context, entry: Entry, parameters: Mapping[str, str], headers: dict[str, str]
) -> Response:
    is_image = Field.ROWS in entry.values
    # PS3.18 Section 9.4.1.2.1: an image is a JPEG unless something else is asked for.
    asked = parameters.get("contentType") or ("image/jpeg" if is_image else DICOM)
    for each in parse_media_types(asked):
        wish = Wanted(each.name, False)
        if wish.takes(DICOM) and not (wish.is_any and is_image):
            syntax = parameters.get("transferSyntax", "")
            target = check_uid(syntax) if syntax else ""
            try:
                made, chunks = part10_chunks(context, entry, target)
            except (UnreadablePixels, NotAcceptable):
                # Section 9.4.1.2.2: what cannot be made is sent as it is held.
                made, chunks = part10_chunks(context, entry, "*")
            media = f"{DICOM}; transfer-syntax={made}"
            return Streamed(chunks, 200, headers, media)
        media = next((media for media in MEDIA if wish.takes(media)), "")
        if media and is_image:
            rendering = _rendering(parameters, entry)
            frame = _frame(parameters, entry)
            picture = render(context.path(entry), frame, rendering)
            return Response(encode([picture], media, rendering), 200, headers, media)
    raise NotAcceptable(f"acceptable are {', '.join((DICOM, *MEDIA))}")


def _frame(parameters: Mapping[str, str], entry: Entry) -> int:
    text = parameters.get("frameNumber", "1")
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise WebError("frameNumber is a number from 1 on")
    if int(text) > frames_of(entry):
        raise NotFound(f"there is no frame {text}")
    return int(text)


def _rendering(parameters: Mapping[str, str], entry: Entry) -> Rendering:
    given = {name: parameters[name] for name in ("annotation",) if name in parameters}
    basic = read_rendering(given)
    centre, width = parameters.get("windowCenter"), parameters.get("windowWidth")
    if (centre is None) != (width is None):
        raise WebError("windowCenter and windowWidth come together")
    return Rendering(
        window(centre, width, "linear") if centre is not None and width is not None else None,
        _viewport(parameters, entry),
        quality(parameters.get("imageQuality", "90")),
        basic.annotation,
    )


def _viewport(parameters: Mapping[str, str], entry: Entry) -> Viewport | None:
    rows, columns, region = (parameters.get(name) for name in ("rows", "columns", "region"))
    if rows is None and columns is None and region is None:
        return None
    high, wide = (int(str(entry.values.get(each, 1))) for each in (Field.ROWS, Field.COLUMNS))
    part = None
    if region is not None:
        # xmin, ymin, xmax, ymax, from 0 to 1 (Section 9.4.1.2.6)
        edges = [number(each, "region") for each in region.split(",")]
        if len(edges) != 4 or not all(0 <= each <= 1 for each in edges):
            raise WebError("region is xmin,ymin,xmax,ymax, each from 0 to 1")
        left, top, right, bottom = edges
        if left >= right or top >= bottom:
            raise WebError("region shows nothing")
        part = (left * wide, top * high, (right - left) * wide, (bottom - top) * high)
        wide, high = max(1, round(part[2])), max(1, round(part[3]))
    height, width = (number(each, "rows and columns") if each else None for each in (rows, columns))
    # One of the two alone: the other follows from the proportions.
    if height is None:
        height = high if width is None else width * high / wide
    if width is None:
        width = height * wide / high
    if not (1 <= height <= _LARGEST and 1 <= width <= _LARGEST):
        raise WebError(f"rows and columns are 1 to {_LARGEST}")
    return Viewport(int(width), int(height), part)
