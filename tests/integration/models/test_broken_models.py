"""Whatever is wrong with a model ends in a failed Job that says so, and that can be replayed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inference.domain.errors import ManifestError
from inference.domain.job import JobState, ModelId
from inference.domain.manifest import Format
from inference.domain.refusal import Reason
from inference.domain.result import Outcome
from inference.models.registry import FolderRegistry
from inference.models.toml import to_toml
from inference.worker.reading import Reader
from inference.worker.worker import Worker
from tests.support.foreign import Classifier, content_for, output, packed, write_foreign
from tests.support.stub_http import Answer, StubServer
from tests.unit.worker.conftest import LEASE, Bench

MODEL = ModelId("small", "1.0.0")
ANY = {"needs": {}, "population": {}}
EXAMPLE = torch.zeros(1, 1, 32, 32)


class NotANumber(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3)).repeat(1, 2) * float("nan")


def healthy(root: Path) -> Path:
    weights = packed(Classifier(), Format.TORCHSCRIPT, EXAMPLE, ["logits"])
    return write_foreign(root, Format.TORCHSCRIPT, weights, **ANY)


def other_weights(root: Path) -> None:
    path = healthy(root) / "weights.pt"
    path.write_bytes(path.read_bytes() + b"x")


def no_weights(root: Path) -> None:
    (healthy(root) / "weights.pt").unlink()


def not_a_number(root: Path) -> None:
    weights = packed(NotANumber(), Format.TORCHSCRIPT, EXAMPLE, ["logits"])
    write_foreign(root, Format.TORCHSCRIPT, weights, **ANY)


def other_shape(root: Path) -> None:
    weights = packed(Classifier(), Format.TORCHSCRIPT, EXAMPLE, ["logits"])
    write_foreign(root, Format.TORCHSCRIPT, weights, output=[output("only")], **ANY)


def work(bench: Bench, root: Path) -> Worker:
    return Worker(
        name="worker-1",
        queue=bench.queue,
        index=bench.index,
        results=bench.results,
        archive=bench.archive,
        registry=FolderRegistry((root,)),
        reader=Reader(bench.archive, bench.pixels),
        encoder=bench.encoder,
        clock=bench.clock,
        destinations=["archive"],
        lease=LEASE,
        maximum_attempts=3,
    )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    from inference.fakes.archive import FakeArchive

    return Bench(FakeArchive(tmp_path / "archive"))


def fail_and_repair(bench: Bench, broken: Path, repaired: Path, why: str) -> None:
    bench.ask(bench.receive(), model=MODEL)
    worker = work(bench, broken)
    for _ in range(3):
        assert worker.tick()
        bench.clock.advance(timedelta(hours=1))
    (job,) = bench.queue.jobs()
    assert job.state is JobState.FAILED
    result = bench.results.of_job(job.job_id)
    assert result is not None
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.findings == ()
    (refusal,) = result.refusals
    assert refusal.reason is Reason.PROCESSING_FAILED
    assert why in refusal.detail

    assert bench.queue.replay(job.job_id, bench.clock.now())
    assert work(bench, repaired).tick()
    (job,) = bench.queue.jobs()
    assert job.state is JobState.DONE
    again = bench.results.of_job(job.job_id)
    assert again is not None
    assert len(again.findings) == 2


@pytest.mark.parametrize(
    ("break_it", "why"),
    [
        (other_weights, "these are not the weights that model.toml names"),
        (no_weights, "the weights cannot be read"),
        (not_a_number, "not finite"),
        (other_shape, "not (1, 1)"),
    ],
)
def test_a_broken_model(
    bench: Bench, tmp_path: Path, break_it: Callable[[Path], Any], why: str
) -> None:
    break_it(tmp_path / "broken")
    healthy(tmp_path / "repaired")
    fail_and_repair(bench, tmp_path / "broken", tmp_path / "repaired", why)


@pytest.fixture
def hanging() -> Iterator[str]:
    """A server that is there, knows the model, and never answers."""
    asleep = threading.Event()

    def answer(method: str, path: str) -> Answer:
        if path.endswith("/infer"):
            asleep.wait(20)
        known = {"name": "lungs", "inputs": [{"name": "pictures", "datatype": "FP32"}]}
        return Answer(body=json.dumps(known).encode())

    with StubServer(answer) as server:
        yield server.url
        asleep.set()


def test_a_server_that_hangs(bench: Bench, tmp_path: Path, hanging: str) -> None:
    server = {"url": hanging, "model": "lungs", "timeout_seconds": 0.3}
    raw = content_for(Format.OPEN_INFERENCE, b"", server=server, **ANY)
    folder = tmp_path / "broken" / "small" / "1.0.0"
    folder.mkdir(parents=True)
    keys = {key: value for key, value in raw.items() if not key.startswith("weights")}
    (folder / "model.toml").write_text(to_toml(keys))
    healthy(tmp_path / "repaired")
    fail_and_repair(bench, tmp_path / "broken", tmp_path / "repaired", "did not answer")


def test_a_manifest_with_an_unknown_key_is_no_model(tmp_path: Path) -> None:
    path = healthy(tmp_path) / "model.toml"
    path.write_text("surprise = 1\n" + path.read_text())
    with pytest.raises(ManifestError, match=r"model\.toml: surprise: this key is not known"):
        FolderRegistry((tmp_path,))
