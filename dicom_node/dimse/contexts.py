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
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

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
STUDY_ROOT_FIND = str(StudyRootQueryRetrieveInformationModelFind)
STUDY_ROOT_MOVE = str(StudyRootQueryRetrieveInformationModelMove)
STUDY_ROOT_GET = str(StudyRootQueryRetrieveInformationModelGet)
PATIENT_ROOT_FIND = str(PatientRootQueryRetrieveInformationModelFind)
PATIENT_ROOT_MOVE = str(PatientRootQueryRetrieveInformationModelMove)
PATIENT_ROOT_GET = str(PatientRootQueryRetrieveInformationModelGet)
FIND_SOP_CLASSES = (STUDY_ROOT_FIND, PATIENT_ROOT_FIND)
MOVE_SOP_CLASSES = (STUDY_ROOT_MOVE, PATIENT_ROOT_MOVE)
GET_SOP_CLASSES = (STUDY_ROOT_GET, PATIENT_ROOT_GET)
PATIENT_ROOT = (PATIENT_ROOT_FIND, PATIENT_ROOT_MOVE, PATIENT_ROOT_GET)
QUERY_RETRIEVE_SOP_CLASSES = (*FIND_SOP_CLASSES, *MOVE_SOP_CLASSES, *GET_SOP_CLASSES)
QUERY_RETRIEVE_TRANSFER_SYNTAXES: tuple[UID, ...] = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)


def accepted_contexts(*, queries: bool = True) -> list[PresentationContext]:
    """Return the contexts of the SCP: Verification, Storage as it comes, Query/Retrieve.

    A peer that retrieves by C-GET takes the SCP's role for Storage (PS3.7 Section D.3.3.4).
    """
    storage = [build_context(uid, list(TRANSFER_SYNTAXES)) for uid in STORAGE_SOP_CLASSES]
    for context in storage:
        context.scu_role = context.scp_role = True
    query_retrieve = [
        build_context(uid, list(QUERY_RETRIEVE_TRANSFER_SYNTAXES))
        for uid in QUERY_RETRIEVE_SOP_CLASSES
        if queries
    ]
    return [build_context(Verification), *storage, *query_retrieve]
