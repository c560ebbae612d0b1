"""The archive that `torch.export.save` writes, reduced to what holds no code.

`torch.export.load` unpickles example inputs and odd weights without limits, looks operators up
by any dotted name, evaluates the expressions of shapes as Python (by sympy) and executes its
guards. So an archive is taken apart, every text in it checked, and put together anew from
the graph of ATen operators and the raw numbers alone; only that is loaded.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from typing import Any, NoReturn

from inference.domain.errors import ManifestError

_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims)\.(?!from_file\b|save\b)\w+\.\w+"
    r"|torch\.ops\.torchvision\.(nms|roi_align|roi_pool|deform_conv2d)\.default"
    r"|torch\.ops\.higher_order\.wrap_with_(set_grad_enabled|autocast)"
    r"|torch\.sym_(float|int|max|min|not|ite|sqrt)"
    r"|math\.(trunc|ceil|floor|sqrt)"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|neg|pow|getitem|eq|ne|lt|le|gt|ge|and_|or_|not_)"
)
_NAME = re.compile(r"[\w.:+-]*")
_TEXT = re.compile(r"[\w .,:+>-]*")  # as a padding mode, or the equation of einsum
_SPECS = frozenset({None, "builtins.tuple", "builtins.list", "builtins.dict"})
_CONTEXT = re.compile(r'null|\[\]|\["\w+"(, "\w+")*\]')
_FUNCTIONS = re.compile(
    "Symbol|Integer|Float|Rational|Add|Mul|Pow|Max|Min|Mod|PythonMod|FloorDiv|CleanDiv|CeilDiv"
    "|ModularIndexing|CeilToInt|FloorToInt|TruncToInt|TruncToFloat|RoundToInt|IntTrueDiv"
    "|FloatTrueDiv|FloatPow|PowByNatural|ToFloat|Identity|Equality|Unequality|Eq|Ne|GreaterThan"
    "|LessThan|StrictGreaterThan|StrictLessThan|And|Or|Not|Where|true|false|floor|ceiling"
)
_KEPT = re.compile(
    r"models/model\.json|data/(weights|constants)/(\w+_config\.json|(weight|tensor)_\d+)"
    r"|archive_format|archive_version|byteorder|\.data/version"
)
_DROPPED = re.compile(r"data/sample_inputs/.*|\.data/serialization_id|extra/.*")


def clean_archive(content: bytes, name: str) -> bytes:
    """Return the archive without what may hold code. Raises `ManifestError`."""
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
            members = old.namelist()
            if len(set(members)) < len(members):
                raise ManifestError(f"{name}: a file stands in the archive twice")
            root = members[0].split("/")[0] if members else ""
            _require_format(old, root, name)
            for member in members:
                inner = member.removeprefix(f"{root}/")
                if _KEPT.fullmatch(inner):
                    new.writestr(member, _cleaned(inner, old.read(member), f"{name}: {inner}"))
                elif not _DROPPED.fullmatch(inner):
                    raise ManifestError(
                        f"{name}: {inner} is neither a graph nor a number, so the archive was "
                        "not loaded; export the model by torch.export.save, without compiled "
                        "code and without objects of other classes"
                    )
            # The example inputs are a pickle; nothing needs them.
            new.writestr(f"{root}/data/sample_inputs/model.pt", b"")
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise ManifestError(f"{name}: not an archive of torch.export: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SyntaxError) as error:
        raise ManifestError(f"{name}: a broken archive of torch.export: {error}") from None
    return out.getvalue()


def _require_format(archive: zipfile.ZipFile, root: str, name: str) -> None:
    try:
        kind = archive.read(f"{root}/archive_format")
    except KeyError:
        kind = b""
    if kind != b"pt2":
        raise ManifestError(
            f"{name}: not an archive of torch.export. A pickle by torch.save is not loaded, "
            "since it may hold code; an archive by torch before 2.8 must be exported again"
        )


def _cleaned(inner: str, content: bytes, where: str) -> bytes:
    if not inner.endswith(".json"):
        return content
    document = json.loads(content)
    if inner.startswith("data/"):
        for payload in document["config"].values():
            if payload["use_pickle"]:
                raise ManifestError(
                    f"{where}: a weight is kept as a pickle, which may hold code, so it was not "
                    "loaded; export plain tensors"
                )
    else:
        document["guards_code"] = []
        _drop_metadata(document)
    _check(document, where)
    return json.dumps(document).encode()


def _drop_metadata(part: Any) -> None:
    """Empty what says where the graph came from: source lines and names of classes."""
    if isinstance(part, dict):
        if isinstance(part.get("metadata"), dict):
            part["metadata"] = {}
        for each in part.values():
            _drop_metadata(each)
    elif isinstance(part, list):
        for each in part:
            _drop_metadata(each)


def _check(part: Any, where: str, key: str = "") -> None:
    """Refuse every text that could be more than a name; `key` is what it stands under."""
    if isinstance(part, dict):
        if part.get("as_operator") is not None or part.get("as_custom_obj") is not None:
            _refuse(where, "an operator or an object as an argument")
        for name, each in part.items():
            if not _NAME.fullmatch(name):
                _refuse(where, name)
            _check(each, where, name)
    elif isinstance(part, list):
        for each in part:
            _check(each, where, key)
    elif isinstance(part, str):
        if key == "target":
            fits = bool(_OPERATOR.fullmatch(part))
        elif key == "expr_str":
            fits = _is_expression(part)
        elif key in ("in_spec", "out_spec"):
            fits = _is_spec(json.loads(part)[1]) if part else True
        else:
            fits = bool((_TEXT if key.startswith("as_string") else _NAME).fullmatch(part))
        if not fits:
            _refuse(where, part)


def _is_expression(text: str) -> bool:
    """Is this what sympy's srepr writes of a sum of symbols and numbers?"""
    for node in ast.walk(ast.parse(text, mode="eval")):
        match node:
            case ast.Call(func=ast.Name(id=name)) if _FUNCTIONS.fullmatch(name):
                continue
            case ast.Name(id=name) if _FUNCTIONS.fullmatch(name):
                continue
            case ast.Constant(value=bool() | int() | float()):
                continue
            case ast.Constant(value=str() as value) if re.fullmatch(r"[\w.+-]*", value):
                continue
            case ast.keyword(arg="positive" | "integer" | "nonnegative" | "real" | "precision"):
                continue
            case ast.Expression() | ast.Load() | ast.UnaryOp() | ast.USub():
                continue
            case _:
                return False
    return True


def _is_spec(spec: Any) -> bool:
    """Is this nesting one of tuples, lists and dicts alone? Others import modules."""
    return (
        spec["type"] in _SPECS
        and (spec["context"] is None or bool(_CONTEXT.fullmatch(spec["context"])))
        and all(_is_spec(child) for child in spec["children_spec"])
    )


def _refuse(where: str, what: str) -> NoReturn:
    raise ManifestError(
        f"{where}: {what[:80]!r} is not a part of a graph of ATen operators and could be code, so "
        "the archive was not loaded; ask the model's maker for a clean export"
    )
