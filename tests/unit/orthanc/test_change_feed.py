"""The feed, and what stands between it and an Orthanc."""

from __future__ import annotations

import json
from pathlib import Path

from orthanc.change_feed import ChangeFeed
from tests.support.programs import wait_for
from tests.support.recording import RecordingCursors, RecordingIntake, SpoolOnly
from tests.support.stub_http import Answer, StubServer

STUDY = "6b34d082-d1af1e02-eb3ab3b1-1f03ba3a-e5700065"
STABLE = {"Seq": 7, "ChangeType": "StableStudy", "ID": STUDY, "Date": "20260102T030405"}


def test_a_study_that_a_proxy_does_not_find_while_orthanc_is_away_is_read_later(
    tmp_path: Path,
) -> None:
    """As Traefik says 404 for a container that is restarted."""
    away = 4  # requests

    def answer(method: str, path: str) -> Answer:
        nonlocal away
        if path == "/changes?limit=1000":
            return _json({"Changes": [STABLE], "Done": True, "Last": 7})
        if path == "/changes?last":
            return _json({"Changes": [STABLE], "Done": True, "Last": 7})
        if path.startswith("/changes?"):
            return _json({"Changes": [], "Done": True, "Last": 7})
        if away:
            away -= 1
            return Answer(404, b"404 page not found")
        if path == f"/studies/{STUDY}":
            return _json({"MainDicomTags": {"StudyInstanceUID": "1.2.3"}, "IsStable": True})
        return _json([])

    cursors = RecordingCursors()
    with StubServer(answer) as server:
        feed = ChangeFeed(
            "pacs",
            server.url,
            RecordingIntake(),
            SpoolOnly(tmp_path),
            cursors,
            from_start=True,
            poll=0.01,
            retry_first=0.01,
        )
        feed.start()
        try:
            wait_for(lambda: cursors.values.get("orthanc:pacs") == 7, "the study is read")
        finally:
            feed.stop()
        assert ("GET", f"/studies/{STUDY}/instances") in server.requests


def _json(content: object) -> Answer:
    return Answer(body=json.dumps(content).encode())
