"""The same clauses for our server and for Orthanc's plugin, whose failures are no news."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.conformance.target import Target
from tests.support.origin import OriginServer, part10_of
from tests.support.servers import DICOMWEB_PLUGIN, OrthancServer
from tests.support.studies import fill


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "clause(section, text): a clause of PS3.18")


@pytest.fixture(scope="session")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Target]]:
    """Start a server when it is first asked for, with the same Instances in each."""
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(trust_env=False, timeout=30))
        started: dict[str, Target] = {}

        def start(name: str) -> Target:
            folder = tmp_path_factory.mktemp(name)
            if name == "Wetread":
                origin = stack.enter_context(OriginServer(folder, sqlite=True))
                for made in fill():
                    origin.add(made)
                root = origin.url.removesuffix("/dicom-web")
                return Target(name, origin.url, f"{root}/wado", client)
            if not DICOMWEB_PLUGIN.exists():
                pytest.skip("Orthanc's DICOMweb plugin is not installed")
            options = {"DicomWeb": {"Enable": True, "EnableWado": True}}
            orthanc = stack.enter_context(OrthancServer(folder, options=options))
            for made in fill():
                client.post(f"{orthanc.url}/instances", content=part10_of(made)).raise_for_status()
            return Target(name, orthanc.dicomweb_url, f"{orthanc.url}/wado", client)

        def target(name: str) -> Target:
            if name not in started:
                started[name] = start(name)
            return started[name]

        yield target


@pytest.fixture(params=["Wetread", "Orthanc"])
def server(
    request: pytest.FixtureRequest,
    targets: Callable[[str], Target],
    record_property: Callable[[str, object], None],
) -> Target:
    marker = request.node.get_closest_marker("clause")
    assert marker is not None, "a test of conformance names its clause"
    section, text = marker.args
    for name, value in (("section", section), ("text", text), ("server", request.param)):
        record_property(name, value)
    return targets(request.param)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    report = yield
    if report.when == "call" and report.failed and ("server", "Orthanc") in item.user_properties:
        report.outcome = "skipped"
        report.wasxfail = "reason: Orthanc's plugin does not"
    return report
