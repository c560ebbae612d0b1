"""Pixel Data as plain pixels: nothing beside them, nothing in their unused bits."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from inference.domain.errors import CodecMissing, UnreadablePixels

_UNUSED = {8: np.uint8, 16: np.uint16, 32: np.uint32}


def plain_pixels(header: Dataset) -> None:
    """Decode the Pixel Data of `header`, in place.

    A codestream may hold comments, and bits that are not stored may hold an overlay (PS3.5
    Section 8.1.2, retired use): neither stays. Raises `CodecMissing` or `UnreadablePixels`.
    """
    syntax = header.file_meta.TransferSyntaxUID
    try:
        if syntax.is_compressed:
            header.decompress(generate_instance_uid=False)
        elif not syntax.is_little_endian:
            raise UnreadablePixels("Explicit VR Big Endian is retired and not exported")
        header.PixelData = _clean(header)
    except UnreadablePixels:
        raise
    except (RuntimeError, NotImplementedError) as error:
        raise CodecMissing(f"no codec reads {syntax.name}") from error
    # A boundary: whatever a decoder raises on a damaged stream means the same.
    except Exception as error:
        raise UnreadablePixels(f"the pixels cannot be read: {type(error).__name__}") from error
    header["PixelData"].VR = "OB" if header.BitsAllocated <= 8 else "OW"
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def _clean(header: Dataset) -> bytes:
    allocated, stored = int(header.BitsAllocated), int(header.BitsStored)
    shift = int(header.HighBit) + 1 - stored
    samples = int(header.Rows) * int(header.Columns) * int(header.SamplesPerPixel)
    count = samples * int(header.get("NumberOfFrames") or 1)
    if allocated not in _UNUSED or not 0 < stored <= allocated or shift < 0:
        raise UnreadablePixels(f"{allocated} bits allocated are not exported")
    if str(header.PhotometricInterpretation) == "YBR_FULL_422":
        raise UnreadablePixels("subsampled colour is not exported")
    size = count * allocated // 8
    if len(header.PixelData) < size:
        raise UnreadablePixels("the Pixel Data ends too early")
    # What lies behind the last pixel is not looked at, and does not leave either.
    values = np.frombuffer(header.PixelData[:size], dtype=_UNUSED[allocated])
    if stored == allocated:
        cleaned = values
    elif int(header.PixelRepresentation):
        signed = values.view(np.dtype(f"<i{allocated // 8}"))
        left = allocated - stored - shift
        cleaned = (signed << left >> (allocated - stored)).view(values.dtype)
        header.HighBit = stored - 1
    else:
        cleaned = (values >> shift) & values.dtype.type((1 << stored) - 1)
        header.HighBit = stored - 1
    data = cleaned.tobytes()
    return data if len(data) % 2 == 0 else data + b"\0"
