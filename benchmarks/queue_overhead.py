"""What queueing a job costs, embedded and on PostgreSQL, with 1, 2 and 4 workers.

    python -m benchmarks.queue_overhead [--jobs 400] [--rounds 5] [--json]

Workers take Jobs and record an empty Result, and nothing else: what is measured is the queue. On
SQLite they are threads of one process, as the embedded form is; on PostgreSQL, processes. There,
Procrastinate stands beside the same table without it: Jobs taken by SKIP LOCKED alone. Commits
are on the disk when they return, in both. All take turns, so that whatever else the machine does
burdens them alike.

Printed are medians: Jobs in a second; milliseconds of a worker's time for each Job; how long after
the commit a waiting worker has the Job, when it is told and when it looks twice a second; and what
the queue is of the time of one radiograph read by `cxr-pneumonia`, from the claim to the record.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from inference.domain.instance import (
    Attributes,
    Description,
    Instance,
    Origin,
    Source,
)
from inference.domain.job import JobRequest, ModelId
from inference.domain.result import Outcome, Result
from inference.persistence import tickets
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.index import SqlIndex
from inference.persistence.migrate import migrate
from inference.persistence.procrastinate_queue import ProcrastinateJobQueue
from inference.persistence.queue import SqlJobQueue
from inference.persistence.results import SqlResults
from tests.support.postgresql import PostgresqlServer, programs
from tests.support.radiographs import radiograph

_LEASE = timedelta(minutes=5)
_WORKERS = (1, 2, 4)
_PICKED_UP = 30  # Jobs at most, by which the way to a waiting worker is measured
_READ = 5  # radiographs
_LOOKING = 0.5  # seconds, of a worker that nobody tells


@dataclass(frozen=True)
class Engine:
    label: str
    url: str
    has_tickets: bool

    def open(self) -> tuple[Database, SqlJobQueue]:
        database = Database(self.url)
        if self.has_tickets:
            return database, ProcrastinateJobQueue(database)
        return database, SqlJobQueue(database)


def _now() -> datetime:
    return datetime.now(UTC)


def fill(engine: Engine, first: int, count: int) -> None:
    """Make Studies stable, with a Job each."""
    database, _ = engine.open()
    index = SqlIndex(database)
    for number in range(first, first + count):
        study = f"1.2.{number}"
        description = Description(
            study, f"{study}.1", f"{study}.1.1", "1.2.840.10008.5.1.4.1.1.1", "1.2", Attributes()
        )
        origin = Origin(Source.DIMSE, "MODALITY", "WETREAD")
        index.add(Instance(description, origin, study, "a" * 64, 1), _now(), timedelta(0))
        held = index.study(study)
        assert held is not None
        request = JobRequest(study, 1, ModelId("m", "1"), "rule", origin.priority, (study,))
        assert index.close_revision(held, [request], _now())
    database.close()


def drain(engine: Engine, name: str, begin: Any, taken: Any) -> None:
    """Take and end Jobs until there is none."""
    if not engine.has_tickets:
        _without_tickets()
    database, queue = engine.open()
    results = SqlResults(database)
    database.ping()
    begin.wait()
    done = 0
    while lease := queue.claim(name, _now(), _LEASE):
        results.record(lease, _result(lease.job.request.study_instance_uid), [])
        done += 1
    taken.append((done, time.monotonic()))
    database.close()


def _result(study: str) -> Result:
    return Result(study, 1, ModelId("m", "1"), Outcome.ASSESSED, (), (), _now(), 0.0, objects=())


def _without_tickets() -> None:
    tickets.defer = tickets.finish = lambda *arguments: None  # type: ignore[assignment]


def _started(crew: list[Any], begin: Any) -> float:
    """Let all begin at once, and wait for them; return when they began."""
    for each in crew:
        each.start()
    begin.wait()
    began = time.monotonic()
    for each in crew:
        each.join()
    return began


def throughput(engine: Engine, workers: int, jobs: int, first: int) -> float:
    """Return Jobs in a second."""
    fill(engine, first, jobs)
    ends: list[tuple[int, float]]
    if engine.url.startswith("sqlite"):
        begin, ends = threading.Barrier(workers + 1), []
        crew: list[Any] = [
            threading.Thread(target=drain, args=(engine, f"w{each}", begin, ends))
            for each in range(workers)
        ]
        began = _started(crew, begin)
        return jobs / (max(end for _, end in ends) - began)
    with multiprocessing.Manager() as manager:
        context = multiprocessing.get_context("spawn")
        barrier, shared = manager.Barrier(workers + 1), manager.list()
        crew = [
            context.Process(target=drain, args=(engine, f"w{each}", barrier, shared))
            for each in range(workers)
        ]
        began = _started(crew, barrier)
        assert sum(done for done, _ in shared) == jobs
        return jobs / (max(end for _, end in shared) - began)


def pick_up(engine: Engine, told: bool, first: int, count: int) -> float:
    """Return the median of the seconds from a Job's commit to its claim by a waiting worker."""
    from inference.persistence.listener import Listener

    database, queue = engine.open()
    woken, claimed, stopping = threading.Event(), threading.Event(), threading.Event()

    def wait_and_claim() -> None:
        while not stopping.is_set():
            woken.wait(2.0 if told else _LOOKING)
            woken.clear()
            if queue.claim("w", _now(), _LEASE):
                claimed.set()

    with ExitStack() as stack:
        if told:
            listener = Listener(database, {tickets.CHANNEL: woken.set})
            listener.start()
            stack.callback(listener.stop)
        worker = threading.Thread(target=wait_and_claim)
        worker.start()
        seconds = []
        for number in range(count):
            time.sleep(0.037)  # so that looking begins anywhere between two looks
            fill(engine, first + number, 1)
            began = time.monotonic()
            claimed.wait()
            seconds.append(time.monotonic() - began)
            claimed.clear()
        stopping.set()
        woken.set()
        worker.join()
    database.close()
    return statistics.median(seconds)


