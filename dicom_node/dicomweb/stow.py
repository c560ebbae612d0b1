"""The Store transaction (PS3.18 Section 10.5): STOW-RS.

The whole request is on the disk before the first Instance goes through the door, so a broken
one leaves nothing behind; and each Instance that is answered for is as safe as after a C-STORE.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from dicom_node.dicomweb.assemble import assemble, read_models
from dicom_node.dicomweb.blocks import IDLE, blocks
from dicom_node.dicomweb.context import PREFIX, Context, service_url
from dicom_node.dicomweb.media import JSON, XML, wanted
from dicom_node.dicomweb.model import attribute
from dicom_node.dicomweb.native_xml import to_xml
from dicom_node.dicomweb.problems import (
    NotAcceptable,
    TooLarge,
    UnsupportedMedia,
    WebError,
    problem,
)
from dicom_node.dicomweb.responses import Model
from dicom_node.dicomweb.upload import Upload
from dicom_node.dimse import status
from inference.domain.about import about
from inference.domain.errors import InputError, WetreadError
from inference.domain.instance import Description, Origin, Source
from inference.domain.uid import check_uid

LOG = logging.getLogger("dicom_node.dicomweb")


@dataclass(slots=True)
class _Outcome:
    """What becomes of the Instances: items of the Store Instances Response (Annex I)."""

    studies: set[str] = field(default_factory=set)
    stored: list[Model] = field(default_factory=list)
    failed: list[Model] = field(default_factory=list)
    others: list[Model] = field(default_factory=list)  # that cannot even be named
    reasons: list[int] = field(default_factory=list)


def add_store(router: APIRouter, context: Context) -> None:
    """Add the resources of Table 10.5.1-1."""

    @router.post(PREFIX + "/studies")
    async def store_instances(request: Request) -> Response:
        """Store Instances."""
        return await _store(context, request, "")

    @router.post(PREFIX + "/studies/{study}")
    async def store_instances_of_study(request: Request, study: str) -> Response:
        """Store Instances of one Study."""
        return await _store(context, request, check_uid(study))


async def _store(context: Context, request: Request, study: str) -> Response:
    _check(request, context.maximum_request)
    content_type = request.headers.get("content-type", "")
    if not content_type:
        raise UnsupportedMedia("the request has no Content-Type")
    upload = await run_in_threadpool(Upload, context.archive, content_type, context.maximum_request)
    try:
        try:
            async for block in blocks(request):
                await run_in_threadpool(upload.feed, block)
        except ClientDisconnect:
            raise WebError("the request has ended too early") from None
        except TimeoutError:
            return problem(408, "Request Timeout", f"no byte has come for {IDLE:.0f} seconds")
        await run_in_threadpool(upload.close)
        origin = Origin(Source.DICOMWEB, calling_ae=request.client.host if request.client else "")
        outcome = await run_in_threadpool(
            _take_all, context, upload, study, origin, service_url(request)
        )
    finally:
        await run_in_threadpool(upload.discard)
    return _answer(request, outcome, service_url(request))


def _check(request: Request, maximum: int) -> None:
    """Refuse what needs no reading."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        # A small message can inflate to any size; DICOM has compression of its own.
        raise UnsupportedMedia("a Content-Encoding is not taken")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length[:20]) > maximum:
        raise TooLarge(f"a request may have {maximum >> 20} MiB")
    if not any(_takes_answer(each.media, each.multipart) for each in wanted(request)):
        raise NotAcceptable(f"acceptable are {JSON} and {XML}")


def _takes_answer(media: str, in_parts: bool | None) -> bool:
    return in_parts is not True and media in (
        JSON,
        XML,
        "application/json",
        "application/*",
        "*/*",
    )


