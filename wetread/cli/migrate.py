"""`wetread migrate`: the database as this version wants it, or in another place."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from dicom_node.archive import DiskArchive
from inference.domain.errors import SettingsError
from inference.persistence.engine import Database
from inference.persistence.migrate import current, migrate
from inference.persistence.moving import MovedTable, check_beginning, move
from wetread import settings
from wetread.bootstrap import open_archive, open_database
from wetread.cli.output import AsJson, console, print_json
from wetread.state import check_state, exclusive, make_state, mark_moved


def migrate_database(
    to: Annotated[
        str, typer.Option(help="postgresql://user:password@host/name: move everything there.")
    ] = "",
    archive: Annotated[
        str,
        typer.Option(help="With --to: a path, or s3://bucket/prefix; copy every file there first."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Bring the database up to this version, or move all that it holds to PostgreSQL."""
    configuration = settings.load()
    if to:
        _move(configuration, to, archive, as_json)
        return
    if archive:
        raise SettingsError("--archive goes with --to: the database says what lies there")
    make_state(configuration)
    database = open_database(configuration)
    try:
        before = current(database)
        migrate(database)
        after = current(database)
    finally:
        database.close()
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        typer.echo(f"The database is at revision {after} already.")
    else:
        typer.echo(f"The database went from revision {before or 'nothing'} to {after}.")


def _move(configuration: settings.Settings, to: str, archive: str, as_json: bool) -> None:
    if not configuration.is_embedded:
        raise SettingsError(
            "only the embedded form is moved: leave database_url empty, so that WETREAD_HOME "
            "is what is moved"
        )
    check_state(configuration)
    target = settings.load(database_url=to, archive=archive or None)
    kept = None
    # Nobody may serve the one that is left, or what came in meanwhile would stay behind.
    with exclusive(configuration):
        old, new = open_database(configuration), open_database(target)
        try:
            for each in (new, old):
                migrate(each)
            # To copy the files may take a day: by then it must not turn out that it was in vain.
            check_beginning(old, new)
            if archive:
                # The files first: no row may ever name one that is not there.
                kept = _copy_archive(configuration, target, as_json)
            tables = _with_progress(old, new, as_json)
            mark_moved(configuration)
        finally:
            old.close()
            new.close()
    if as_json:
        moved = {each.name: {"rows": each.rows, "sha256": each.digest} for each in tables}
        print_json({"tables": moved, "files": kept})
        return
    rows = sum(each.rows for each in tables)
    files = "the archive stays where it is"
    if kept is not None:
        files = f"and WETREAD_ARCHIVE to {archive}, which holds all {kept} files"
    console.print(
        f"{rows} rows in {len(tables)} tables are the same on both sides. From now on serve with "
        f"WETREAD_DATABASE_URL set to that database{',' if kept is not None else ';'} {files}.",
        markup=False,
    )


def _copy_archive(configuration: settings.Settings, target: settings.Settings, quiet: bool) -> int:
    """Return how many files both archives hold. What is held already is compared, not copied."""
    old, new = open_archive(configuration), open_archive(target)
    if not isinstance(old, DiskArchive):
        raise SettingsError("only an archive on a disk is copied; this one is in an object store")
    if old.root == new.root:
        raise SettingsError("--archive names where the archive lies already")
    keys = list(old.keys())
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        disable=quiet,
    ) as progress:
        task = progress.add_task("archive", total=len(keys))
        for key in keys:
            new.adopt(key, old.path(key))
            progress.advance(task)
    return len(keys)


def _with_progress(old: Database, new: Database, quiet: bool) -> list[MovedTable]:
    bars: dict[str, TaskID] = {}
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        disable=quiet,
    ) as progress:

        def told(name: str, done: int, total: int) -> None:
            if name not in bars and total:
                bars[name] = progress.add_task(name, total=total)
            if name in bars:
                progress.update(bars[name], completed=done)

        return list(move(old, new, told))
