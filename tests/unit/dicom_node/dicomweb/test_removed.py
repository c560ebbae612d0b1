"""What retention took away is told apart from what was never here, and from what is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inference.domain.retention import RetentionTerms
from inference.fakes.memory import MemoryRemovals
from inference.intake.retention import Retention
from tests.support.origin import OriginServer, radiograph

RESOURCES = ["", "/metadata", "/rendered", "/thumbnail", "/frames/1", "/bulkdata/7FE00010"]


@pytest.fixture
def removed(origin: OriginServer) -> str:
    """Return the path of an Instance that retention removed."""
    instance = origin.add(radiograph())
    study = origin.index.study(instance.study_instance_uid)
    assert study is not None
    origin.index.close_revision(study, [], origin.clock.now())
    origin.clock.advance(2 * 86400)
    terms = RetentionTerms(origin.clock.now() - timedelta(days=1))
    removals = MemoryRemovals(origin.store, origin.workitems)
    retention = Retention(removals, origin.archive, origin.clock)
    (weighed,) = retention.sweep(retention.due(terms), terms)
    assert weighed.claims == ()
    return (
        f"/studies/{instance.study_instance_uid}/series/{instance.series_instance_uid}"
        f"/instances/{instance.sop_instance_uid}"
    )


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_removed_instance_is_gone_and_a_problem_says_why(
    origin: OriginServer, removed: str, resource: str
) -> None:
    answer = origin.get(removed + resource)
    assert answer.status_code == 410
    assert answer.headers["content-type"] == "application/problem+json"
    assert "1 image of this study was removed from here by retention" in answer.json()["detail"]


def test_its_series_and_study_are_gone_as_well(origin: OriginServer, removed: str) -> None:
    series, study = (removed.split(each)[0] for each in ("/instances", "/series"))
    for path in (series, study, f"{study}/metadata", f"{study}/thumbnail"):
        assert origin.get(path).status_code == 410, path


def test_the_uri_service_says_so_too(origin: OriginServer, removed: str) -> None:
    _, _, study, _, series, _, instance = removed.split("/")
    query = f"requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}"
    root = origin.url.removesuffix("/dicom-web")
    answer = origin.client.get(f"{root}/wado?{query}")
    assert answer.status_code == 410


def test_a_search_does_not_find_it(origin: OriginServer, removed: str) -> None:
    assert origin.json("/instances") == []
    assert origin.json("/series") == []


def test_what_was_never_here_is_not_found(origin: OriginServer, removed: str) -> None:
    assert origin.get("/studies/1.2.3").status_code == 404


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_file_that_went_a_moment_ago_is_not_found(origin: OriginServer, resource: str) -> None:
    # Who read the catalog before the rows were removed finds no file after them.
    instance = origin.add(radiograph())
    origin.archive.remove(instance.key)
    path = (
        f"/studies/{instance.study_instance_uid}/series/{instance.series_instance_uid}"
        f"/instances/{instance.sop_instance_uid}"
    )
    answer = origin.get(path + resource)
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
