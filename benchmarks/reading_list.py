"""How long a page of the reading list takes, over a hundred Studies and over many.

    python -m benchmarks.reading_list [--studies 10000] [--rounds 40]

Every Study has a result with fourteen findings. Measured is the whole answer, HTML and all, by the
application in this process, without a network; "query" is the part of the database alone. The
two sizes take turns, so that what else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from inference.domain.reading import ReadingQuery
from tests.support.readings import fill
from wetread.bootstrap import Stores, open_stores
from wetread.settings import Settings
from wetread.web.app import build_app
from wetread.web.reading_list import read_query

_SMALL = 100  # Studies
_SIZE = ReadingQuery().limit


class _List:
    """The list over so many Studies."""

    def __init__(self, home: Path, studies: int) -> None:
        self.studies = studies
        self.stores: Stores = open_stores(Settings(home=home))
        fill(self.stores.database, studies)
        self._app = build_app(self.stores, threading.Event())

    @property
    def pages(self) -> int:
        return -(-self.studies // _SIZE)

    def page(self, asked: dict[str, str]) -> float:
        """Return the seconds that a page takes."""

        async def ask() -> float:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as http:
                begun = time.perf_counter()
                answer = await http.post("/", data=asked)
                seconds = time.perf_counter() - begun
                assert answer.status_code == 200
                return seconds

        return asyncio.run(ask())

    def query(self, asked: dict[str, str]) -> float:
        query = read_query(asked, int(asked.get("page", "1")))
        begun = time.perf_counter()
        self.stores.reading.read(query)
        return time.perf_counter() - begun


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--studies", type=int, default=10_000)
    arguments.add_argument("--rounds", type=int, default=40)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small = _List(Path(folder) / "small", _SMALL)
        large = _List(Path(folder) / "large", options.studies)
        print(f"{'p50, p95 in ms':34}{_SMALL:>7} studies{options.studies:>13} studies   ratio")
        for name, asked in _asked():
            for what, measure in (("page", _List.page), ("query", _List.query)):
                each = _measured(measure, small, large, asked, options.rounds)
                print(_row(f"{name}, {what}", *each), flush=True)
        small.stores.close()
        large.stores.close()


def _asked() -> Sequence[tuple[str, dict[str, str]]]:
    return (
        ("first page", {}),
        ("last page", {"page": "last"}),
        ("newest first, last page", {"order": "newest", "page": "last"}),
        ("present", {"standing": "present"}),
        ("pneumonia present", {"standing": "present", "finding": "Pneumonia"}),
        ("head, CT", {"body_part": "HEAD", "modality": "CT"}),
        ("patient's name", {"text": "keller ada"}),
    )


def _measured(
    measure: Callable[[_List, dict[str, str]], float],
    small: _List,
    large: _List,
    asked: dict[str, str],
    rounds: int,
) -> tuple[list[float], list[float]]:
    taken: dict[int, list[float]] = {small.studies: [], large.studies: []}
    for _ in range(rounds):
        for each in (small, large):
            last = {"page": str(each.pages)} if asked.get("page") == "last" else {}
            taken[each.studies].append(1000 * measure(each, asked | last))
    return taken[small.studies][1:], taken[large.studies][1:]  # without the first of each


def _row(name: str, small: list[float], large: list[float]) -> str:
    def two(taken: list[float]) -> str:
        return f"{statistics.median(taken):7.1f} {statistics.quantiles(taken, n=20)[-1]:7.1f}"

    ratio = statistics.median(large) / statistics.median(small)
    return f"{name:34}{two(small)}{two(large):>20}{ratio:>9.2f}"


if __name__ == "__main__":
    main()
