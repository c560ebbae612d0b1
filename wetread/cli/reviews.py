"""`wetread reviews`: what people said of results, and what a model can learn from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from inference.domain.errors import InputError
from inference.domain.label import labelled
from inference.domain.review import current
from wetread import settings
from wetread.bootstrap import look_into_stores
from wetread.cli.output import AsJson, console, print_json
from wetread.reviews import describe_review

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from wetread.export import Exported

app = typer.Typer(no_args_is_help=True, help="What people said of results: list, export.")


@app.command("list")
def list_reviews(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List reviews, the newest first; what a later one supersedes says so."""
    stores = look_into_stores(settings.load())
    try:
        found = stores.reviews.reviews(limit=limit)
        counting = {
            each.review_id
            for job in {each.job_id for each in found}
            for each in current(stores.reviews.of_job(job))
        }
    finally:
        stores.close()
    rows = [describe_review(each, superseded=each.review_id not in counting) for each in found]
    if as_json:
        print_json(rows)
        return
    day, verdict = Column("On", no_wrap=True), Column("Verdict", no_wrap=True)
    table = Table("Review", day, "By", "Job", "Finding", verdict, "Right", "Reason")
    for row in rows:
        style = "dim strike" if row["superseded"] else None
        # What people type is no markup; in a file or a pipe nothing is struck through.
        table.add_row(*(Text(str(each)) for each in _cells(row)), style=style)
    console.print(table)


@app.command("export")
def export_reviews(
    folder: Annotated[Path, typer.Argument(help="A new folder, for images and labels.csv.")],
    finding: Annotated[str, typer.Option(help="What `label` is of: its meaning or its code.")] = "",
    png: Annotated[bool, typer.Option("--png", help="8-bit PNG as displayed, not DICOM.")] = False,
    burned_in: Annotated[
        bool, typer.Option("--burned-in", help="Also images with text in their pixels.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a training set: reviewed images without the patient, and their labels.

    Text that is burned into the pixels stays there; such images are left out unless asked for.
    """
    from wetread.export import Export, choose_finding, open_pseudonyms

    configuration = settings.load()
    stores = look_into_stores(configuration)
    try:
        found = labelled(stores.reviews.reviewed())
        export = Export(
            folder,
            stores.index,
            stores.archive,
            open_pseudonyms(configuration.state),
            finding=choose_finding(found, finding),
            burned_in=burned_in,
            shows_text=shows_text,
            write=write_png if png else write_dicom,
        )
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=as_json,
        ) as progress:
            task = progress.add_task("exported", total=len(found))
            done = export.run(found, lambda: progress.advance(task))
    finally:
        stores.close()
    if as_json:
        print_json(_described(done, folder))
    else:
        _print(done, folder)
    if not done.cases:
        reasons = "; ".join(done.left_out)
        raise InputError(f"nothing was exported: {reasons}")


def shows_text(part10: Path) -> bool:
    """Does its picture seem to bear text? Raises `UnreadablePixels` or `CodecMissing`."""
    from dicom_node.pixels import DicomPixelReader
    from inference.worker.annotation import annotation

    return annotation(DicomPixelReader().read(part10)) is not None


def write_dicom(image: Dataset, path: Path) -> Path:
    target = path.with_name(f"{path.name}.dcm")
    image.save_as(target, enforce_file_format=True)
    return target


def write_png(image: Dataset, path: Path) -> Path:
    """Write the first frame as it is displayed."""
    import numpy as np
    from PIL import Image

    from dicom_node.pixels import DicomPixelReader

    target, read_from = path.with_name(f"{path.name}.png"), write_dicom(image, path)
    try:
        grey = DicomPixelReader().read(read_from).pixels
    finally:
        read_from.unlink()
    Image.fromarray(np.rint(grey * 255).astype(np.uint8)).save(target)
    return target


def _cells(row: dict[str, Any]) -> list[Any]:
    right = [row["presence"] or "", (row["right_finding"] or {}).get("meaning", "")]
    return [
        row["review"],
        row["reviewed_at"][:10],
        row["reviewer"]["name"] + ("" if row["reviewer"]["authenticated"] else " (as typed)"),
        row["job"],
        row["finding"] or "whole result",
        row["verdict"] + (", superseded" if row["superseded"] else ""),
        ", ".join(filter(None, right)),
        row["reason"] or "",
    ]


def _described(done: Exported, folder: Path) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "cases": done.cases,
        "images": done.images,
        "patients": len(done.patients),
        "may_be_burned_in": done.may_be_burned_in,
        "left_out": dict(done.left_out),
    }


def _print(done: Exported, folder: Path) -> None:
    console.print(
        f"{done.cases} cases with {done.images} images of {len(done.patients)} patients: "
        f"{folder / 'labels.csv'}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if done.may_be_burned_in:
        console.print(
            f"{done.may_be_burned_in} do not say that no text is burned into the pixels: look at "
            "them before they leave the house",
            style="yellow",
            soft_wrap=True,
        )
    for reason, number in done.left_out.most_common():
        console.print(f"left out, {reason}: {number}", markup=False, highlight=False)
