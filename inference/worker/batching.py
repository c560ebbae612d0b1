"""What several Jobs ask of one model or gate, asked at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from inference.domain.job import ModelId
from inference.domain.manifest import Manifest, Scope
from inference.domain.recognition import Recognition
from inference.ports import Assessment, Gate, Model, Picture
from inference.worker.gathering import Gathering


class SharedModel(Gathering[Assessment]):
    """`Model` that gathers the questions of several threads."""

    def __init__(self, model: Model, maximum_batch: int, maximum_wait: float) -> None:
        super().__init__(model.manifest.model, model.assess, maximum_batch, maximum_wait)
        self._shared = model

    @property
    def manifest(self) -> Manifest:
        return self._shared.manifest

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        return self.answers(pictures, explain)


class SharedGate(Gathering[Recognition]):
    """`Gate` that gathers the questions of several threads."""

    def __init__(self, gate: Gate, maximum_batch: int, maximum_wait: float) -> None:
        super().__init__(gate.model, self._look, maximum_batch, maximum_wait)
        self._shared = gate

    @property
    def model(self) -> ModelId:
        return self._shared.model

    def look(self, pictures: Sequence[Picture]) -> Sequence[Recognition]:
        return self.answers(pictures, explain=False)

    def _look(self, pictures: Sequence[Picture], *, explain: bool) -> Sequence[Recognition]:
        return self._shared.look(pictures)


class _Visit:
    """One Job at a gate: as soon as it was answered, nobody waits for it any more.

    It still has the model to ask, and few ask the gate again.
    """

    def __init__(self, gate: SharedGate, leave: Callable[[], None]) -> None:
        self._gate = gate
        self._leave = leave

    @property
    def model(self) -> ModelId:
        return self._gate.model

    def look(self, pictures: Sequence[Picture]) -> Sequence[Recognition]:
        try:
            return self._gate.look(pictures)
        finally:
            self._leave()


_Shared = TypeVar("_Shared", SharedModel, SharedGate)


class Batching:
    """The models and gates that the Jobs of one worker share.

    A batch is asked when it has `maximum_batch` pictures, when `maximum_wait` seconds have
    passed since its first question, or when every Job that reads by the model has asked: a Job
    alone waits for nobody.
    """

    def __init__(self, maximum_batch: int = 1, maximum_wait: float = 0.0) -> None:
        self._maximum_batch = maximum_batch
        self._maximum_wait = maximum_wait
        self._models: dict[ModelId, SharedModel] = {}
        self._gates: dict[ModelId, SharedGate] = {}
        self._lock = threading.Lock()

    @contextmanager
    def share(self, model: Model) -> Iterator[Model]:
        """Read by `model` together with all who do so at the same time.

        A model that reads a Series has a batch in each, and of volumes it could have no other.
        """
        if self._is_alone(model.manifest):
            yield model
            return
        with self._joined(self._models, model.manifest.model, lambda: self._share(model)) as shared:
            yield shared

    @contextmanager
    def share_gate(self, gate: Gate, before: Manifest) -> Iterator[Gate]:
        """Let `gate` look together with all who ask it at the same time.

        `before` is the model's: the slices of a Series are a batch to the gate, too.
        """
        if self._is_alone(before):
            yield gate
            return
        with ExitStack() as until_answered:
            shared = until_answered.enter_context(
                self._joined(
                    self._gates,
                    gate.model,
                    lambda: SharedGate(gate, self._maximum_batch, self._maximum_wait),
                )
            )
            yield _Visit(shared, until_answered.close)

    def _is_alone(self, manifest: Manifest) -> bool:
        return self._maximum_batch == 1 or manifest.reads is Scope.SERIES

    def _share(self, model: Model) -> SharedModel:
        return SharedModel(model, self._maximum_batch, self._maximum_wait)

    @contextmanager
    def _joined(
        self, known: dict[ModelId, _Shared], name: ModelId, make: Callable[[], _Shared]
    ) -> Iterator[_Shared]:
        with self._lock:
            shared = known.get(name)
            if shared is None:
                shared = known[name] = make()
            shared.join()
        try:
            yield shared
        finally:
            with self._lock:
                # The registry may want the memory of a model that nobody reads by.
                if not shared.leave():
                    del known[name]
