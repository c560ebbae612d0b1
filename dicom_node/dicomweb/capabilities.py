"""What this server can do (PS3.18 Section 8.9), from the routes themselves."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, APIWebSocketRoute

from dicom_node.dicomweb.context import PREFIX, service_url
from dicom_node.dicomweb.media import DICOM, JSON, OCTETS, XML, wanted
from dicom_node.dicomweb.picture import MEDIA
from dicom_node.dicomweb.problems import NotAcceptable

_WADL = "application/vnd.sun.wadl+xml"
_NAMESPACE = "http://wadl.dev.java.net/2009/02"
_SEARCH = (
    "{attribute}",
    "includefield",
    "limit",
    "offset",
    "fuzzymatching",
    "emptyvaluematching",
    "multiplevaluematching",
)
_RENDERING = ("window", "viewport", "quality", "annotation")
_OF_WORKITEMS = {  # by the end of the path, of POST
    "/workitems": ("workitem",),
    "/workitems/{workitem}": ("transaction-uid",),
    "/cancelrequest": ("requester",),
    "/subscribers/{aetitle}": ("deletionlock", "filter"),
}


def add_capabilities(router: APIRouter) -> None:
    @router.options(PREFIX)
    def options(request: Request) -> Response:
        """Retrieve capabilities."""
        return _capabilities(router, request)

    @router.get(PREFIX + "/capabilities")
    def capabilities(request: Request) -> Response:
        """Retrieve capabilities, for those who cannot send OPTIONS."""
        return _capabilities(router, request)


def _capabilities(router: APIRouter, request: Request) -> Response:
    base = service_url(request).removesuffix(PREFIX)
    for each in wanted(request):
        if each.takes(_WADL) or each.takes("application/xml"):
            return Response(_wadl(router, base), media_type=_WADL)
        if each.takes("application/json"):
            return JSONResponse({"base": base + PREFIX, "resources": _resources(router)})
    raise NotAcceptable(f"acceptable are {_WADL} and application/json")


def _resources(router: APIRouter) -> list[dict[str, object]]:
    return [
        {
            "path": re.sub(r":path}", "}", route.path),
            "method": method,
            "name": route.name,
            "parameters": list(_parameters(route.path, method)),
            "media_types": list(_media(route.path, method)),
        }
        for route in router.routes
        if isinstance(route, APIRoute | APIWebSocketRoute)
        for method in sorted(getattr(route, "methods", None) or ("GET",))
    ]


def _parameters(path: str, method: str) -> tuple[str, ...]:
    if path.endswith(("/rendered", "/thumbnail")):
        return _RENDERING
    is_search = method == "GET" and path.endswith(
        ("/studies", "/series", "/instances", "/workitems")
    )
    if method == "POST":
        return next((each for end, each in _OF_WORKITEMS.items() if path.endswith(end)), ())
    return _SEARCH if is_search else ()


def _media(path: str, method: str) -> tuple[str, ...]:
    if path.endswith(("/rendered", "/thumbnail")):
        return MEDIA
    if "/frames/" in path or "/bulkdata/" in path:
        return (OCTETS, "image/jls", "image/jp2", "image/dicom-rle", "image/*")
    if path == "/wado":
        return (DICOM, *MEDIA)
    if path.startswith(PREFIX + "/studies/") and path.endswith("}") and method == "GET":
        return (DICOM,)
    if path.startswith(PREFIX + "/workitems") and method != "GET":
        return ()
    if path.startswith(PREFIX + "/subscribers"):
        return (JSON,)
    if path in (PREFIX, PREFIX + "/capabilities"):
        return (_WADL, "application/json")
    return (JSON, XML)


def _wadl(router: APIRouter, base: str) -> bytes:
    root = Element("application", {"xmlns": _NAMESPACE})
    resources = SubElement(root, "resources", {"base": base})
    by_path: dict[str, Element] = {}
    for each in _resources(router):
        path = str(each["path"])
        if path not in by_path:
            by_path[path] = SubElement(resources, "resource", {"path": path.lstrip("/")})
        method = SubElement(
            by_path[path], "method", {"name": str(each["method"]), "id": str(each["name"])}
        )
        asked, answered = SubElement(method, "request"), SubElement(method, "response")
        for parameter in _parameters(path, str(each["method"])):
            SubElement(asked, "param", {"name": parameter, "style": "query"})
        for media in _media(path, str(each["method"])):
            SubElement(answered, "representation", {"mediaType": media})
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
