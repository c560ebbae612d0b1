"""`wetread incidents`: what was set aside, and what somebody decided about it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from inference.domain.errors import InputError
from inference.domain.incident import (
    Decision,
    Incident,
    IncidentKind,
    IncidentQuery,
    IncidentState,
)
from wetread import settings
from wetread.bootstrap import look_into_stores, open_filled_stores
from wetread.cli.output import AsJson, console, print_json
from wetread.incidents import build_desk, bytes_of, describe_incident, say_compared
from wetread.versions import operator

app = typer.Typer(
    no_args_is_help=True,
    help="What was set aside, and what became of it: list, show, export, resolve.",
)

Number = Annotated[int, typer.Argument(min=1, help="The incident's number.")]


@app.command("list")
def list_incidents(
    everything: Annotated[
        bool, typer.Option("--all", help="Resolved ones, too: who decided what, and why.")
    ] = False,
    kind: Annotated[IncidentKind | None, typer.Option(help="Only of this kind.")] = None,
    study: Annotated[str, typer.Option(help="Only of this Study Instance UID.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List open incidents, the newest first. Prints no patient data."""
    query = IncidentQuery(None if everything else IncidentState.OPEN, kind, study, limit)
    stores = look_into_stores(settings.load())
    try:
        found = stores.incidents.incidents(query)
    finally:
        stores.close()
    if as_json:
        print_json([describe_incident(each) for each in found])
        return
    if not found:
        console.print("Nothing is open." if not everything else "Nothing was ever set aside.")
        return
    for each in found:
        _print_line(each)


