"""All commands, put together. The module of one is imported when it is called, and not before."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

# Where each is, a function or a Typer of more commands, and what help says of it.
COMMANDS = {
    "serve": ("serve:serve", "Receive, read and deliver until stopped (SIGTERM or Ctrl-C)."),
    "migrate": (
        "migrate:migrate_database",
        "Bring the database up to this version, or move all that it holds to PostgreSQL.",
    ),
    "demo": (
        "demo:demo",
        "Start a node and an Orthanc, send four real studies, and show what comes back.",
    ),
    "send": (
        "network:send",
        "Send files by C-STORE, as a modality would. Exit code 1 if one was not taken.",
    ),
    "echo": ("network:echo", "Ask by C-ECHO whether a node answers."),
    "status": (
        "status:status",
        "Account for every study: received, stable, queued, running, done, refused, failed, "
        "delivered.",
    ),
    "complete": ("status:complete", "Say that a study is complete, before its quiet period ends."),
    "replay": ("status:replay", "Try again what failed: a job, a delivery, or all of both."),
    "retention": (
        "retention:retention",
        "Remove the received images of old studies. Results, reviews and the account stay.",
    ),
    "train": (
        "train:train",
        "Train a model, measure it once on its test images, and write weights, manifest and card.",
    ),
    "validate": (
        "validate:app",
        "Measure a model on labelled images: wetread validate MODEL DATA.",
    ),
    "models": ("models:app", "Models and their versions: what is there, and what is in use."),
    "reviews": ("reviews:app", "What people said of results: list, export."),
    "incidents": (
        "incidents:app",
        "What was set aside, and what became of it: list, show, export, resolve.",
    ),
    "rules": ("rules:app", "Which model reads which series."),
}


class _Commands(TyperGroup):
    """Shows what `COMMANDS` says of each, and loads the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, line) in COMMANDS.items():
            self.add_command(TyperCommand(name, help=line))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(str(name)), rest


def load(name: str) -> Any:
    """Return the command `name`, as Typer builds it."""
    place, _ = COMMANDS[name]
    module, _, attribute = place.partition(":")
    found = getattr(import_module(f"wetread.cli.{module}"), attribute)
    holder = typer.Typer()
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    return get_group(holder).commands[name]


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Wetread: studies in, structured reports and overlays out. Research use only; "
    "not a medical device.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"wetread {version('wetread')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
