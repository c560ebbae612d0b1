"""The presentation contexts that the node accepts; `docs/conformance.md` lists them."""

from __future__ import annotations

from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification

# Where a sender offers several transfer syntaxes in one presentation context, the first of
# ours that it offers is taken. Uncompressed comes first: a sender that offers both holds
# the image uncompressed, or can make it so, and must not be asked to compress it with loss.
_FIRST = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
TRANSFER_SYNTAXES: tuple[UID, ...] = (
    *_FIRST,
    *(UID(uid) for uid in ALL_TRANSFER_SYNTAXES if uid not in _FIRST),
)
STORAGE_SOP_CLASSES: tuple[UID, ...] = tuple(
    UID(context.abstract_syntax) for context in AllStoragePresentationContexts
)


def accepted_contexts() -> list[PresentationContext]:
    """Return the contexts of the SCP: Verification, and Storage as it comes."""
    storage = [build_context(uid, list(TRANSFER_SYNTAXES)) for uid in STORAGE_SOP_CLASSES]
    return [build_context(Verification), *storage]
