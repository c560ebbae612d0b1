"""Images without the patient: what may leave the house to train a model."""

from dicom_node.deidentify.deidentify import burned_in_annotation, deidentify

__all__ = ["burned_in_annotation", "deidentify"]
