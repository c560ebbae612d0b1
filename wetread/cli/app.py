"""All commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from wetread.bootstrap import VERSION
from wetread.cli import (
    demo,
    incidents,
    migrate,
    models,
    network,
    retention,
    reviews,
    rules,
    serve,
    status,
    train,
    validate,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Wetread: studies in, structured reports and overlays out. Research use only; "
    "not a medical device.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"wetread {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command()(serve.serve)
app.command("migrate")(migrate.migrate_database)
app.command()(demo.demo)
app.command()(network.send)
app.command()(network.echo)
app.command()(status.status)
app.command()(status.complete)
app.command()(status.replay)
app.command()(retention.retention)
app.command()(train.train)
app.add_typer(validate.app, name="validate")
app.add_typer(models.app, name="models")
app.add_typer(reviews.app, name="reviews")
app.add_typer(incidents.app, name="incidents")
app.add_typer(rules.app, name="rules")
