"""`wetread demo`: the main job on real images, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from wetread.cli.output import AsJson, console, print_json

if TYPE_CHECKING:
    from wetread.demo import Row


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="Stop when the results are in.")] = False,
    folder: Annotated[Path, typer.Option(help="Made anew; holds all that the demo writes.")] = Path(
        "wetread-demo"
    ),
    as_json: AsJson = False,
) -> None:
    """Start a node and an Orthanc, send four real studies, and show what comes back."""
    from wetread.demo import Demo

    stages = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=as_json,
    )
    with Demo(folder.absolute()) as running:
        with stages:
            starting = stages.add_task("Starting the node", total=running.services)
            for _ in running.start():
                stages.advance(starting)
            sending = stages.add_task("Sending, as a modality would", total=running.studies)
            for _ in running.send():
                stages.advance(sending)
            reading = stages.add_task("Reading and reporting", total=running.studies)
            for done in running.wait():
                stages.update(reading, completed=done)
        rows = running.rows()
        if as_json:
            print_json([row.as_dict() for row in rows])
        else:
            _print(rows, running.notes)
            console.print(f"\nPictures and reports: {running.results}")
            if not leave:
                console.print(f"Open {running.address}")
                if running.orthanc_address:
                    console.print(
                        f"Orthanc, with the results in each study: {running.orthanc_address}"
                    )
        missing = [row for row in rows if not row.report_uid]
        if missing:
            raise typer.Exit(1)
        if not leave:
            console.print("The node keeps running; Ctrl-C stops it.")
            running.stay()


def _print(rows: list[Row], notes: list[str]) -> None:
    table = Table(show_lines=True)
    table.add_column("Patient")
    table.add_column("Modality")
    table.add_column("Recognised")
    table.add_column("Finding and certainty", ratio=3)
    table.add_column("Report and overlay (SOP Instance UID)", ratio=3, overflow="fold")
    table.add_column("Seconds", justify="right")
    for row in rows:
        uids = "\n".join(each for each in (row.report_uid, row.overlay_uid) if each)
        table.add_row(
            row.patient, row.modality, row.recognised, row.answer, uids, f"{row.seconds:.1f}"
        )
    console.print(table)
    for note in notes:
        console.print(f"[yellow]{note}[/]")