def _take_all(
    context: Context, upload: Upload, study: str, origin: Origin, service: str
) -> _Outcome:
    outcome = _Outcome()
    for path, error, names in _instances(context, upload):
        description: Description | None = None
        try:
            if error is not None:
                raise error
            with suppress(InputError):  # the intake sees the same, and keeps the bytes
                description = context.archive.describe(path)
            if description is not None and study and description.study_instance_uid != study:
                _fail(outcome, status.DOES_NOT_MATCH, description, names)
                continue
            context.intake.receive(path, origin)
        except WetreadError as cause:
            _fail(outcome, status.status_for(cause), description, names)
        except Exception as cause:
            # The boundary to the network: the sender gets a failure and keeps its copy.
            LOG.exception("an Instance was not stored: %s", type(cause).__name__)
            _fail(outcome, status.PROCESSING_FAILURE, description, names)
        else:
            assert description is not None
            outcome.studies.add(description.study_instance_uid)
            url = (
                f"{service}/studies/{description.study_instance_uid}"
                f"/series/{description.series_instance_uid}"
                f"/instances/{description.sop_instance_uid}"
            )
            reference = _reference(description.sop_class_uid, description.sop_instance_uid)
            outcome.stored.append(reference | {"00081190": attribute("UR", url)})
    return outcome


def _instances(
    context: Context, upload: Upload
) -> Iterator[tuple[Path, WetreadError | None, tuple[str, str]]]:
    """Yield each Part 10 file, or why there is none, and what its metadata call it."""
    if upload.kind != JSON:
        for part in upload.parts:
            yield part.path, None, ("", "")
        return
    first, *others = upload.parts
    bulk = {part.location: part for part in others if part.location}
    for model in read_models(first):
        names = _named(model, "00080016"), _named(model, "00080018")
        try:
            spool = assemble(context.archive, model, bulk)
        except WetreadError as error:
            yield first.path, error, names
            continue
        try:
            yield spool.path, None, names
        finally:
            spool.discard()


def _named(model: Any, tag: str) -> str:
    value = model.get(tag)
    values = value.get("Value") if isinstance(value, dict) else None
    uid = values[0] if isinstance(values, list) and values else ""
    with suppress(InputError):
        return check_uid(uid) if isinstance(uid, str) else ""
    return ""


def _reference(sop_class_uid: str, sop_instance_uid: str) -> dict[str, Any]:
    return {
        "00081150": attribute("UI", sop_class_uid),
        "00081155": attribute("UI", sop_instance_uid),
    }


def _fail(
    outcome: _Outcome, reason: int, description: Description | None, names: tuple[str, str]
) -> None:
    outcome.reasons.append(reason)
    with about(description.study_instance_uid if description else ""):
        LOG.warning("Instance not stored: 0x%04X, %s", reason, status.comment_for(reason))
    why = {"00081197": attribute("US", reason)}
    if description is not None:
        names = description.sop_class_uid, description.sop_instance_uid
    if all(names):
        outcome.failed.append(_reference(*names) | why)
    else:
        outcome.others.append(why)


def _answer(request: Request, outcome: _Outcome, service: str) -> Response:
    model: dict[str, Any] = {"00081190": {"vr": "UR"}}
    headers = {}
    if len(outcome.studies) == 1:
        url = f"{service}/studies/{next(iter(outcome.studies))}"
        model["00081190"] = attribute("UR", url)
        headers["Content-Location"] = url
    for tag, items in (
        ("00081198", outcome.failed),
        ("00081199", outcome.stored),
        ("0008119A", outcome.others),
    ):
        if items:
            model[tag] = attribute("SQ", *items)
    code = 200
    if outcome.reasons:
        code = 202 if outcome.stored else 409
        if not outcome.stored and all(each & 0xFF00 == 0xA700 for each in outcome.reasons):
            code = 503
            headers["Retry-After"] = "30"
    for each in wanted(request):
        if each.media == XML:
            return Response(to_xml(model), code, headers, XML)
        if _takes_answer(each.media, each.multipart):
            break
    # One data set, and not a list of one: the module itself (Section 10.5.3.3).
    return JSONResponse(dict(sorted(model.items())), code, headers, JSON)
