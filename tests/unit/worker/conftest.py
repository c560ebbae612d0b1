"""A worker with everything faked but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from inference.domain.code import Code
from inference.domain.errors import ModelFailed
from inference.domain.instance import Attributes, Description, Instance, Origin, Source
from inference.domain.job import JobRequest, ModelId
from inference.domain.manifest import InputNeeds, Manifest, Output, Population
from inference.domain.result import Result, Role
from inference.fakes.archive import FakeArchive
from inference.fakes.clock import FixedClock
from inference.fakes.memory import (
    MemoryIndex,
    MemoryJobQueue,
    MemoryOutbox,
    MemoryResults,
    MemoryStore,
)
from inference.ports import Assessment, EncodedObject, Evidence, Picture
from inference.worker.reading import Reader
from inference.worker.worker import Worker

STUDY = "1.2.3"
MODEL = ModelId("spots", "1.0.0")
SPOT = Code("1", "99TEST", "Spot")
LEASE = timedelta(seconds=60)


class Pixels:
    """Gives every file the same picture, or raises what `errors` says for its name."""

    def __init__(self) -> None:
        self.errors: dict[str, Exception] = {}

    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        for name, error in self.errors.items():
            if name in str(part10):
                raise error
        return Picture(np.zeros((40, 30), np.float32))


class Spots:
    """A model that finds what `certainty` says, and breaks `failures` times before."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.certainty = 0.9
        self.failures = 0
        self.calls = 0

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        self.calls += 1
        if self.failures:
            self.failures -= 1
            raise ModelFailed("out of memory")
        heat = np.zeros((40, 30), np.float32)
        heat[10:20, 5:15] = 1.0
        return [Assessment({"spot": self.certainty}, {"spot": heat}) for _ in pictures]


class Registry:
    def __init__(self, model: Spots) -> None:
        self.model = model

    def manifests(self) -> Sequence[Manifest]:
        return [self.model.manifest]

    def active(self, name: str) -> ModelId:
        return self.model.manifest.model

    def load(self, model: ModelId) -> Spots:
        return self.model


class Encoder:
    """Remembers what it was asked, and breaks while `broken`."""

    def __init__(self) -> None:
        self.asked: list[tuple[Result, Manifest | None, Sequence[Evidence], Result | None]] = []
        self.broken = False

    def encode(
        self,
        result: Result,
        manifest: Manifest | None,
        evidence: Sequence[Evidence],
        predecessor: Result | None,
    ) -> Sequence[EncodedObject]:
        if self.broken:
            raise ValueError("Doe^Jane cannot be encoded")
        self.asked.append((result, manifest, evidence, predecessor))
        uid = f"2.25.{result.revision}{result.study_instance_uid.removeprefix(STUDY)}"
        return [EncodedObject(Role.REPORT, "1.2", uid, f"{uid}.1", b"report")]


@dataclass
class Bench:
    archive: FakeArchive
    pixels: Pixels = field(default_factory=Pixels)
    encoder: Encoder = field(default_factory=Encoder)
    clock: FixedClock = field(default_factory=FixedClock)
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.index = MemoryIndex(self.store)
        self.queue = MemoryJobQueue(self.store)
        self.results = MemoryResults(self.store)
        self.outbox = MemoryOutbox(self.store)
        self.model = Spots(
            Manifest(
                model=MODEL,
                title="Spots",
                manufacturer="Test",
                architecture="none",
                weights_file="",
                weights_sha256="0" * 64,
                device_uid="2.25.1",
                calibration="none",
                intended_use="tests",
                licence="none",
                outputs=(Output("spot", SPOT, SPOT, 0.5),),
                needs=InputNeeds(modality=("CR",), view=("AP",)),
                population=Population("children", (1, 5)),
            )
        )
        self.worker = self.make_worker("worker-1")

    def make_worker(self, name: str) -> Worker:
        return Worker(
            name=name,
            queue=self.queue,
            index=self.index,
            results=self.results,
            archive=self.archive,
            registry=Registry(self.model),
            reader=Reader(self.archive, self.pixels),
            encoder=self.encoder,
            clock=self.clock,
            destinations=["archive", "pacs"],
            lease=LEASE,
            maximum_attempts=3,
        )

    def receive(self, name: str = "1", **attributes: object) -> str:
        """Put one Instance into the archive and the index; return its UID."""
        return self.receive_in(STUDY, name, **attributes)

    def receive_in(self, study: str, name: str, **attributes: object) -> str:
        fields: Mapping[str, object] = {
            "modality": "CR",
            "view": "AP",
            "patient_age_years": 4.0,
            "rows": 40,
            "columns": 30,
            "has_pixels": True,
        } | attributes
        uid = f"1.2.3.4.{name}"
        described = Description(study, "1.2.3.4", uid, "1.2", "1.2", Attributes(**fields))  # type: ignore[arg-type]
        spooled = self.archive.put(described)
        sha256 = self.archive.digest(spooled)
        key = self.archive.keep(spooled, described, sha256)
        instance = Instance(described, Origin(Source.DIMSE), key, sha256, 1)
        self.index.add(instance, self.clock.now(), timedelta(0))
        return uid

    def ask(
        self,
        *uids: str,
        model: ModelId | None = MODEL,
        why: str = "",
        shadow: bool = False,
        of: str = STUDY,
    ) -> None:
        """Close a revision with one Job."""
        study = self.index.study(of)
        assert study is not None
        request = JobRequest(
            of, study.revision + 1, model, "rule", study.priority, tuple(uids), why, shadow
        )
        assert self.index.close_revision(study, [request], self.clock.now())

    def ask_each(self, *names: str) -> None:
        """Receive and close so many Studies, each of one Instance and with one Job."""
        for name in names:
            study = f"{STUDY}.{name}"
            self.ask(self.receive_in(study, name), of=study)

    def read(self) -> list[Result]:
        """Return the Results that count, of all Studies."""
        studies = self.index.studies()
        found = [self.results.of_study(each.study_instance_uid) for each in studies]
        return [result for each in found for _, result in each]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(FakeArchive(tmp_path))
