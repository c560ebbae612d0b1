"""Bringing in files by hand, in a browser or by a program."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from dicom_node.dicomweb.blocks import IDLE, blocks
from dicom_node.dicomweb.problems import TooLarge, UnsupportedMedia, WebError
from dicom_node.pictures import Facts, InvalidFacts, Wrapping
from dicom_node.pictures.facts import (
    BODY_PARTS,
    LATERALITIES,
    MODALITIES,
    ORIENTATIONS,
    SEXES,
    VIEWS,
)
from inference.domain.matching import date_key
from wetread.uploads import Taken, Uploads
from wetread.web.error_pages import for_reader
from wetread.web.form import FileForm
from wetread.web.guarded import check_origin
from wetread.web.pages import templates
from wetread.web.problems import NotFound, problem

_CHOICES = {
    "sexes": SEXES,
    "body_parts": tuple(BODY_PARTS),
    "views": tuple(VIEWS),
    "lateralities": LATERALITIES,
    "orientations": ORIENTATIONS,
    "modalities": MODALITIES,
    "wrappings": {
        Wrapping.SC.value: "Secondary Capture",
        Wrapping.DX.value: "Digital X-ray (its pixel spacing is known)",
    },
}


def build_router(uploads: Uploads | None) -> APIRouter:
    """Without `uploads`, for where nothing comes in, it only says so."""
    router = APIRouter(include_in_schema=False)

    @router.get("/upload", response_class=HTMLResponse)
    def page(request: Request) -> Response:
        return _page(request, _open(uploads).token(), {}, ())

    @router.post("/upload")
    async def upload(request: Request) -> Response:
        check_origin(request)
        try:
            return await _take(request, _open(uploads))
        except WebError as error:
            return for_reader(request, problem(type(error).__name__, error.status, str(error)))

    async def _take(request: Request, uploads: Uploads) -> Response:
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMedia("a Content-Encoding is not taken")
        length = request.headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > uploads.maximum:
            raise TooLarge(f"a request may have {uploads.maximum >> 20} MiB")
        form = FileForm(uploads.archive, request.headers.get("content-type", ""), uploads.maximum)
        try:
            async for block in blocks(request):
                await run_in_threadpool(form.feed, block)
            form.close()
            taken = await run_in_threadpool(_take_all, uploads, form, _origin(request))
        except ClientDisconnect:
            raise WebError("the request has ended too early") from None
        except TimeoutError:
            return problem("Timeout", 408, f"no byte has come for {IDLE:.0f} seconds")
        finally:
            await run_in_threadpool(form.discard)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"files": [_describe(each) for each in taken]}, _status(taken))
        return _page(request, uploads.token(), form.fields, taken)

    return router


def _open(uploads: Uploads | None) -> Uploads:
    if uploads is None:
        raise NotFound("nothing is taken here")
    return uploads


def _page(
    request: Request, token: str, fields: Mapping[str, str], taken: tuple[Taken, ...]
) -> Response:
    shown = {"wrapping": Wrapping.SC.value, "body_part": "CHEST", "modality": "DX"}
    shown |= {"orientation": "L\\F", "study_date": f"{date.today()}"}
    context = {"token": token, "said": shown | dict(fields), "taken": taken} | _CHOICES
    answer: Response = templates.TemplateResponse(request, "upload.html", context)
    answer.status_code = _status(taken)
    return answer


def _take_all(uploads: Uploads, form: FileForm, origin: str) -> tuple[Taken, ...]:
    fields = form.fields
    first = fields.get("number", "1")
    number = int(first) if first.isascii() and first.isdigit() and len(first) < 6 else 0
    # A browser sends an empty part where no file was chosen.
    files = [each for each in form.files if each.size or each.name]
    if not files:
        raise WebError("there is no file in the request")
    taken = []
    for place, each in enumerate(files):
        token = fields.get("token", "")
        taken.append(
            uploads.take(
                each.path, each.name, origin, partial(read_facts, fields), token, number + place
            )
        )
    return tuple(taken)


def read_facts(fields: Mapping[str, str]) -> Facts:
    """Read the form. Raises `InvalidFacts` where it is not even one; `Facts` checks the rest."""
    try:
        wrapping = Wrapping(fields.get("wrapping", Wrapping.SC.value))
    except ValueError:
        raise InvalidFacts("A picture is kept as SC or as DX.") from None
    family, given = fields.get("family", ""), fields.get("given", "")
    if "^" in family + given or "=" in family + given:
        raise InvalidFacts("A name has no ^ and no =.")
    return Facts(
        wrapping=wrapping,
        patient_id=fields.get("patient_id", ""),
        patient_name=f"{family}^{given}" if given else family,
        birth_date=_date(fields, "birth_date"),
        sex=fields.get("sex", ""),
        study_date=_date(fields, "study_date"),
        study_description=fields.get("study_description", ""),
        accession_number=fields.get("accession_number", ""),
        modality="DX" if wrapping is Wrapping.DX else fields.get("modality", "DX"),
        body_part=fields.get("body_part", "CHEST"),
        view=fields.get("view", ""),
        laterality=fields.get("laterality", ""),
        orientation=fields.get("orientation", "L\\F"),
        pixel_spacing_mm=fields.get("pixel_spacing_mm", "").replace(",", "."),
        has_text=fields.get("has_text", "") == "yes",
    )


def _date(fields: Mapping[str, str], name: str) -> str:
    said = fields.get(name, "")
    return date_key(said) or said


def _describe(taken: Taken) -> dict[str, Any]:
    study = taken.study_instance_uid
    return {
        "name": taken.name,
        "study": study,
        "url": f"/studies/{study}" if study and not taken.problem else "",
        "receipt": taken.receipt.value if taken.receipt else "",
        "problem": taken.problem,
        "again": taken.again,
    }


def _status(taken: tuple[Taken, ...]) -> int:
    """Return 422 where nothing was taken, or 503 where it may be another time."""
    if not taken or any(not each.problem for each in taken):
        return 200
    return 503 if all(each.again for each in taken) else 422


def _origin(request: Request) -> str:
    return request.client.host if request.client else ""
