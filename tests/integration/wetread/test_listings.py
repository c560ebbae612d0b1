"""What commands print of names, headers and words, over real stores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inference.domain.finding import Presence
from inference.domain.review import Review, Reviewer, Verdict
from tests.contracts.reading import said
from tests.contracts.repositories import at, make_object
from tests.integration.wetread.pages import Pages
from wetread.cli.app import app
from wetread.cli.output import console


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    # The console asked for its width when it was made, which another test may have done.
    monkeypatch.setattr(console, "_width", 200)
    monkeypatch.setattr(console, "_height", 50)


def test_the_list_says_what_is_superseded_and_takes_no_name_for_markup(
    pages: Pages, tmp_path: Path
) -> None:
    job = pages.add("1.1", said(Presence.PRESENT))
    ann = Reviewer("ann", "[/b] [red]Ann")
    for number, verdict in enumerate((Verdict.AGREE, Verdict.NOT_ASSESSABLE), 1):
        report = replace(make_object(8 + number), study_instance_uid="1.1")
        review = Review(job, "1.1", 1, verdict, ann, at(number), report=report)
        pages.stores.reviews.record(review, [])
    done = CliRunner().invoke(app, ["reviews", "list"], env={"WETREAD_HOME": str(tmp_path)})
    assert done.exit_code == 0, done.exception
    assert "[/b] [red]Ann" in done.stdout
    assert "agree, superseded" in done.stdout
    assert "not assessable, superseded" not in done.stdout


def test_status_takes_no_header_for_markup(pages: Pages, tmp_path: Path) -> None:
    pages.add("1.1", said(Presence.PRESENT), modality="[/CT]")
    done = CliRunner().invoke(app, ["status"], env={"WETREAD_HOME": str(tmp_path)})
    assert "[/CT], receiving" in done.stdout, done.exception
