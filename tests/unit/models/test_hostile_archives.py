"""Archives with code inside are refused, and the code does not run."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.domain.errors import ManifestError
from inference.domain.manifest import Format
from tests.support.foreign import Classifier, load_foreign, packed, write_foreign

EXAMPLE = torch.zeros(2, 1, 32, 32)


class Command:
    """Unpickled, it writes a file."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self._marker}",)


@pytest.fixture(scope="module")
def torchscript() -> bytes:
    return packed(Classifier(), Format.TORCHSCRIPT, EXAMPLE, [])


@pytest.fixture(scope="module")
def pt2() -> bytes:
    return packed(Classifier(), Format.PT2, EXAMPLE, [])


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """What the attack would write."""
    return tmp_path / "attacked"


def changed(archive: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """Return the archive with every file as `change` returns it; None removes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def refused(tmp_path: Path, form: Format, archive: bytes, words: str, marker: Path) -> None:
    write_foreign(tmp_path, form, archive)
    with pytest.raises(ManifestError, match=words):
        load_foreign(tmp_path)
    assert not marker.exists()


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("member", ["/data.pkl", "/constants.pkl"])
def test_a_pickle_in_torchscript_that_calls_the_shell_is_refused(
    tmp_path: Path, torchscript: bytes, marker: Path, member: str, protocol: int
) -> None:
    attack = pickle.dumps(Command(marker), protocol)
    archive = changed(
        torchscript, lambda name, content: attack if name.endswith(member) else content
    )
    refused(tmp_path, Format.TORCHSCRIPT, archive, "not loaded", marker)


def test_the_attack_would_have_worked(marker: Path) -> None:
    pickle.loads(pickle.dumps(Command(marker)))
    assert marker.exists()


@pytest.mark.parametrize("form", [Format.TORCHSCRIPT, Format.PT2])
def test_a_pickled_module_is_refused(tmp_path: Path, marker: Path, form: Format) -> None:
    buffer = io.BytesIO()
    torch.save({"weights": torch.zeros(1), "attack": Command(marker)}, buffer)
    refused(tmp_path, form, buffer.getvalue(), "pickle by torch.save is not loaded", marker)
    old = io.BytesIO()
    torch.save(Command(marker), old, _use_new_zipfile_serialization=False)
    refused(tmp_path / "old", form, old.getvalue(), "not", marker)


@pytest.mark.parametrize(
    "line",
    [
        'torch.save(x, "attacked")',
        'ops.aten.save(x, "attacked")',
        'x.save ("attacked")',
        'y = torch.from_file("/etc/passwd")',
        "ops.mine.evil(x)",
        'rpc_sync("other", 1)',
    ],
)
def test_torchscript_that_touches_files_is_refused(
    tmp_path: Path, torchscript: bytes, marker: Path, line: str
) -> None:
    def change(name: str, content: bytes) -> bytes:
        # Whatever the file of a class is called: a second class of a name gets another.
        if not name.endswith(".py") or b"def forward" not in content:
            return content
        lines = content.decode().splitlines()
        place = next(i for i, each in enumerate(lines) if "def forward" in each) + 2
        return "\n".join([*lines[:place], f"    {line}", *lines[place:]]).encode()

    archive = changed(torchscript, change)
    refused(tmp_path, Format.TORCHSCRIPT, archive, "no business with files", marker)


def test_a_file_twice_in_an_archive_is_refused(
    tmp_path: Path, torchscript: bytes, marker: Path
) -> None:
    out = io.BytesIO(torchscript)
    with zipfile.ZipFile(out, "a") as archive:
        name = next(each for each in archive.namelist() if each.endswith("data.pkl"))
        archive.writestr(name.upper(), pickle.dumps(Command(marker), 0))
    refused(tmp_path, Format.TORCHSCRIPT, out.getvalue(), "twice", marker)


def test_the_example_inputs_of_torch_export_are_not_unpickled(
    tmp_path: Path, pt2: bytes, marker: Path
) -> None:
    """`torch.export.load` would, and falls back to a pickle without limits."""
    buffer = io.BytesIO()
    torch.save((Command(marker), {}), buffer)
    archive = changed(
        pt2, lambda name, content: buffer.getvalue() if "sample_inputs" in name else content
    )
    write_foreign(tmp_path, Format.PT2, archive)
    load_foreign(tmp_path)
    assert not marker.exists()


def test_a_weight_of_torch_export_that_is_a_pickle_is_refused(
    tmp_path: Path, pt2: bytes, marker: Path
) -> None:
    buffer = io.BytesIO()
    torch.save(Command(marker), buffer)

    def change(name: str, content: bytes) -> bytes:
        if name.endswith("weights_config.json"):
            return content.replace(b'"use_pickle": false', b'"use_pickle": true')
        return buffer.getvalue() if name.endswith("/weight_0") else content

    refused(tmp_path, Format.PT2, changed(pt2, change), "kept as a pickle", marker)


def _edit(pt2: bytes, edit: Callable[[dict[str, Any]], None]) -> bytes:
    def change(name: str, content: bytes) -> bytes:
        if not name.endswith("models/model.json"):
            return content
        graph = json.loads(content)
        edit(graph)
        return json.dumps(graph).encode()

    return changed(pt2, change)


def _target(graph: dict[str, Any], target: str) -> None:
    graph["graph_module"]["graph"]["nodes"][0]["target"] = target


def _expression(graph: dict[str, Any], text: str) -> None:
    graph["graph_module"]["graph"]["sym_int_values"]["s"] = {
        "as_expr": {"expr_str": text, "hint": {"as_int": 2}}
    }


def _spec(graph: dict[str, Any], spec: str) -> None:
    graph["graph_module"]["module_call_graph"][0]["signature"]["in_spec"] = spec


@pytest.mark.parametrize(
    "target",
    [
        "torch.serialization.os.system",
        "torch.load",
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.save.default",
        "torch.ops.mine.evil.default",
        "_operator.attrgetter",
        "math.__loader__",
        "os.system",
    ],
)
def test_an_operator_of_torch_export_that_is_none_is_refused(
    tmp_path: Path, pt2: bytes, marker: Path, target: str
) -> None:
    archive = _edit(pt2, lambda graph: _target(graph, target))
    refused(tmp_path, Format.PT2, archive, "could be code", marker)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch {}')",
        "Symbol('s').__class__",
        "Add(open('{}', 'w'), 1)",
        "[x for x in (1,)]",
        "Symbol('__import__(1)')",
        "lambda: 1",
    ],
)
def test_a_shape_of_torch_export_that_is_a_program_is_refused(
    tmp_path: Path, pt2: bytes, marker: Path, text: str
) -> None:
    archive = _edit(pt2, lambda graph: _expression(graph, text.format(marker)))
    refused(tmp_path, Format.PT2, archive, "could be code", marker)


def test_guards_of_torch_export_are_not_executed(tmp_path: Path, pt2: bytes, marker: Path) -> None:
    guard = f"__import__('os').system('touch {marker}')"
    archive = _edit(pt2, lambda graph: graph.update(guards_code=[guard]))
    write_foreign(tmp_path, Format.PT2, archive)
    load_foreign(tmp_path)
    assert not marker.exists()


@pytest.mark.parametrize(
    "spec",
    [
        '[1, {"type": "collections.defaultdict", "context": "{}", "children_spec": []}]',
        '[1, {"type": "builtins.dict", "context": "{\\"__enum__\\": 1}", "children_spec": []}]',
    ],
)
def test_a_nesting_of_torch_export_that_imports_is_refused(
    tmp_path: Path, pt2: bytes, marker: Path, spec: str
) -> None:
    refused(tmp_path, Format.PT2, _edit(pt2, lambda graph: _spec(graph, spec)), "code", marker)


@pytest.mark.parametrize(
    "member",
    [
        "data/aotinductor/model/evil.so",
        "data/constants/opaque_obj_0",
        "data/weights/model.pt",
        "models/other.json",
    ],
)
def test_compiled_code_and_objects_in_torch_export_are_refused(
    tmp_path: Path, pt2: bytes, marker: Path, member: str
) -> None:
    out = io.BytesIO(pt2)
    with zipfile.ZipFile(out, "a") as archive:
        root = archive.namelist()[0].split("/")[0]
        archive.writestr(f"{root}/{member}", pickle.dumps(Command(marker)))
    refused(tmp_path, Format.PT2, out.getvalue(), "neither a graph nor a number", marker)
