"""Several processes on one database, and processes that die."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inference.persistence.engine import Database, sqlite_url
from inference.persistence.index import SqlIndex
from tests.contracts.repositories import QUIET, T0, make_instance

# Prints the UID of each Instance when it was acknowledged.
ADDER = """
import sys, threading
from inference.persistence.engine import Database
from inference.persistence.index import SqlIndex
from tests.contracts.repositories import QUIET, T0, make_instance

index, life = SqlIndex(Database(sys.argv[1])), sys.argv[2]

def add(thread):
    for number in range(100_000):
        uid = f"1.{life}.{thread}.{number}"
        index.add(make_instance(uid, study=f"1.{number % 7}"), T0, QUIET)
        sys.stdout.write(uid + "\\n")
        sys.stdout.flush()

for thread in range(3):
    threading.Thread(target=add, args=(thread,)).start()
"""

# Prints what it counts, until its input ends.
READER = """
import sys
from inference.persistence.engine import Database
from inference.persistence.index import SqlIndex

index = SqlIndex(Database(sys.argv[1], read_only=True))
for _ in sys.stdin:
    account = index.account()
    held = sum(each.instances for each in index.studies())
    print(account.instances, held, *account.problems, flush=True)
"""


@contextmanager
def run(program: str, url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", program, url, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("seed", range(3))
def test_what_was_acknowledged_survives_kill_9(any_database: Database, seed: int) -> None:
    database = any_database
    url = database.engine.url.render_as_string(hide_password=False)
    acknowledged: list[str] = []
    for life in range(2):
        with run(ADDER, url, str(life)) as process:
            assert process.stdout is not None
            some = random.Random(seed * 2 + life).randint(1, 120)
            acknowledged += [process.stdout.readline().strip() for _ in range(some)]
            process.send_signal(signal.SIGKILL)
            # What was written until it died counts too; a line cut short does not.
            acknowledged += [
                line.strip() for line in process.stdout.readlines() if line.endswith("\n")
            ]
            assert process.wait() == -signal.SIGKILL
    index = SqlIndex(database)
    assert acknowledged
    assert all(index.find(uid) is not None for uid in acknowledged)
    held = index.account().instances
    assert sum(study.instances for study in index.studies()) == held >= len(acknowledged)
    if database.is_sqlite:
        with database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_another_process_reads_while_this_one_writes(
    database: Database, database_path: Path
) -> None:
    index = SqlIndex(database)
    with run(READER, sqlite_url(database_path)) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        for number in range(30):
            index.add(make_instance(f"1.{number}", study=f"9.{number % 3}"), T0, QUIET)
            reader.stdin.write("\n")
            reader.stdin.flush()
            assert reader.stdout.readline().split() == [str(number + 1)] * 2
        with database.writing():  # a writer under way does not hold it up
            reader.stdin.write("\n")
            reader.stdin.flush()
            assert reader.stdout.readline().split() == ["30", "30"]
