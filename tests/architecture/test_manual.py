"""The manual has a heading for every setting, command, route, error and reason."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from dicom_node.dicomweb import Context, Worklisting, dicomweb
from inference.domain import errors
from inference.domain.refusal import Reason
from inference.domain.retention import Claim
from wetread.cli.app import COMMANDS, load
from wetread.settings import Settings
from wetread.web import metrics
from wetread.web.app import build_app

ROOT = Path(__file__).parents[2]


def headings(name: str) -> set[str]:
    text = (ROOT / "docs" / name).read_text()
    return {line.lstrip("#").strip() for line in text.splitlines() if line.startswith("##")}


def commands(command: Any, called: str) -> set[str]:
    found: set[str] = set()
    for name, each in getattr(command, "commands", {}).items():
        found |= commands(each, f"{called} {name}")
    return found or {called}


def test_every_setting_has_a_heading_and_no_heading_is_left_over() -> None:
    sections = {"The node", "Studies and jobs", "Peers"}
    assert headings("settings.md") - sections == set(Settings.model_fields)


def test_every_command_has_a_heading() -> None:
    found: set[str] = set()
    for name in COMMANDS:
        found |= commands(load(name), name)
    assert headings("commands.md") == found


def routes(web: Any) -> set[str]:
    found: set[str] = set()
    for route in web.routes:
        if hasattr(route, "original_router"):
            found |= routes(route.original_router)
        for method in getattr(route, "methods", None) or ():
            if method != "HEAD" and not route.path.startswith("/openapi"):
                found.add(f"{method} {route.path}")
    return found


def test_every_route_has_a_heading() -> None:
    nothing = cast(Any, None)
    scraped = metrics.build_router(nothing)
    found = routes(build_app(nothing, threading.Event(), [scraped]))
    manuals = {"api.md": " /api/", "fhir.md": " /fhir"}
    for name, place in manuals.items():
        own = {each for each in headings(name) if " /" in each}
        assert own == {each for each in found if place in each}
        found -= own
    assert headings("http.md") == found


def test_every_dicomweb_resource_has_a_heading() -> None:
    nothing = cast(Any, None)
    resources = routes(dicomweb(Context(nothing, nothing, nothing), Worklisting(nothing)))
    assert {each for each in headings("dicomweb.md") if "/" in each} == resources


def _error_classes() -> list[str]:
    return [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.WetreadError)
    ]


@pytest.mark.parametrize("name", _error_classes())
def test_every_error_stands_in_the_tree_and_in_the_manual(name: str) -> None:
    assert re.search(rf"\b{name}\b", errors.__doc__ or "")
    assert name in headings("errors.md")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_stands_in_the_manual(reason: Reason) -> None:
    assert reason.value in (ROOT / "docs" / "errors.md").read_text()


@pytest.mark.parametrize("claim", Claim)
def test_every_reason_to_keep_images_stands_in_the_manual(claim: Claim) -> None:
    assert f"| {claim.value} |" in (ROOT / "docs" / "errors.md").read_text()
