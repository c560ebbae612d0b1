"""Pickles are programs. This reads which names one would look up, and runs none of it."""

from __future__ import annotations

import pickletools
import re

from inference.domain.errors import ManifestError

# What torch.jit.save writes. Types of the archive's own code begin with `__torch__`.
_TORCHSCRIPT = re.compile(
    r"__torch__(\.\w+)*[. ]\w+"
    r"|collections OrderedDict"
    r"|torch\._utils _rebuild_(tensor_v2|qtensor|parameter)"
    r"|torch\.jit\._pickle (restore_type_tag|build_tensor_from_id)"
    r"|torch\.jit\._pickle build_(int|tensor|double|bool)list"
    r"|torch \w+Storage"
    r"|torch (device|per_tensor_affine|per_channel_affine)"
)


def check_torchscript_pickle(content: bytes, name: str) -> None:
    """Raises `ManifestError` for a pickle that torch.jit.save does not write."""
    for looked_up in names(content, name):
        if not _TORCHSCRIPT.fullmatch(looked_up):
            raise ManifestError(
                f"{name} is a pickle that would call {looked_up.replace(' ', '.')!r}, which no "
                "TorchScript needs: it was not loaded. Ask the model's maker for a clean export"
            )


def names(content: bytes, name: str) -> set[str]:
    """Return every "module name" that unpickling would look up.

    Raises `ManifestError` where that cannot be told without unpickling.
    """
    found: set[str] = set()
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name in ("GLOBAL", "INST"):
                found.add(str(argument))
            elif opcode.name in _UNTOLD:
                raise ManifestError(
                    f"{name} is a pickle with {opcode.name}, which TorchScript does not use: "
                    "it was not loaded"
                )
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise ManifestError(f"{name} is a broken pickle: {error}") from None
    return found


# STACK_GLOBAL takes its names from the stack, EXT from a table of the process; torch's own
# pickler writes neither.
_UNTOLD = frozenset({"STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})
