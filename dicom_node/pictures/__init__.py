"""Pictures (PNG, JPEG) into DICOM, with what a person says of them."""

from dicom_node.pictures.decode import JPEG, PNG, InvalidPicture, Picture, read_picture
from dicom_node.pictures.facts import Facts, InvalidFacts, Wrapping
from dicom_node.pictures.wrap import wrap

__all__ = [
    "JPEG",
    "PNG",
    "Facts",
    "InvalidFacts",
    "InvalidPicture",
    "Picture",
    "Wrapping",
    "read_picture",
    "wrap",
]
