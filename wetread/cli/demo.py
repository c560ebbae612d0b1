"""`wetread demo`: the main job on real images, in one command."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
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
    # SIGTERM too must not leave the servers behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
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
                shown = next((row.viewer for row in rows if row.viewer and row.overlay_uid), "")
                if shown:
                    console.print(f"In OHIF: {shown}", soft_wrap=True)
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
    table = Table(box=box.HORIZONTALS, show_lines=True, padding=0)
    table.add_column("Patient", overflow="fold", max_width=13)
    table.add_column("Modality,\nrecognised", overflow="fold", min_width=10)
    table.add_column("Finding and certainty, report and overlay", overflow="fold", min_width=44)
    table.add_column("Seconds", justify="right")
    for row in rows:
        uids = [("report", row.report_uid), ("overlay", row.overlay_uid)]
        lines = [row.answer, *(f"[dim]{name}:\n{uid}[/]" for name, uid in uids if uid)]
        table.add_row(
            row.patient.replace("^", " "),
            f"{row.modality}\n{row.recognised}",
            "\n".join(lines),
            f"{row.seconds:.1f}",
        )
    console.print(table)
    for note in notes:
        console.print(f"[yellow]{note}[/]")
