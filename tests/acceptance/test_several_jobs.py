"""A worker with several jobs at a time is killed, and stopped: one result each in the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from dicom_node.dimse.send import send_files
from tests.support.node import Node
from tests.support.programs import HOST, wait_for
from tests.support.radiographs import radiograph

STUDIES = 10
JOBS = 3


def test_each_job_has_one_result_though_its_worker_is_killed_and_stopped(
    make_node: Callable[..., Node], tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.dcm" for number in range(STUDIES)]
    for number, path in enumerate(files):
        radiograph(path, seed=number, shape=(512, 448))
    node = make_node(
        quiet_seconds=0.3, worker_jobs=JOBS, maximum_batch=16, maximum_wait_ms=200, device="cpu"
    )
    outcomes = list(send_files(files, host=HOST, port=node.port, called_ae="WETREAD"))
    assert all(each.taken for each in outcomes)

    def account() -> dict[str, int]:
        found: dict[str, int] = node.status()["account"]
        return found

    wait_for(lambda: account()["jobs_running"] > 1, "several jobs run", 120)
    node.kill()
    node.start()
    wait_for(lambda: account()["jobs_running"] > 1, "several jobs run again", 120)
    node.stop(timeout=110)
    left = json.loads(node.run("status", "--json").stdout)["account"]
    # What it had is finished, and it took nothing new.
    assert left["jobs_running"] == 0
    assert left["jobs_done"] + left["jobs_queued"] == STUDIES
    node.start()

    status = node.settle(STUDIES)
    assert status["account"]["jobs"] == status["account"]["results"] == STUDIES
    assert status["account"]["jobs_done"] == STUDIES
    assert len(node.results("report")) == STUDIES
    metrics = httpx.get(f"{node.url}/metrics", trust_env=False).text
    assert 'wetread_batch_size_count{model="cxr-pneumonia"}' in metrics
    assert 'device="cpu"' in metrics
