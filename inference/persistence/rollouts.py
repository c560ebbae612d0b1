"""Rollouts in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from inference.domain.errors import RolloutChanged
from inference.domain.rollout import Rollout, RolloutChange
from inference.persistence.engine import Database
from inference.persistence.tables import rollouts


class SqlRollouts:
    """`Rollouts`. The key, name and number, lets one of two writers at once through."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self, name: str) -> Rollout | None:
        newest = (
            select(rollouts)
            .where(rollouts.c.model_name == name)
            .order_by(rollouts.c.number.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(newest).one_or_none()
            return None if row is None else _rollout(row)

    def history(self, name: str) -> Sequence[RolloutChange]:
        with self._database.reading() as connection:
            rows = connection.execute(
                select(rollouts)
                .where(rollouts.c.model_name == name)
                .order_by(rollouts.c.number.desc())
            )
            return tuple(_change(row) for row in rows)

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
        newest = select(func.coalesce(func.max(rollouts.c.number), 0)).where(
            rollouts.c.model_name == rollout.name
        )
        try:
            with self._database.writing() as connection:
                if connection.scalar(newest) != after:
                    raise RolloutChanged()
                row = connection.execute(
                    insert(rollouts)
                    .values(
                        model_name=rollout.name,
                        number=after + 1,
                        active=rollout.active,
                        canary=rollout.canary,
                        fraction=rollout.fraction,
                        shadow=rollout.shadow,
                        restores=restores,
                        changed_at=at,
                        who=who,
                        why=why,
                    )
                    .returning(rollouts)
                ).one()
                return _change(row)
        except IntegrityError as error:
            raise RolloutChanged() from error


def _rollout(row: Any) -> Rollout:
    return Rollout(row.model_name, row.active, row.canary, row.fraction, row.shadow)


def _change(row: Any) -> RolloutChange:
    return RolloutChange(
        number=row.number,
        rollout=_rollout(row),
        changed_at=row.changed_at,
        who=row.who,
        why=row.why,
        restores=row.restores,
    )
