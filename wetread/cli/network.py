"""`wetread send` and `wetread echo`: what a modality does, to try a node out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from inference.domain.errors import InputError
from inference.domain.instance import Priority
from wetread.cli.output import AsJson, console, print_json


class Urgency(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


Host = Annotated[str, typer.Option(help="Where the node listens.")]
Port = Annotated[int, typer.Option(min=1, max=65535)]
Called = Annotated[str, typer.Option(help="The node's AE title.")]
Calling = Annotated[str, typer.Option(help="The AE title to call as.")]


def send(
    paths: Annotated[list[Path], typer.Argument(help="DICOM files and folders.", exists=True)],
    host: Host = "127.0.0.1",
    port: Port = 11112,
    called: Called = "WETREAD",
    calling: Calling = "WETREAD-SEND",
    priority: Annotated[Urgency, typer.Option(help="Of the C-STORE requests.")] = Urgency.MEDIUM,
    as_json: AsJson = False,
) -> None:
    """Send files by C-STORE, as a modality would. Exit code 1 if one was not taken."""
    from dicom_node.dimse.send import dicom_files, send_files

    files = list(dicom_files(paths))
    if not files:
        raise InputError("there is no DICOM file in " + ", ".join(str(each) for each in paths))
    outcomes = []
    with Progress(
        TextColumn("Sending"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=as_json,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=len(files))
        for outcome in send_files(
            files,
            host=host,
            port=port,
            called_ae=called,
            calling_ae=calling,
            priority=Priority[priority.name],
        ):
            outcomes.append(outcome)
            progress.advance(task)
    failed = [each for each in outcomes if not each.taken]
    if as_json:
        print_json(
            [
                {
                    "path": str(each.path),
                    "taken": each.taken,
                    "status": f"0x{each.status:04X}" if each.status is not None else None,
                    "message": each.message,
                }
                for each in outcomes
            ]
        )
    else:
        console.print(f"Sent {len(outcomes) - len(failed)} of {len(outcomes)} to {called}.")
        if failed:
            table = Table("File", "Why not")
            for each in failed:
                table.add_row(escape(str(each.path)), escape(each.message))
            console.print(table)
    if failed:
        raise typer.Exit(1)


def echo(
    host: Host = "127.0.0.1",
    port: Port = 11112,
    called: Called = "WETREAD",
    calling: Calling = "WETREAD-ECHO",
    as_json: AsJson = False,
) -> None:
    """Ask by C-ECHO whether a node answers."""
    from dicom_node.dimse.echo import echo as ask

    seconds = ask(host, port, called_ae=called, calling_ae=calling)
    if as_json:
        print_json({"host": host, "port": port, "called": called, "seconds": round(seconds, 4)})
    else:
        console.print(f"{called} at {host}:{port} answers after {seconds * 1000:.0f} ms.")
