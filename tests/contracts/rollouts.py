"""What every Rollouts promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from inference.domain.errors import RolloutChanged
from inference.domain.rollout import Rollout, RolloutChange
from tests.contracts.repositories import T0, Repositories, RepositoriesContract, at

FIRST = Rollout("chest", "1.0")
SECOND = Rollout("chest", "1.0", canary="1.1", fraction=0.1, shadow="2.0")


class RolloutsContract(RepositoriesContract):
    def test_nothing_was_said_yet(self, repositories: Repositories) -> None:
        assert repositories.rollouts.current("chest") is None
        assert repositories.rollouts.history("chest") == ()

    def test_the_newest_change_counts(self, repositories: Repositories) -> None:
        rollouts = repositories.rollouts
        first = rollouts.change(FIRST, T0, after=0, who="ann", why="« tried »")
        assert first == RolloutChange(1, FIRST, T0, "ann", "« tried »")
        assert rollouts.current("chest") == FIRST
        second = rollouts.change(SECOND, at(1), after=1)
        third = rollouts.change(FIRST, at(2), after=2, restores=1)
        assert (second.number, third.number, third.restores) == (2, 3, 1)
        assert rollouts.current("chest") == FIRST
        assert rollouts.history("chest") == (third, second, first)
        assert rollouts.history("chest")[1].rollout == SECOND

    def test_models_have_histories_of_their_own(self, repositories: Repositories) -> None:
        repositories.rollouts.change(FIRST, T0, after=0)
        other = Rollout("bone", "7")
        assert repositories.rollouts.change(other, T0, after=0).number == 1
        assert repositories.rollouts.current("chest") == FIRST
        assert repositories.rollouts.current("bone") == other

    def test_who_did_not_know_of_the_newest_change_is_refused(
        self, repositories: Repositories
    ) -> None:
        repositories.rollouts.change(FIRST, T0, after=0)
        for unknown in (0, 2):
            with pytest.raises(RolloutChanged):
                repositories.rollouts.change(SECOND, T0, after=unknown)
        assert repositories.rollouts.current("chest") == FIRST

    def test_of_many_at_once_one_is_first(self, repositories: Repositories) -> None:
        def change(version: int) -> bool:
            try:
                repositories.rollouts.change(Rollout("chest", str(version)), T0, after=0)
            except RolloutChanged:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(change, range(8))) == 1
        assert len(repositories.rollouts.history("chest")) == 1
