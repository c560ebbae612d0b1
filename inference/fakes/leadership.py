"""A right that is given and taken away by a test."""

from __future__ import annotations


class FixedLeadership:
    """`Leadership` that `may` decides on."""

    def __init__(self, may: bool = True) -> None:
        self.may = may
        self.has = False

    def acquire(self) -> bool:
        self.has = self.may
        return self.has

    def held(self) -> bool:
        self.has = self.has and self.may
        return self.has

    def release(self) -> None:
        self.has = False
