"""`wetread migrate`: the database as this version wants it."""

from __future__ import annotations

import typer

from inference.persistence.migrate import current, migrate
from wetread import settings
from wetread.bootstrap import open_database
from wetread.cli.output import AsJson, print_json


def migrate_database(
    as_json: AsJson = False,
) -> None:
    """Bring the database up to this version. Several may ask for it at once."""
    configuration = settings.load()
    configuration.state.mkdir(parents=True, exist_ok=True)
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
