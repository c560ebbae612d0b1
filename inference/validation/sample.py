"""Scores and targets together, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.validation.interval import Numbers
from inference.validation.record import Record


@dataclass(frozen=True, slots=True)
class Sample:
    """`positive`: (cases,), bool. `scores`: (cases,), float64, 0 to 1. `patients`: (cases,),
    the number of each case's patient; cases without one are each their own.
    """

    positive: NDArray[np.bool_]
    scores: Numbers
    patients: NDArray[np.intp]

    @property
    def has_both(self) -> bool:
        return bool(self.positive.any() and not self.positive.all())

    def where(self, kept: NDArray[np.bool_]) -> Sample:
        return Sample(self.positive[kept], self.scores[kept], self.patients[kept])


def sample(records: Sequence[Record]) -> Sample:
    """Take the records that have a certainty."""
    scored = [(record, record.certainty) for record in records if record.certainty is not None]
    # The file stands in for a patient that nobody names; the prefix keeps the two apart.
    names = [
        f"p{record.patient_id}" if record.patient_id else f"f{record.file}" for record, _ in scored
    ]
    _, patients = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)
    return Sample(
        np.array([record.positive for record, _ in scored], dtype=bool),
        np.array([certainty for _, certainty in scored], dtype=np.float64),
        patients.astype(np.intp),
    )