def reading() -> float:
    """Return the median of the seconds that the real worker takes for a radiograph."""
    from inference.domain.instance import Priority
    from inference.intake.stability import Stability
    from inference.ports.meter import Unmetered
    from wetread.bootstrap import open_stores
    from wetread.roles import build_node, build_worker
    from wetread.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), quiet_seconds=0, gate=False, low_watermark_mb=0)
        stores = open_stores(settings)
        node = build_node(settings, stores, Unmetered())
        worker = build_worker(settings, stores, Unmetered())
        stability = next(each for each in node.services if isinstance(each, Stability))
        seconds = []
        for number in range(_READ + 1):
            path = stores.archive.spool()
            radiograph(path, seed=number, shape=(2048, 1792))
            node.intake.receive(path, Origin(Source.DIMSE, "XR", "WETREAD", Priority.MEDIUM))
            stability.tick()
            began = time.monotonic()
            assert worker.tick()
            seconds.append(time.monotonic() - began)
        stores.close()
    return statistics.median(seconds[1:])  # the first one loads the model


@contextmanager
def engines() -> Iterator[list[Engine]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = [Engine("SQLite, embedded", sqlite_url(folder / "wetread.db"), False)]
        if programs() is None:
            print("PostgreSQL is not installed (Debian package postgresql): left out")
        else:
            server = stack.enter_context(PostgresqlServer(durable=True))
            url = server.url(server.create())
            found.append(Engine("PostgreSQL, Procrastinate", url, True))
            found.append(Engine("PostgreSQL, SKIP LOCKED", server.url(server.create()), False))
        for each in found:
            database = Database(each.url)
            migrate(database)
            database.close()
        yield found


@contextmanager
def tickets_of(engine: Engine) -> Iterator[None]:
    """Let this process do as the engine does."""
    defer, finish = tickets.defer, tickets.finish
    if not engine.has_tickets:
        _without_tickets()
    try:
        yield
    finally:
        tickets.defer, tickets.finish = defer, finish


def rates_of(found: list[Engine], jobs: int, rounds: int) -> dict[tuple[str, int], float]:
    """Return the medians of Jobs in a second, by engine and workers."""
    runs: dict[tuple[str, int], list[float]] = {}
    studies = itertools.count(100_000, jobs)
    for each in found:  # what is new is slower
        with tickets_of(each):
            throughput(each, 1, jobs, next(studies))
    for _ in range(rounds):
        for workers, each in itertools.product(_WORKERS, found):
            with tickets_of(each):
                rate = throughput(each, workers, jobs, next(studies))
            runs.setdefault((each.label, workers), []).append(rate)
    return {key: statistics.median(rates) for key, rates in runs.items()}


def measure(found: list[Engine], jobs: int, rounds: int, whole: float) -> Iterator[dict[str, Any]]:
    all_rates = rates_of(found, jobs, rounds)
    for engine in found:
        rates = {workers: all_rates[engine.label, workers] for workers in _WORKERS}
        with tickets_of(engine):
            waits = min(jobs, _PICKED_UP)
            told = pick_up(engine, True, 10, waits) if engine.has_tickets else None
            looking = pick_up(engine, False, 1000, waits)
        yield {
            "engine": engine.label,
            "jobs_per_second": rates,
            "milliseconds_per_job": {
                workers: 1000 * workers / rate for workers, rate in rates.items()
            },
            "share_of_a_reading": 1 / rates[1] / whole,
            "picked_up_when_told_ms": None if told is None else 1000 * told,
            "picked_up_when_looking_ms": 1000 * looking,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    whole = reading()
    with engines() as found:
        measured = list(measure(found, arguments.jobs, arguments.rounds, whole))
    if arguments.json:
        print(json.dumps({"seconds_per_reading": whole, "engines": measured}, indent=2))
        return
    print(f"A radiograph takes {1000 * whole:.0f} ms from the claim to the record.\n")
    columns = "".join(f"{f'{each} workers':>16}" for each in _WORKERS)
    print(f"{'jobs/s (ms per job)':28}{columns}{'share':>8}{'told':>9}{'looking':>10}")
    for each in measured:
        cells = "".join(f"{_cell(each, workers):>16}" for workers in _WORKERS)
        told = each["picked_up_when_told_ms"]
        print(
            f"{each['engine']:28}{cells}{100 * each['share_of_a_reading']:>7.1f}%"
            f"{'' if told is None else f'{told:.0f} ms':>9}"
            f"{each['picked_up_when_looking_ms']:>7.0f} ms"
        )


def _cell(measured: dict[str, Any], workers: int) -> str:
    rate, cost = measured["jobs_per_second"], measured["milliseconds_per_job"]
    return f"{rate[workers]:.0f} ({cost[workers]:.1f})"


if __name__ == "__main__":
    main()
