"""Who speaks in a result: the model, or the rules where no model was asked."""

from __future__ import annotations

from dataclasses import dataclass

from highdicom import ContributingEquipment
from pydicom.sr.coding import Code

from inference.domain.manifest import Manifest
from inference.domain.result import Result
from inference.domain.uid import derive_uid

MANUFACTURER = "Wetread"
_MAX_LO = 64  # characters, PS3.5 Section 6.2


@dataclass(frozen=True, slots=True)
class Device:
    """The observer of TID 1004, and the item of the Contributing Equipment Sequence."""

    uid: str
    name: str
    manufacturer: str
    model_name: str
    version: str
    serial_number: str


def device_of(result: Result, manifest: Manifest | None, software_version: str) -> Device:
    """Return the device that is accountable for `result`.

    `uid` changes whenever the model does (IHE AIR 6.5.3.1): it is the manifest's.
    """
    if manifest is not None:
        return Device(
            uid=manifest.device_uid,
            name=manifest.title or manifest.model.name,
            manufacturer=manifest.manufacturer or MANUFACTURER,
            model_name=manifest.model.name,
            version=manifest.model.version,
            # Two installations of one model are the same device; other weights are another.
            serial_number=manifest.weights_sha256[:16] or manifest.model.version,
        )
    if result.model is not None:
        name, version = result.model.name, result.model.version
    else:
        name, version = "rules", software_version
    return Device(
        uid=derive_uid("device", name, version),
        name=f"{MANUFACTURER} {name}" if result.model is None else name,
        manufacturer=MANUFACTURER,
        model_name=name,
        version=version,
        serial_number=version,
    )


def contributing_equipment(device: Device, purpose: Code) -> ContributingEquipment:
    """Return the model's item of (0018,A001) (PS3.3 C.12.1)."""
    item = ContributingEquipment(
        manufacturer=long_string(device.manufacturer),
        purpose_of_reference=purpose,
        manufacturer_model_name=long_string(device.model_name),
        software_versions=long_string(device.version),
        device_serial_number=long_string(device.serial_number),
        contribution_description=f"Made this result: {device.name}"[:1024],  # ST
    )
    item.DeviceUID = device.uid  # (0018,1002); highdicom 0.28 has no argument for it
    return item


def long_string(text: str) -> str:
    """Return `text` as it fits into VR LO (PS3.5 Section 6.2)."""
    clean = "".join(each if each.isprintable() and each != "\\" else " " for each in text)
    return clean.strip()[:_MAX_LO].strip() or "unknown"
