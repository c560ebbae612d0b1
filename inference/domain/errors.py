"""Every error that Wetread raises on purpose.

::

    WetreadError
    ├── InputError                    what somebody sent us is wrong
    │   ├── InvalidUid
    │   ├── InvalidQuery
    │   ├── UnreadableInstance
    │   ├── ConflictingInstance
    │   ├── InvalidReview
    │   ├── InvalidResolution
    │   ├── UnknownIncident
    │   ├── IncidentResolved
    │   ├── WorkitemError             by what PS3.4 Annex CC allows
    │   │   ├── InvalidWorkitem
    │   │   ├── UnknownWorkitem
    │   │   ├── DuplicateWorkitem
    │   │   ├── WrongTransaction
    │   │   └── WorkitemConflict
    │   └── UnreadablePixels
    │       └── CodecMissing
    ├── ResourceError                 we cannot keep a promise now; the sender may try again
    │   ├── OutOfSpace
    │   └── RepositoryUnavailable
    │       └── DamagedFile           no use trying again, until somebody repairs the archive
    ├── JobError
    │   └── LeaseLost
    ├── ModelError
    │   ├── ManifestError
    │   ├── WeightsChanged
    │   ├── UnknownModel
    │   ├── RolloutError
    │   │   └── RolloutChanged
    │   └── ModelFailed
    ├── DeliveryError
    │   ├── DestinationUnreachable    try again later
    │   └── DestinationRefused        no use trying again
    ├── MoveRefused
    └── SettingsError

The message is the docstring, unless the raiser knows better.
"""

from __future__ import annotations


class WetreadError(Exception):
    """Something went wrong in Wetread."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or type(self).__name__).splitlines()[0])


class InputError(WetreadError):
    """The input cannot be used."""


class InvalidUid(InputError):
    """Not a DICOM UID: digits and dots, at most 64 characters (PS3.5 Section 9.1)."""


class InvalidQuery(InputError):
    """The query cannot be answered as it was put."""


class UnreadableInstance(InputError):
    """The bytes are not a readable DICOM data set."""


class ConflictingInstance(InputError):
    """Another Instance with this SOP Instance UID and other bytes is held already."""


class InvalidReview(InputError):
    """The review does not fit the result that it is about."""


class InvalidResolution(InputError):
    """An incident cannot be resolved in this way."""


class UnknownIncident(InputError):
    """There is no incident of this number."""


class IncidentResolved(InputError):
    """Somebody has resolved the incident already."""


class WorkitemError(InputError):
    """A workitem cannot be handled in this way."""


class InvalidWorkitem(WorkitemError):
    """What was sent is no workitem, or no change of one."""


class UnknownWorkitem(WorkitemError):
    """There is no workitem of this UID."""


class DuplicateWorkitem(WorkitemError):
    """There is a workitem of this UID already."""


class WrongTransaction(WorkitemError):
    """The Transaction UID is missing, or is not that of the workitem's owner."""


class WorkitemConflict(WorkitemError):
    """The request does not fit the state of the workitem."""


class UnreadablePixels(InputError):
    """The Pixel Data cannot be read."""


class CodecMissing(UnreadablePixels):
    """No codec for this transfer syntax is installed."""


class ResourceError(WetreadError):
    """A resource is not available now."""


class OutOfSpace(ResourceError):
    """The archive has less free space than its watermark."""


class RepositoryUnavailable(ResourceError):
    """The database or the archive cannot be used now."""


class DamagedFile(RepositoryUnavailable):
    """What the archive gives back is not what was put there."""


class JobError(WetreadError):
    """A Job cannot go on."""


class LeaseLost(JobError):
    """Another process holds this Job or Delivery by now."""


class ModelError(WetreadError):
    """A model cannot be used."""


class ManifestError(ModelError):
    """The model's manifest is not valid."""


class WeightsChanged(ModelError):
    """The weights are not those that the manifest names."""


class UnknownModel(ModelError):
    """No model of this name is registered."""


class RolloutError(ModelError):
    """The versions of a model that are in use cannot be changed in this way."""


class RolloutChanged(RolloutError):
    """Somebody else changed the model's rollout in the meantime; look again, then decide."""


class ModelFailed(ModelError):
    """The model raised an error on this input."""


class DeliveryError(WetreadError):
    """A result was not delivered."""


class DestinationUnreachable(DeliveryError):
    """The destination does not answer, or has no room now."""


class DestinationRefused(DeliveryError):
    """The destination refuses this object for good."""


class MoveRefused(WetreadError):
    """What a database holds cannot be moved to another."""


class SettingsError(WetreadError):
    """The settings are not valid."""
