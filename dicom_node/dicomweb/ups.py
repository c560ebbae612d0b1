"""The Worklist service (PS3.18 Chapter 11): UPS-RS."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from dicom_node.dicomweb.context import PREFIX, Worklisting, service_url
from dicom_node.dicomweb.problems import Conflict, Forbidden, NotFound, WebError
from dicom_node.dicomweb.query import flag
from dicom_node.dicomweb.responses import Model, data_sets
from dicom_node.dicomweb.ups_body import read_data_set
from dicom_node.dicomweb.ups_query import read_filter, read_workitem_query
from inference.domain import workitem as ups
from inference.domain.errors import (
    DuplicateWorkitem,
    InvalidWorkitem,
    UnknownWorkitem,
    WorkitemConflict,
    WorkitemError,
    WrongTransaction,
)
from inference.domain.uid import check_uid
from inference.domain.workitem import StepState, Workitem, text
from inference.domain.workitem_event import FILTERED, GLOBAL
from inference.ports import Subscription

T = TypeVar("T")

_AE_TITLE: Final = re.compile(r"[ -\[\]-~]{1,16}")  # PS3.5 Table 6.2-1
_AFFECTED_UID: Final = "00001000"
_ITEM: Final = PREFIX + "/workitems/{workitem}"
_SUBSCRIBER: Final = _ITEM + "/subscribers/{aetitle}"
_INCONSISTENT: Final = (
    "The submitted request is inconsistent with the current state of the Workitem."
)
_ALREADY: Final = "The UPS is already in the requested state of {}."
_MODIFIED: Final = "The Workitem was created with modifications."
_ANYBODY: Final = "ANONYMOUS"  # who asks to cancel and does not say


def add_worklist(router: APIRouter, context: Worklisting) -> None:
    """Add the resources of Table 11.3-1."""
    worklist = context.worklist

    @router.post(PREFIX + "/workitems", status_code=201)
    async def create_workitem(request: Request) -> Response:
        """Create a workitem."""
        check_origin(request.headers, context.origins)
        said = await read_data_set(request)
        named = _named(request, "workitem") or text(said, _AFFECTED_UID)
        uid = check_uid(named or text(said, ups.SOP_INSTANCE_UID) or _new_uid())
        said = {tag: each for tag, each in said.items() if tag != _AFFECTED_UID}
        made, more = await _call(request, lambda: worklist.create(uid, said))
        headers = {"Location": f"{service_url(request)}/workitems/{made.workitem_uid}"}
        if more:
            headers |= _warning(request, _MODIFIED)
        return Response(status_code=201, headers=headers)

    @router.get(PREFIX + "/workitems")
    def search_workitems(request: Request) -> Response:
        """Search for workitems."""
        return _search(request, context)

    @router.get(_ITEM)
    def retrieve_workitem(request: Request, workitem: str) -> Response:
        """Retrieve a workitem."""
        item = _translated(request, lambda: worklist.find(check_uid(workitem)))
        url = f"{service_url(request)}/workitems/{item.workitem_uid}"
        return data_sets(request, [_model(item, request)], {"Content-Location": url})

    @router.post(_ITEM)
    async def update_workitem(request: Request, workitem: str) -> Response:
        """Change what a workitem says."""
        check_origin(request.headers, context.origins)
        uid = check_uid(workitem)
        said = await read_data_set(request)
        owner = _named(request, "transaction-uid") or text(said, ups.TRANSACTION_UID)
        changes = {tag: each for tag, each in said.items() if tag != ups.TRANSACTION_UID}
        await _call(request, lambda: worklist.update(uid, changes, owner))
        return Response(status_code=200)

    @router.put(_ITEM + "/state")
    async def change_workitem_state(request: Request, workitem: str) -> Response:
        """Claim, complete or cancel a workitem."""
        check_origin(request.headers, context.origins)
        uid = check_uid(workitem)
        said = await read_data_set(request)
        state, owner = text(said, ups.STATE), text(said, ups.TRANSACTION_UID)
        changed = await _call(request, lambda: worklist.change_state(uid, state, owner))
        return _done(request, 200, "" if changed else _ALREADY.format(state))

    @router.post(_ITEM + "/cancelrequest", status_code=202)
    async def request_cancellation(request: Request, workitem: str) -> Response:
        """Ask to cancel a workitem."""
        check_origin(request.headers, context.origins)
        uid = check_uid(workitem)
        said = await read_data_set(request, optional=True)
        by = check_ae_title(request.query_params.get("requester") or _ANYBODY)
        changed = await _call(request, lambda: worklist.request_cancel(uid, said, by))
        return _done(request, 202, "" if changed else _ALREADY.format(StepState.CANCELED))

    @router.post(_SUBSCRIBER, status_code=201)
    def subscribe(request: Request, workitem: str, aetitle: str) -> Response:
        """Be told of a workitem, or of all."""
        check_origin(request.headers, context.origins)
        subscription = _subscription(request, check_uid(workitem), check_ae_title(aetitle))
        _translated(request, lambda: worklist.subscribe(subscription))
        address = service_url(request).replace("http", "ws", 1)
        headers = {"Content-Location": f"{address}/subscribers/{subscription.ae_title}"}
        return Response(status_code=201, headers=headers)

    @router.delete(_SUBSCRIBER)
    def unsubscribe(request: Request, workitem: str, aetitle: str) -> Response:
        """Be told no longer."""
        check_origin(request.headers, context.origins)
        uid, ae_title = check_uid(workitem), check_ae_title(aetitle)
        _translated(request, lambda: worklist.unsubscribe(ae_title, uid))
        return Response(status_code=200)

    @router.post(_SUBSCRIBER + "/suspend")
    def suspend(request: Request, workitem: str, aetitle: str) -> Response:
        """Be told of no new workitems."""
        check_origin(request.headers, context.origins)
        uid, ae_title = check_uid(workitem), check_ae_title(aetitle)
        _translated(request, lambda: worklist.suspend(ae_title, uid))
        return Response(status_code=200)


def check_ae_title(value: str) -> str:
    """Raises `WebError`."""
    if not value.strip() or not _AE_TITLE.fullmatch(value.strip()):
        raise WebError("an AE title has 1 to 16 characters, without backslash")
    return value.strip()


def check_origin(headers: Headers, allowed: frozenset[str]) -> None:
    """Keep off what a foreign page asks in the name of whoever looks at it: `Forbidden`."""
    origin = headers.get("origin")
    hosts = {headers.get("host", ""), headers.get("x-forwarded-host", "")} - {""}
    if origin is None or "*" in allowed or origin in allowed:
        return
    if urlsplit(origin).netloc not in hosts:
        raise Forbidden("a page of another origin may not change the worklist")


def _new_uid() -> str:
    return f"2.25.{uuid.uuid4().int}"


def _named(request: Request, name: str) -> str:
    """Return the UID of a query; the standard's template has no name before it."""
    query = request.query_params
    if name in query:
        return check_uid(query[name])
    bare = [key for key, value in query.multi_items() if not value and key[:1].isdigit()]
    return check_uid(bare[0]) if bare else ""


