"""Fixtures for all tests. Images come from pydicom-data, and from ../shared/data if it is there."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support.postgresql import PostgresqlServer
from tests.support.servers import OrthancServer, StorescpServer

# The same examples on every run of CI; `make test` by hand goes on looking for new ones. None
# has to be done in a time, since the machine does other things, too.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# Tests side by side, and the programs that they start, would wait for each other's threads.
if os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    # Regular expressions that are no raw strings; seen when the package is compiled first.
    for category in ("DeprecationWarning", "SyntaxWarning"):
        config.addinivalue_line(
            "filterwarnings",
            f"ignore:.*invalid escape sequence:{category}:.*orthanc_api_client.*",
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not SHARED_DATA.is_dir():
        skip = pytest.mark.skip(reason="needs the images of ../shared/data")
        for item in items:
            if item.get_closest_marker("shared"):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def no_handler_is_left() -> Iterator[None]:
    """A command that ran in this process has set up logging, to a stream that is closed by now."""
    yield
    for each in logging.root.handlers[:]:
        if type(each) is logging.StreamHandler:
            logging.root.removeHandler(each)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of images beside the repository. Mark the test with `shared`."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the images of ../shared/data")
    return SHARED_DATA


@pytest.fixture(scope="session")
def pydicom_data() -> Path:
    """The images that pydicom-data installs: 693_*, RG1_*, RG3_*, US1_* and others."""
    package = find_spec("data_store")
    assert package is not None, "pydicom-data is not installed"
    assert package.submodule_search_locations
    return Path(next(iter(package.submodule_search_locations))) / "data"


@pytest.fixture
def make_orthanc(tmp_path: Path) -> Iterator[Callable[..., OrthancServer]]:
    """Start an Orthanc with the arguments of `OrthancServer`; it is stopped after the test."""
    with ExitStack() as stack:
        count = 0

        def make(**arguments: Any) -> OrthancServer:
            nonlocal count
            count += 1
            directory = tmp_path / f"orthanc-{count}"
            directory.mkdir()
            return stack.enter_context(OrthancServer(directory, **arguments))

        yield make


@pytest.fixture
def orthanc_server(make_orthanc: Callable[..., OrthancServer]) -> OrthancServer:
    """An empty Orthanc that is running: studies are stable after 2 seconds, DICOMweb is on."""
    return make_orthanc()


@pytest.fixture
def storescp_server(tmp_path: Path) -> Iterator[StorescpServer]:
    """DCMTK's storescp that is running and has received nothing yet."""
    directory = tmp_path / "storescp"
    directory.mkdir()
    with StorescpServer(directory) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL that is running. Ask it for a database of your own."""
    with PostgresqlServer() as server:
        yield server
