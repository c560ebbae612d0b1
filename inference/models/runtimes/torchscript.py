"""TorchScript: a zip with weights and a program in a small language of its own.

`torch.jit.load` reads the pickles inside by an unpickler of its own, in C++, which knows tensors,
lists and the classes of the archive and calls no Python. The program could still write and
read files by the few operators that take a file's name. So both are looked through first.
"""

from __future__ import annotations

import io
import re
import zipfile

import torch
from torch import nn

from inference.domain.errors import ManifestError
from inference.models.quiet import quiet
from inference.models.runtimes.module import ModuleRuntime
from inference.models.runtimes.pickles import check_torchscript_pickle

# As a function or as a method of anything: the words do not stand in other code of a network.
_FILES = re.compile(r"\b(save|from_file|rpc_sync|rpc_async|rpc_remote)\b")
# Operators print as torch.NAME if they are ATen's, else as ops.NAMESPACE.NAME.
_OTHERS = re.compile(r"\bops\s*\.\s*(\w+)")
_NAMESPACES = frozenset(
    {
        "aten",
        "prim",
        "prims",
        "torchvision",
        "quantized",
        "_quantized",
        "mkldnn",
        "onednn",
        "sparse",
    }
)


def load_torchscript(
    content: bytes, name: str, device: str = "cpu", *, detects: bool = False
) -> ModuleRuntime:
    """Raises `ManifestError`; `name` is the file's in messages."""
    checked = checked_archive(content, name)
    try:
        with quiet():  # torch calls TorchScript deprecated; hospitals have it all the same
            network: nn.Module = torch.jit.load(  # type: ignore[no-untyped-call]
                io.BytesIO(checked), map_location=device
            )
    except (RuntimeError, ValueError) as error:
        raise ManifestError(f"{name}: not TorchScript that can be read: {_first(error)}") from error
    network.eval()
    return ModuleRuntime(network, device, takes_list=detects and _takes_list(network))


def checked_archive(content: bytes, name: str) -> bytes:
    """Return the archive packed anew, so that what is loaded is what was looked at.

    Raises `ManifestError` for one that holds more than weights and a network.
    """
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
            # torch finds a file whatever the case of its letters.
            members = {each.lower(): each for each in old.namelist()}
            if len(members) < len(old.namelist()):
                raise ManifestError(f"{name}: a file stands in the archive twice")
            if not any(each.endswith("/data.pkl") for each in members) or not any(
                "/code/" in each for each in members
            ):
                raise ManifestError(
                    f"{name}: not TorchScript. A pickle by torch.save is not loaded, since it "
                    "may hold code: export the model by torch.jit.save, torch.export or to ONNX"
                )
            for lowered, member in members.items():
                inside = old.read(member)
                if lowered.endswith("pkl"):
                    check_torchscript_pickle(inside, f"{name}: {member}")
                elif lowered.endswith(".py"):
                    _check_code(inside.decode("utf-8"), f"{name}: {member}")
                new.writestr(member, inside)
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError) as error:
        raise ManifestError(
            f"{name}: not TorchScript: {error}. A pickle by torch.save is not loaded"
        ) from None
    return out.getvalue()


def _check_code(code: str, name: str) -> None:
    called = [match.group() for match in _FILES.finditer(code)]
    called += [match.group() for match in _OTHERS.finditer(code) if match[1] not in _NAMESPACES]
    if called:
        raise ManifestError(
            f"{name} calls {called[0]!r}: a network has no business with files, other machines "
            "or other libraries, so it was not loaded"
        )


def _takes_list(network: nn.Module) -> bool:
    """Was a detector of torchvision scripted, which takes a list of pictures?"""
    schema = getattr(getattr(network, "forward", None), "schema", None)
    arguments = list(getattr(schema, "arguments", []))
    return len(arguments) > 1 and str(arguments[1].type).startswith("List")


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
