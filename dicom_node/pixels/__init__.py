"""Pixel Data as pictures."""

from dicom_node.pixels.reader import DicomPixelReader

__all__ = ["DicomPixelReader"]
