"""Results as FHIR R4 at `/fhir`: to be read and searched, never written."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from inference.domain.errors import UnknownModel
from inference.domain.listing import Listed, ResultQuery
from inference.domain.manifest import Manifest
from inference.domain.result import Outcome, Role
from structured_reports.text import report_as_text
from wetread.bootstrap import VERSION, Stores, SystemClock
from wetread.fhir import Source, diagnostic_report, observation, observations
from wetread.fhir.bundle import searchset
from wetread.fhir.capability import PARAMETERS, capability_statement
from wetread.shelf import Shelf
from wetread.web.api.links import Links
from wetread.web.api.paging import cursor_of
from wetread.web.fhir_answers import FHIR_JSON, PREFIX, FhirResponse, FhirRoute
from wetread.web.fhir_search import CURSOR, ReportSearch, check_format, read_search
from wetread.web.problems import InvalidSearch, NotFound

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")  # R4, Section 2.24.0.1, id
_BATCH = 100  # results that are looked through at once

Identity = Annotated[
    str,
    Path(
        description="The resource's `id`.",
        json_schema_extra={"pattern": r"^[A-Za-z0-9.\-]{1,64}$"},
    ),
]


def _outcomes(*statuses: int) -> dict[int | str, dict[str, Any]]:
    schema = {"schema": {"type": "object", "required": ["resourceType", "issue"]}}
    return {
        status: {"description": "An OperationOutcome.", "content": {FHIR_JSON: schema}}
        for status in (*statuses, 406, 503)
    }


_SEARCHED = [
    {
        "name": name,
        "in": "query",
        "description": text,
        "schema": {"type": "string"},
    }
    for name, (_, text) in PARAMETERS.items()
    if name not in ("patient", "subject")
] + [
    {
        "name": "_count",
        "in": "query",
        "description": "Reports of a page, 100 at most.",
        "schema": {"type": "integer", "minimum": 0},
    }
]
_FORM = {
    "requestBody": {
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "patient:identifier": {"type": "string"},
                        **{name: {"type": "string"} for name in ("study", "status", "issued")},
                    },
                    "additionalProperties": False,
                }
            }
        },
        "required": True,
    }
}


def build_fhir(stores: Stores, shelf: Shelf | None) -> APIRouter:
    router = APIRouter(
        prefix=PREFIX,
        tags=["FHIR"],
        route_class=FhirRoute,
        default_response_class=FhirResponse,
    )
    started = SystemClock().now()

    def source(listed: Listed, links: Links) -> Source:
        report = next((each for each in listed.result.objects if each.role is Role.REPORT), None)
        if report is None:
            return Source(listed, _manifest(shelf, listed))
        try:
            text = report_as_text(stores.archive.path(report.key).read_bytes())
        except FileNotFoundError:
            text = ""
        return Source(listed, _manifest(shelf, listed), links.object(report), text)

    def find(identity: str) -> Listed:
        if not _ID.fullmatch(identity):
            raise InvalidSearch("an id has 1 to 64 letters, digits, dots and hyphens")
        known = identity.isascii() and identity.isdigit() and len(identity) < 19
        found = stores.listing.result(int(identity)) if known else None
        if found is None:
            raise NotFound(f"there is no resource {identity}")
        return found

    def search(request: Request, asked: ReportSearch, parameters: list[tuple[str, str]]) -> Any:
        links = Links(request)
        matched, following = _matches(asked)
        reports = [source(each, links) for each in matched]
        base = links.base + PREFIX
        kept = [each for each in parameters if each[0] != CURSOR]
        own = f"{base}/DiagnosticReport"
        included = [each for of in reports if asked.include for each in observations(of)]
        # What was searched by POST is gone on with by POST, with the same form: it stands in no
        # address.
        is_get = request.method == "GET"
        more = [(CURSOR, following)] if following else []
        at = f"{own}?{urlencode([*kept, *more])}" if is_get else f"{own}/_search?{urlencode(more)}"
        return searchset(
            base,
            f"{own}?{urlencode(parameters)}" if is_get and parameters else own,
            at if following else None,
            [diagnostic_report(each) for each in reports],
            included,
        )

    def _matches(asked: ReportSearch) -> tuple[list[Listed], str | None]:
        """Return a page, and the cursor of the next."""
        if asked.nothing or not asked.count:
            return [], None
        if asked.job is not None:
            query = replace(asked.query, before=asked.job + 1, limit=1)
            one = [each for each in stores.listing.results(query) if each.job.job_id == asked.job]
            return [each for each in one if _has_status(each, asked)], None
        found: list[Listed] = []
        query = replace(_narrowed(asked), limit=_BATCH)
        while batch := stores.listing.results(query):
            found += [each for each in batch if _has_status(each, asked)]
            if len(found) > asked.count:
                last = found[asked.count - 1].job.job_id
                return found[: asked.count], cursor_of("fhir", last)
            if len(batch) < _BATCH:
                break
            query = replace(query, before=batch[-1].job.job_id)
        return found, None

    @router.get("/metadata", responses=_outcomes())
    def metadata(request: Request) -> dict[str, Any]:
        """The CapabilityStatement: what this server can do."""
        check_format(request.query_params.get("_format", ""))
        return capability_statement(VERSION, Links(request).base + PREFIX, started)

    @router.get(
        "/DiagnosticReport", responses=_outcomes(400), openapi_extra={"parameters": _SEARCHED}
    )
    def search_reports(request: Request) -> dict[str, Any]:
        """Search for DiagnosticReports, the newest first."""
        parameters = request.query_params.multi_items()
        made: dict[str, Any] = search(request, read_search(parameters, in_address=True), parameters)
        return made

    @router.post(
        "/DiagnosticReport/_search",
        responses=_outcomes(400, 403, 413, 415),
        openapi_extra=_FORM,
    )
    async def post_search(request: Request) -> Response:
        """The same by a form, which may name the patient."""
        body = (await request.body()).decode("utf-8", "replace")
        try:
            fields = parse_qsl(body, keep_blank_values=True, max_num_fields=100)
        except ValueError:
            raise InvalidSearch("there are too many parameters") from None
        parameters = [*request.query_params.multi_items(), *fields]
        read_search(request.query_params.multi_items(), in_address=True)
        asked = read_search(parameters, in_address=False)
        return FhirResponse(await run_in_threadpool(search, request, asked, parameters))

    @router.get("/DiagnosticReport/{identity}", responses=_outcomes(400, 404))
    def read_report(identity: Identity, request: Request) -> dict[str, Any]:
        """A result as a DiagnosticReport."""
        if identity == "_search":
            raise HTTPException(405, headers={"Allow": "POST"})
        check_format(request.query_params.get("_format", ""))
        return diagnostic_report(source(find(identity), Links(request)))

    @router.get("/Observation/{identity}", responses=_outcomes(400, 404))
    def read_observation(identity: Identity, request: Request) -> dict[str, Any]:
        """A finding as an Observation."""
        check_format(request.query_params.get("_format", ""))
        job, _, number = identity.rpartition(".")
        listed = find(job if _ID.fullmatch(identity) and job else identity)
        made = None
        if number.isascii() and number.isdigit() and len(number) < 7 and job:
            made = observation(Source(listed, _manifest(shelf, listed)), int(number))
        if made is None:
            raise NotFound(f"there is no Observation {identity}")
        return made

    return router


def _narrowed(asked: ReportSearch) -> ResultQuery:
    """Return the query with what a status says of a result: the rest is up to its reviews."""
    if not asked.statuses:
        return asked.query
    if asked.statuses == {"cancelled"}:
        return replace(asked.query, outcome=Outcome.NOT_ASSESSED)
    if "cancelled" in asked.statuses:
        return asked.query
    reviewed = True if asked.statuses == {"final"} else None
    return replace(asked.query, outcome=Outcome.ASSESSED, reviewed=reviewed)


def _has_status(listed: Listed, asked: ReportSearch) -> bool:
    return not asked.statuses or Source(listed).status in asked.statuses


def _manifest(shelf: Shelf | None, listed: Listed) -> Manifest | None:
    model = listed.result.model
    if shelf is None or model is None:
        return None
    try:
        return shelf.manifest(model)
    except UnknownModel:
        return None
