"""What several threads ask at the same time, asked at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from inference.domain.errors import ModelFailed
from inference.domain.job import ModelId
from inference.ports import Picture

_UNDER_WAY = 2  # batches: one is prepared while the network computes another

Answer = TypeVar("Answer")
_Answer_co = TypeVar("_Answer_co", covariant=True)


class Ask(Protocol[_Answer_co]):
    def __call__(self, pictures: Sequence[Picture], *, explain: bool) -> Sequence[_Answer_co]:
        """Return one answer for each picture. Whatever it raises, who asked hears of it."""
        ...


class _Question(Generic[Answer]):
    def __init__(self, pictures: Sequence[Picture], explain: bool) -> None:
        self.pictures = pictures
        self.explain = explain
        self.asked_at = time.monotonic()
        self.answers: Sequence[Answer] | None = None
        self.error: Exception | None = None

    @property
    def is_answered(self) -> bool:
        return self.answers is not None or self.error is not None


class Gathering(Generic[Answer]):
    """The questions of several threads to `model`, which `ask` puts to it.

    A batch is asked when it has `maximum_batch` pictures, when `maximum_wait` seconds have
    passed since its first question, or when every Job that has joined has asked.

    It has no thread of its own: of those who wait, one asks for all. A batch that fails is
    asked again question by question, so that each thread gets its own answer or its own error.
    """

    def __init__(
        self, model: ModelId, ask: Ask[Answer], maximum_batch: int, maximum_wait: float
    ) -> None:
        self._model = model
        self._ask_model = ask
        self._maximum_batch = maximum_batch
        self._maximum_wait = maximum_wait
        self._users = 0
        self._waiting: list[_Question[Answer]] = []
        self._under_way: list[list[_Question[Answer]]] = []
        self._changed = threading.Condition()

    def join(self) -> None:
        with self._changed:
            self._users += 1

    def leave(self) -> int:
        """Return how many Jobs may still ask."""
        with self._changed:
            self._users -= 1
            self._changed.notify_all()
            return self._users

    def answers(self, pictures: Sequence[Picture], explain: bool) -> Sequence[Answer]:
        """Return one for each picture; those with and without `explain` are asked apart."""
        question: _Question[Answer] = _Question(pictures, explain)
        with self._changed:
            self._waiting.append(question)
            self._changed.notify_all()
        while batch := self._take(question):
            try:
                self._ask(batch)
            finally:
                with self._changed:
                    self._under_way.remove(batch)
                    self._changed.notify_all()
        if question.answers is None:
            raise question.error or ModelFailed(f"{self._model} gave no answer")
        return question.answers

    def _take(self, question: _Question[Answer]) -> list[_Question[Answer]]:
        """Return what the thread of `question` has to ask now, or nothing when it is answered."""
        with self._changed:
            while not question.is_answered:
                wait = self._wait() if question in self._waiting else None
                if wait is not None and wait <= 0:
                    batch = self._cut()
                    self._under_way.append(batch)
                    return batch
                self._changed.wait(wait)
            return []

    def _wait(self) -> float | None:
        """Return for how many seconds to wait for more; None: until something changes."""
        if len(self._under_way) >= _UNDER_WAY:
            return None
        asked = len(self._waiting) + sum(len(each) for each in self._under_way)
        count = sum(len(each.pictures) for each in self._waiting)
        if asked >= self._users or count >= self._maximum_batch:
            return 0.0
        return self._waiting[0].asked_at + self._maximum_wait - time.monotonic()

    def _cut(self) -> list[_Question[Answer]]:
        """Take the oldest question, and of those after it what fits beside it."""
        batch = [self._waiting.pop(0)]
        count = len(batch[0].pictures)
        for each in list(self._waiting):
            count += len(each.pictures)
            if count > self._maximum_batch:
                break
            if each.explain is not batch[0].explain:
                count -= len(each.pictures)
                continue
            self._waiting.remove(each)
            batch.append(each)
        return batch

    def _ask(self, batch: Sequence[_Question[Answer]]) -> None:
        pictures = [picture for each in batch for picture in each.pictures]
        try:
            answers = self._ask_model(pictures, explain=batch[0].explain)
            if len(answers) != len(pictures):
                raise ModelFailed(
                    f"{self._model} gave {len(answers)} answers on {len(pictures)} pictures"
                )
        # A boundary between threads: whoever asked must hear of it, whatever broke.
        except Exception as error:
            if len(batch) > 1:
                for each in batch:
                    self._ask([each])
            else:
                batch[0].error = error
            return
        begin = 0
        for each in batch:
            end = begin + len(each.pictures)
            each.answers = answers[begin:end]
            begin = end
