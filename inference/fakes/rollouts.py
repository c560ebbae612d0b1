"""`Rollouts` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from inference.domain.errors import RolloutChanged
from inference.domain.rollout import Rollout, RolloutChange
from inference.fakes.store import MemoryStore


class MemoryRollouts:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def current(self, name: str) -> Rollout | None:
        with self._store.transaction():
            changes = self._store.rollouts.get(name)
            return changes[-1].rollout if changes else None

    def history(self, name: str) -> Sequence[RolloutChange]:
        with self._store.transaction():
            return tuple(reversed(self._store.rollouts.get(name, [])))

    def change(
        self,
        rollout: Rollout,
        at: datetime,
        *,
        after: int,
        who: str = "",
        why: str = "",
        restores: int | None = None,
    ) -> RolloutChange:
        with self._store.transaction():
            changes = self._store.rollouts.setdefault(rollout.name, [])
            if len(changes) != after:
                raise RolloutChanged()
            changes.append(RolloutChange(after + 1, rollout, at, who, why, restores))
            return changes[-1]
