"""A rollout: which versions of a model read the studies, and which of them what share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Stage(StrEnum):
    """What a version is in use for."""

    ACTIVE = "active"  # reads every Study that the canary does not read
    CANARY = "canary"  # reads a fraction of the Studies in place of the active one
    SHADOW = "shadow"  # reads every Study too; is recorded, but not delivered


@dataclass(frozen=True, slots=True)
class Rollout:
    """The versions of the model `name` that are in use; "" where a stage has none.

    `fraction`: the share of Studies that the canary reads, 0 to 1.
    """

    name: str
    active: str
    canary: str = ""
    fraction: float = 0.0
    shadow: str = ""

    def __post_init__(self) -> None:
        if not self.name or not self.active:
            raise ValueError("a rollout names a model and its active version")
        if not 0.0 <= self.fraction <= 1.0:
            raise ValueError("the fraction of a canary is within 0 to 1")
        if self.fraction and not self.canary:
            raise ValueError("a fraction without a canary")
        versions = [each for each in (self.active, self.canary, self.shadow) if each]
        if len(set(versions)) < len(versions):
            raise ValueError("a version is in one stage")

    @property
    def versions(self) -> dict[Stage, str]:
        """Return the version of every stage that has one."""
        stages = {
            Stage.ACTIVE: self.active,
            Stage.CANARY: self.canary,
            Stage.SHADOW: self.shadow,
        }
        return {stage: version for stage, version in stages.items() if version}

    def stage(self, version: str) -> Stage | None:
        return next((stage for stage, each in self.versions.items() if each == version), None)

    def reads(self, study_instance_uid: str) -> str:
        """Return the version whose answer on the Study is delivered.

        Every process and every revision of the Study comes to the same, and a larger
        fraction keeps the Studies of a smaller one.
        """
        if self.canary and _share(self.name, study_instance_uid) < self.fraction:
            return self.canary
        return self.active

    def promoted(self, version: str) -> Rollout:
        """Return the rollout in which `version` alone is in use."""
        return Rollout(self.name, version)

    def with_canary(self, version: str, fraction: float) -> Rollout:
        shadow = "" if version == self.shadow else self.shadow
        return Rollout(self.name, self.active, version, fraction, shadow)

    def with_shadow(self, version: str) -> Rollout:
        if version == self.canary:
            return Rollout(self.name, self.active, shadow=version)
        return Rollout(self.name, self.active, self.canary, self.fraction, version)

    def __str__(self) -> str:
        said = [f"{self.active} active"]
        if self.canary:
            said.append(f"{self.canary} canary {percent(self.fraction)}")
        if self.shadow:
            said.append(f"{self.shadow} shadow")
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class RolloutChange:
    """One line of a model's history. `number` counts from 1.

    `restores` is the number of the change whose rollout a rollback brought back.
    """

    number: int
    rollout: Rollout
    changed_at: datetime
    who: str
    why: str
    restores: int | None = None


def before(history: tuple[RolloutChange, ...]) -> RolloutChange | None:
    """Return the change that a rollback restores, None where there is none before.

    A rollback after a rollback goes further back and never forth: who asks twice because an
    answer was lost must not get back what was just taken away. `history`: the newest first.
    """
    if not history:
        return None
    by_number = {each.number: each for each in history}
    newest = history[0]
    earlier = by_number.get((newest.restores or newest.number) - 1)
    if earlier is None or earlier.restores is None:
        return earlier
    return by_number.get(earlier.restores)


def percent(fraction: float) -> str:
    return f"{100 * fraction:g} %"


def _share(name: str, study_instance_uid: str) -> float:
    """Return a number from 0 to 1, exclusive, that looks drawn by chance.

    The name goes in, so that not every model tries its canary on the same patients.
    """
    digest = hashlib.sha256(f"{name}\n{study_instance_uid}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
