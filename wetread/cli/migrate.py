"""`wetread migrate`: the database as this version wants it, or in another place."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from inference.domain.errors import SettingsError
from inference.persistence.engine import Database
from inference.persistence.migrate import current, migrate
from inference.persistence.moving import MovedTable, move
from wetread import settings
from wetread.bootstrap import exclusive, open_database
from wetread.cli.output import AsJson, console, print_json


def migrate_database(
    to: Annotated[
        str, typer.Option(help="postgresql://user:password@host/name: move everything there.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Bring the database up to this version, or move all that it holds to PostgreSQL."""
    configuration = settings.load()
    configuration.state.mkdir(parents=True, exist_ok=True)
    if to:
        _move(configuration, to, as_json)
        return
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


def _move(configuration: settings.Settings, to: str, as_json: bool) -> None:
    if not configuration.is_embedded:
        raise SettingsError(
            "only the embedded form is moved: leave database_url empty, so that WETREAD_HOME "
            "is what is moved"
        )
    target = settings.load(database_url=to)
    # Nobody may serve the one that is left, or what came in meanwhile would stay behind.
    with exclusive(configuration):
        old, new = open_database(configuration), open_database(target)
        try:
            for each in (old, new):
                migrate(each)
            tables = _with_progress(old, new, as_json)
        finally:
            old.close()
            new.close()
    if as_json:
        print_json({each.name: {"rows": each.rows, "sha256": each.digest} for each in tables})
        return
    rows = sum(each.rows for each in tables)
    console.print(
        f"{rows} rows in {len(tables)} tables are the same on both sides. From now on serve with "
        "WETREAD_DATABASE_URL set to that database; the archive stays where it is.",
        markup=False,
    )


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
