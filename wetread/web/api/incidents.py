"""What was set aside, and what somebody decided about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dicom_node.archive.difference import Change
from dicom_node.pixels.comparison import Outcome
from inference.domain.errors import InvalidResolution, UnreadableInstance, UnreadablePixels
from inference.domain.incident import (
    Comparison,
    Decision,
    Incident,
    IncidentKind,
    IncidentQuery,
    IncidentState,
)
from inference.domain.instance import Source
from inference.domain.uid import check_uid
from wetread.bootstrap import Stores
from wetread.difference_pictures import Side, picture_of
from wetread.differences import describe_difference
from wetread.incidents import build_desk, bytes_of, describe_incident
from wetread.web.api.links import Links
from wetread.web.api.paging import LINKED, Filter, Page, before, cut, with_link
from wetread.web.api.parameters import IncidentNumber
from wetread.web.api.route import CHANGES, PREFIX, ApiRoute, Shown, problems, router
from wetread.web.problems import Gone, NotAuthenticated, NotFound

_BYTES, _PNG = "application/octet-stream", "image/png"


class ResolutionShown(Shown):
    decision: Decision
    why: str
    who: str
    authenticated: bool = Field(
        description="A proxy says so, or it is Wetread itself; else it is what was typed."
    )
    at: AwareDatetime


class IncidentBody(Shown):
    """Bytes that were set aside, and why. Nothing in it says who the patient is."""

    incident: int = Field(description="Its number.")
    url: str
    state: IncidentState
    kind: IncidentKind
    reason: str
    occurred_at: AwareDatetime | None
    times: int = Field(description="How often these bytes were sent.")
    last_at: AwareDatetime | None
    source: Source
    calling_ae: str
    called_ae: str
    study_instance_uid: str | None = Field(description="Null where it cannot be read.")
    sop_instance_uid: str | None
    sha256: str | None = Field(description="Of the data set.")
    archived_sha256: str | None = Field(description="Of what was held under the same UID.")
    bytes: int | None
    compared: Comparison | None = Field(
        description="What came of comparing it with what is archived; null before that begins."
    )
    key: str | None = Field(description="Where the archive has it; null once it was removed.")
    removed_at: AwareDatetime | None
    resolution: ResolutionShown | None


class AttributeDifferenceShown(Shown):
    path: list[str] = Field(description="The sequences around it.", examples=[["(0040,0275)"]])
    tag: str = Field(examples=["(0010,0010)"])
    keyword: str | None = Field(examples=["PatientName"])
    change: Change = Field(description="`added` is only in what was set aside.")
    archived: str | None = Field(description="Null unless `values` is asked for.")
    set_aside: str | None


class TransferSyntaxes(Shown):
    archived: str
    set_aside: str


class PixelDifferenceShown(Shown):
    """A pixel counts once, whichever of its samples differ."""

    pixels: int = Field(ge=1, description="How many differ.")
    of: int = Field(description="How many there are, in all frames.")
    largest: int | float | None = Field(
        description="By how much at most, in stored values; null where one is no number."
    )
    frames: list[int] = Field(description="Which frames differ, from 1; the first 100.")
    frames_differing: int
    frames_of: int = Field(description="How many frames there are.")


class DifferenceShown(Shown):
    """How what was set aside differs from what the archive holds under the same UID."""

    comparable: bool
    same: bool = Field(description="It is the same image, encoded otherwise.")
    detail: str
    pixels: Outcome | None = Field(
        description="Of decoded values, however they are compressed. Null where neither has any."
    )
    pixel_detail: str | None = Field(
        description="In words: how they differ, or why they cannot be compared.",
        examples=["12 of 4,096, by 3 at most"],
    )
    pixel_difference: PixelDifferenceShown | None = Field(description="Null unless they differ.")
    transfer_syntaxes: TransferSyntaxes | None
    attributes: list[AttributeDifferenceShown]


class IncidentFilter(Filter):
    state: IncidentState | None = None
    kind: IncidentKind | None = None
    decision: Decision | None = None
    study_instance_uid: str = Field(default="", max_length=64)


class ResolutionBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    decision: Decision = Field(
        description="`kept`: what the archive holds stands. `resent`: what was meant has come "
        "whole, or under a UID of its own. `dismissed`: nobody needs it. `same`: it is the same "
        "image, encoded otherwise, which is compared first."
    )
    why: str = Field(min_length=1, max_length=2000)
    who: str = Field(default="", max_length=200, description="Who decides, where no proxy says it.")
    remove: bool = Field(default=False, description="Remove the bytes at once, and for good.")


class BytesRoute(ApiRoute):
    offers = (_BYTES,)


class PictureRoute(ApiRoute):
    offers = (_PNG,)


def build_incidents(stores: Stores, header: str) -> Sequence[APIRouter]:
    """`header` names the one in which a trusted proxy says who it is, "" for none."""
    api = router("incidents")

    @api.get("/incidents", responses=problems(400) | {200: LINKED})
    def list_incidents(
        asked: Annotated[IncidentFilter, Query()], request: Request, response: Response
    ) -> Page[IncidentBody]:
        """What was set aside, the newest first; resolved ones are the history."""
        study = asked.study_instance_uid
        found = stores.incidents.incidents(
            IncidentQuery(
                asked.state,
                asked.kind,
                check_uid(study) if study else "",
                asked.limit + 1,
                before("incident", asked.cursor),
                (asked.decision,) if asked.decision else (),
            )
        )
        links = Links(request)
        page = cut(
            "incident",
            found,
            asked.limit,
            lambda each: each.incident_id,
            lambda each: shown_incident(each, links),
        )
        return with_link(page, request, response)

    @api.get("/incidents/{incident_id}", responses=problems(404))
    def get_incident(incident_id: IncidentNumber, request: Request) -> IncidentBody:
        """One incident."""
        return shown_incident(build_desk(stores).find(incident_id), Links(request))

    @api.get("/incidents/{incident_id}/difference", responses=problems(404))
    def get_difference(
        incident_id: IncidentNumber,
        values: Annotated[
            bool, Query(description="Also what the attributes hold, which may name a patient.")
        ] = False,
    ) -> DifferenceShown:
        """How it differs from what the archive holds under the same UID. It reads both."""
        found = build_desk(stores).find(incident_id)
        return DifferenceShown(**describe_difference(stores, found, values=values))

    @api.post("/incidents/{incident_id}/resolve", responses=problems(401, 404, 409, *CHANGES))
    def resolve_incident(
        incident_id: IncidentNumber, body: ResolutionBody, request: Request
    ) -> IncidentBody:
        """Say what became of it. What the archive holds is not changed."""
        done = build_desk(stores).resolve(
            incident_id,
            body.decision,
            body.why,
            _who(body.who, request, header),
            authenticated=bool(header),
            remove=body.remove,
        )
        return shown_incident(done, Links(request))

    files = APIRouter(prefix=PREFIX, tags=["incidents"], route_class=BytesRoute)

    @files.get(
        "/incidents/{incident_id}/bytes",
        response_class=FileResponse,
        responses=problems(404, 410)
        | {200: {"content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}}}},
    )
    def get_bytes(incident_id: IncidentNumber) -> FileResponse:
        """The bytes as they came. They may name a patient, and need not be DICOM."""
        found = build_desk(stores).find(incident_id)
        path = bytes_of(stores, found)
        if path is None:
            raise Gone(f"the bytes of incident {incident_id} were removed")
        return FileResponse(
            path,
            media_type=_BYTES,
            filename=f"incident-{incident_id}.dcm",
            headers={"Cache-Control": "no-store"},
        )

    drawn = APIRouter(prefix=PREFIX, tags=["incidents"], route_class=PictureRoute)

    @drawn.get(
        "/incidents/{incident_id}/pictures/{side}",
        response_class=Response,
        responses=problems(404, 410)
        | {200: {"content": {_PNG: {"schema": {"type": "string", "format": "binary"}}}}},
    )
    def get_picture(
        incident_id: IncidentNumber,
        side: Side,
        frame: Annotated[int, Query(ge=1, le=2**31 - 1, description="From 1.")] = 1,
    ) -> Response:
        """What is archived, what was set aside, or where their pixels differ. Of a conflict.

        At most 1,024 pixels each way. What is burned in may name a patient.
        """
        found = build_desk(stores).find(incident_id)
        if found.kind is not IncidentKind.CONFLICT:
            raise NotFound(f"incident {incident_id} is no conflict, so there is no picture of it")
        try:
            picture = picture_of(stores, found, side, frame)
        except (UnreadableInstance, UnreadablePixels) as error:
            raise NotFound(f"there is no such picture: {error}") from error
        if picture is None:
            raise Gone(f"there are not both images of incident {incident_id} any more")
        return Response(picture, media_type=_PNG, headers={"Cache-Control": "no-store"})

    return (api, files, drawn)


def shown_incident(incident: Incident, links: Links) -> IncidentBody:
    said = describe_incident(incident)
    return IncidentBody(url=links.api("incidents", incident.incident_id), **said)


def _who(told: str, request: Request, header: str) -> str:
    """Return who it is: by the header where one is trusted, and then by nothing else."""
    if not header:
        return told
    known = request.headers.get(header, "").strip()
    if not known:
        raise NotAuthenticated(f"the request has no header {header}")
    if told not in ("", known):
        raise InvalidResolution("`who` is not who the proxy says; leave it out")
    return known
