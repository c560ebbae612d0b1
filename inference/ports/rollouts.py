"""Which versions of the models are in use, kept where every process sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from inference.domain.rollout import Rollout, RolloutChange


class Rollouts(Protocol):
    """Changes are added, never altered: the newest of a model counts."""

    def current(self, name: str) -> Rollout | None:
        """Return what counts now; None where nobody has said anything about this model."""
        ...

    def history(self, name: str) -> Sequence[RolloutChange]:
        """Return every change, the newest first."""
        ...

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
        """Let `rollout` count from now on.

        `after` is the number of the newest change that the caller knew, 0 for none. Raises
        `RolloutChanged` if there is a newer one: who decided did not know of it.
        """
        ...