@app.command("show")
def show_incident(
    incident: Number,
    values: Annotated[
        bool, typer.Option("--values", help="Also what differs: this prints patient data.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say all that is known of an incident, and how it differs from what is archived."""
    from wetread.differences import describe_difference  # it imports what no other command needs

    stores = look_into_stores(settings.load())
    try:
        found = build_desk(stores).find(incident)
        difference = describe_difference(stores, found, values=values)
    finally:
        stores.close()
    if as_json:
        print_json(describe_incident(found) | {"difference": difference})
    else:
        _print(found, difference, values=values)


@app.command("export")
def export_incident(
    incident: Number,
    file: Annotated[Path, typer.Argument(help="A new file, for the bytes as they came.")],
    as_json: AsJson = False,
) -> None:
    """Write the bytes that were set aside to a file. They may name a patient."""
    stores = look_into_stores(settings.load())
    try:
        found = build_desk(stores).find(incident)
        aside = bytes_of(stores, found)
        if aside is None:
            raise InputError(f"the bytes of incident {incident} were removed")
        try:
            with aside.open("rb") as source, file.open("xb") as target:
                shutil.copyfileobj(source, target)
                size = target.tell()
        except FileExistsError:
            raise InputError(f"{file} exists already") from None
        except OSError as error:
            raise InputError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        stores.close()
    if as_json:
        print_json({"incident": incident, "file": str(file), "bytes": size})
    else:
        console.print(f"{file}: {size} bytes", markup=False, highlight=False, soft_wrap=True)


@app.command("resolve")
def resolve_incidents(
    incidents: Annotated[list[int] | None, typer.Argument(help="Their numbers.")] = None,
    why: Annotated[str, typer.Option(help="Why; it goes into the history.")] = "",
    decision: Annotated[
        Decision | None,
        typer.Option(
            "--as",
            help="kept: what the archive holds stands. resent: what was meant came another way. "
            "dismissed: nobody needs it. same: it is the same image, which is compared first.",
            show_default="kept for a conflict, dismissed for what is unreadable",
        ),
    ] = None,
    study: Annotated[str, typer.Option(help="All open ones of this Study Instance UID.")] = "",
    who: Annotated[
        str, typer.Option("--by", help="Who decides.", show_default="the user's name")
    ] = "",
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove the bytes at once, and for good.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what became of incidents, so that they no longer count as open.

    What the archive holds is not changed. The bytes go with the study's images, or at once.
    """
    if bool(incidents) == bool(study):
        raise typer.BadParameter("say either numbers or --study")
    if not why.strip():
        raise typer.BadParameter("say why, with --why")
    stores = open_filled_stores(settings.load())
    try:
        desk = build_desk(stores)
        numbers = list(dict.fromkeys(incidents or ())) or [
            each.incident_id
            for each in stores.incidents.incidents(
                IncidentQuery(IncidentState.OPEN, study_instance_uid=study, limit=100_000)
            )
        ]
        if not numbers:
            raise InputError(f"no incident of the Study {study} is open")
        done = [
            desk.resolve(
                number,
                decision or _usual(desk.find(number)),
                why,
                who or operator(),
                remove=remove,
            )
            for number in numbers
        ]
    finally:
        stores.close()
    if as_json:
        print_json([describe_incident(each) for each in done])
    else:
        _print_resolved(done)


def _usual(incident: Incident) -> Decision:
    conflict = incident.kind is IncidentKind.CONFLICT
    return Decision.KEPT if conflict else Decision.DISMISSED


def _print_resolved(done: Sequence[Incident]) -> None:
    for each in done:
        assert each.resolution is not None
        left = "its bytes are removed" if not each.key else "its bytes are kept for now"
        console.print(
            f"incident {each.incident_id}: {each.resolution.decision}, {left}", highlight=False
        )


def _print_line(incident: Incident) -> None:
    colour = "dim" if incident.resolution else "red"
    often = f", {incident.times} times" if incident.times > 1 else ""
    came = incident.origin.calling_ae or incident.origin.source.value
    _say(
        f"[bold]{incident.incident_id}[/]  [{colour}]{incident.kind}[/]  "
        f"{_moment(incident.occurred_at)}{often}, from {escape(came)}, {_size(incident)}"
    )
    _say(f"   {escape(incident.reason)}")
    if incident.study_instance_uid:
        _say(f"   Study {incident.study_instance_uid}")
    if incident.resolution is not None:
        _say(f"   {escape(_decided(incident))}")
    elif compared := say_compared(incident):
        _say(f"   Compared with the archived image: {compared}")


def _say(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


def _moment(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "unknown"


def _size(incident: Incident) -> str:
    if not incident.key:
        return f"bytes removed {_moment(incident.removed_at)}"
    return "its bytes are kept" if incident.size is None else f"{incident.size:,} bytes"


def _decided(incident: Incident) -> str:
    said = incident.resolution
    if said is None:
        return "open"
    sure = "" if said.authenticated else " (as typed)"
    return f"{said.decision} by {said.who}{sure}, {_moment(said.at)}: {said.why}"


def _print(incident: Incident, difference: dict[str, Any], *, values: bool) -> None:
    came = incident.origin
    often = f", {incident.times} times, last {_moment(incident.last_at)}"
    known = {
        "Incident": f"{incident.incident_id}, {incident.kind}",
        "Reason": incident.reason,
        "Came": _moment(incident.occurred_at) + (often if incident.times > 1 else ""),
        "From": f"{came.calling_ae or 'unknown'}, by {came.source}"
        + (f", to {came.called_ae}" if came.called_ae else ""),
        "Study": incident.study_instance_uid,
        "Instance": incident.sop_instance_uid,
        "SHA-256": incident.sha256,
        "Archived": incident.against,
        "Bytes": _size(incident),
        "Key": incident.key,
        "Compared": say_compared(incident),
        "Decision": _decided(incident),
    }
    for name, text in known.items():
        if text:
            _say(f"{name:10}{escape(text)}")
    console.print(f"\n{difference['detail']}", markup=False, highlight=False)
    if not difference["attributes"]:
        return
    table = Table("Tag", "Attribute", "Change", *(("Archived", "Set aside") if values else ()))
    for each in difference["attributes"]:
        row = [" ".join((*each["path"], each["tag"])), each["keyword"] or "", each["change"]]
        if values:
            row += [each["archived"] or "", each["set_aside"] or ""]
        table.add_row(*map(escape, row))
    console.print(table)
    if not values:
        console.print("--values prints what they hold, which may name a patient.", style="dim")
