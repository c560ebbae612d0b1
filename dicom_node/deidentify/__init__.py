"""Images without the patient: what may leave the house to train a model."""

from dicom_node.deidentify.deidentify import deidentify

__all__ = ["deidentify"]