def _subscription(request: Request, uid: str, ae_title: str) -> Subscription:
    query = request.query_params
    conditions = read_filter(query["filter"]) if query.get("filter") else ()
    if (uid == FILTERED) != bool(conditions):
        raise WebError(f"a filter comes with a subscription to {FILTERED}, and with no other")
    if uid == GLOBAL and conditions:
        raise WebError("a subscription to all has no filter")
    locked = flag(dict(query), "deletionlock")
    return Subscription(ae_title, uid, locked=locked, conditions=conditions)


def _search(request: Request, context: Worklisting) -> Response:
    query = read_workitem_query(request.query_params.multi_items())
    worklist, limit = context.worklist, query.search.limit
    found = _translated(request, lambda: worklist.search(query.search)) if limit else ()
    warnings = list(query.warnings)
    if len(found) == limit and limit and worklist.search(query.search.following(1)):
        warnings.append("There are additional results that can be requested.")
    headers = _warning(request, *warnings)
    if not found:
        return Response(status_code=204, headers=headers)

    def models() -> Iterator[Model]:
        for item in found:
            yield _model(worklist.complete(item), request)

    return data_sets(request, models(), headers)


def _model(item: Workitem, request: Request) -> Model:
    """Return the workitem as it is shown: the URLs that are our own are whole."""
    service = service_url(request)
    shown = {tag: _whole(each, service) for tag, each in item.complete.items()}
    return dict(sorted(shown.items()))


def _whole(attribute: Mapping[str, Any], service: str) -> Mapping[str, Any]:
    if attribute.get("vr") == "UR":
        urls = [
            f"{service}/{each}" if str(each).startswith("studies/") else each
            for each in attribute.get("Value", ())
        ]
        return {"vr": "UR", "Value": urls} if urls else attribute
    if attribute.get("vr") != "SQ" or not attribute.get("Value"):
        return attribute
    return {
        "vr": "SQ",
        "Value": [
            {tag: _whole(each, service) for tag, each in (item or {}).items()}
            for item in attribute["Value"]
        ],
    }


def _done(request: Request, status: int, warning: str) -> Response:
    headers = _warning(request, warning) if warning else {}
    return Response(status_code=status, headers=headers)


def _warning(request: Request, *texts: str) -> dict[str, str]:
    service = service_url(request)
    return {"Warning": ", ".join(f'299 {service} "{each}"' for each in texts)} if texts else {}


async def _call(request: Request, action: Callable[[], T]) -> T:
    return await run_in_threadpool(_translated, request, action)


def _translated(request: Request, action: Callable[[], T]) -> T:
    """Do it; what the worklist refuses becomes a status and a Warning (Tables 11.n.3-1, -2)."""
    try:
        return action()
    except UnknownWorkitem as error:
        raise NotFound(str(error)) from error
    except DuplicateWorkitem as error:
        raise Conflict(str(error)) from error
    except WorkitemConflict as error:
        raise Conflict(str(error), _warning(request, _INCONSISTENT)) from error
    except WrongTransaction as error:
        raise WebError(str(error), _warning(request, str(error))) from error
    except InvalidWorkitem as error:
        raise WebError(str(error), _warning(request, _INCONSISTENT)) from error
    except WorkitemError as error:
        raise WebError(str(error)) from error
