"""From a Result to the DICOM objects that say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from inference.domain.instance import Instance
from inference.domain.manifest import Manifest
from inference.domain.result import Result, Role
from inference.ports.models import Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Evidence:
    """A source Instance with what was seen in it.

    No picture where none could be read, or where none is to be shown: of a Series only the
    slices that carry the answer have one. `heat_map`: (rows, columns) of the picture,
    float32, 0 to 1. `masks`: (rows, columns), bool, by name of the model's output; every
    slice of a segmented Series has them.
    """

    instance: Instance
    part10: Path
    picture: Picture | None = None
    heat_map: NDArray[np.float32] | None = None
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EncodedObject:
    role: Role
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    part10: bytes


class ResultEncoder(Protocol):
    def encode(
        self,
        result: Result,
        manifest: Manifest | None,
        evidence: Sequence[Evidence],
        predecessor: Result | None,
    ) -> Sequence[EncodedObject]:
        """Return the report, and what shows or keeps the same: overlays, segmentations, maps.

        The same arguments give the same UIDs: they are derived from Study, revision, model,
        version, role and source.
        """
        ...
