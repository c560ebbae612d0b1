from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inference.domain.errors import ManifestError, UnknownModel, WeightsChanged
from inference.domain.job import ModelId
from inference.models import loading
from inference.models.registry import SHIPPED, FolderRegistry
from tests.support.models import write_model


def test_the_highest_version_is_active_unless_one_is_chosen(tmp_path: Path) -> None:
    for version in ("1.9.0", "1.10.0", "1.2"):
        write_model(tmp_path, version=version)
    registry = FolderRegistry((tmp_path,))
    assert registry.active("small") == ModelId("small", "1.10.0")
    assert [each.model.version for each in registry.manifests()] == ["1.2", "1.9.0", "1.10.0"]
    chosen = FolderRegistry((tmp_path,), {"small": "1.2"})
    assert chosen.active("small") == ModelId("small", "1.2")


def test_several_roots_are_one_registry(tmp_path: Path) -> None:
    write_model(tmp_path / "a", "one")
    write_model(tmp_path / "b", "two")
    registry = FolderRegistry((tmp_path / "a", tmp_path / "b", tmp_path / "absent"))
    assert [each.model.name for each in registry.manifests()] == ["one", "two"]
    assert (registry.folder(ModelId("two", "1.0.0")) / "model.toml").exists()


def test_a_model_is_loaded_once(tmp_path: Path) -> None:
    write_model(tmp_path)
    registry = FolderRegistry((tmp_path,))
    model = registry.load(ModelId("small", "1.0.0"))
    assert registry.load(ModelId("small", "1.0.0")) is model
    assert model.manifest == registry.manifests()[0]


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path)
    registry = FolderRegistry((tmp_path,))
    with pytest.raises(UnknownModel, match="'other'"):
        registry.active("other")
    with pytest.raises(UnknownModel, match=r"small 2\.0"):
        registry.load(ModelId("small", "2.0"))
    with pytest.raises(UnknownModel, match="chosen"):
        FolderRegistry((tmp_path,), {"small": "2.0"})


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path) / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsChanged, match="weights_sha256"):
        FolderRegistry((tmp_path,)).load(ModelId("small", "1.0.0"))


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    (write_model(tmp_path) / "weights.safetensors").unlink()
    with pytest.raises(ManifestError, match="cannot be read"):
        FolderRegistry((tmp_path,)).load(ModelId("small", "1.0.0"))


@pytest.mark.parametrize(
    "architecture", ["torchvision/resnet18", "torchvision/no_such_network", "lenet"]
)
def test_an_architecture_that_does_not_fit_is_refused(tmp_path: Path, architecture: str) -> None:
    path = write_model(tmp_path) / "model.toml"
    path.write_text(path.read_text().replace("torchvision/shufflenet_v2_x0_5", architecture))
    with pytest.raises(ManifestError, match="do not fit the architecture"):
        FolderRegistry((tmp_path,)).load(ModelId("small", "1.0.0"))


def test_a_model_in_a_folder_of_another_name_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path).rename(tmp_path / "small" / "2.0.0")
    with pytest.raises(ManifestError, match=r"must be small/1\.0\.0"):
        FolderRegistry((tmp_path,))


def test_one_version_in_two_roots_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "a")
    write_model(tmp_path / "b", seed=1)
    with pytest.raises(ManifestError, match="another version"):
        FolderRegistry((tmp_path / "a", tmp_path / "b"))


def test_a_folder_that_is_added_later_is_found(tmp_path: Path) -> None:
    registry = FolderRegistry((tmp_path / "models",))
    assert registry.manifests() == ()
    write_model(tmp_path / "models")
    assert registry.active("small") == ModelId("small", "1.0.0")
    first = registry.load(ModelId("small", "1.0.0"))
    write_model(tmp_path / "models", version="2.0.0")
    assert registry.load(ModelId("small", "2.0.0")).manifest.model.version == "2.0.0"
    assert [each.model.version for each in registry.manifests()] == ["1.0.0", "2.0.0"]
    assert registry.load(ModelId("small", "1.0.0")) is first


def test_a_broken_folder_that_is_added_later_harms_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_model(tmp_path)
    registry = FolderRegistry((tmp_path,))
    write_model(tmp_path, version="3.0.0").rename(tmp_path / "small" / "2.0.0")
    assert registry.active("small") == ModelId("small", "1.0.0")
    assert "must be small/3.0.0" in caplog.text
    (tmp_path / "small" / "2.0.0").rename(tmp_path / "small" / "3.0.0")
    assert registry.active("small") == ModelId("small", "3.0.0")


def test_a_version_is_read_once(tmp_path: Path) -> None:
    path = write_model(tmp_path) / "model.toml"
    registry = FolderRegistry((tmp_path,))
    path.write_text(path.read_text().replace("threshold = 0.4", "threshold = 0.9"))
    write_model(tmp_path, version="2.0.0")
    assert [each.outputs[0].threshold for each in registry.manifests()] == [0.4, 0.4]


def test_many_threads_find_what_is_added(tmp_path: Path) -> None:
    registry = FolderRegistry((tmp_path,))
    versions = [f"{number}.0" for number in range(1, 9)]
    with ThreadPoolExecutor(4) as pool:
        for version in versions:
            write_model(tmp_path, version=version)
            found = pool.map(lambda _: registry.active("small").version, range(8))
            assert set(found) == {version}
    assert [each.model.version for each in registry.manifests()] == versions


def test_models_beyond_the_maximum_are_let_go_the_one_used_longest_ago_first(
    tmp_path: Path,
) -> None:
    names = [ModelId(name, "1.0.0") for name in ("one", "two", "three")]
    for each in names:
        write_model(tmp_path, each.name)
    one, two, three = names
    registry = FolderRegistry((tmp_path,), maximum_models=2)
    seen = {each: weakref.ref(registry.load(each)) for each in (one, two)}
    registry.load(one)
    registry.load(three)
    assert seen[two]() is None
    assert registry.load(one) is seen[one]()


def test_a_model_that_is_in_use_is_not_loaded_again(tmp_path: Path) -> None:
    one, two = (ModelId(name, "1.0.0") for name in ("one", "two"))
    for each in (one, two):
        write_model(tmp_path, each.name)
    registry = FolderRegistry((tmp_path,), maximum_models=1)
    used = registry.load(one)
    registry.load(two)
    assert registry.load(one) is used


def test_a_model_that_is_not_there_makes_no_other_leave(tmp_path: Path) -> None:
    write_model(tmp_path)
    registry = FolderRegistry((tmp_path,), maximum_models=1)
    kept = weakref.ref(registry.load(ModelId("small", "1.0.0")))
    with pytest.raises(UnknownModel):
        registry.load(ModelId("small", "2.0.0"))
    assert kept() is not None


@pytest.mark.parametrize("step", ["load_model", "compile_model"])
def test_while_a_model_is_loaded_or_compiled_others_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    slow, other = (ModelId(name, "1.0.0") for name in ("slow", "other"))
    for each in (slow, other):
        write_model(tmp_path, each.name)
    compiling = "always" if step == "compile_model" else "never"
    registry = FolderRegistry((tmp_path, SHIPPED), compiling=compiling)
    begun, may_end = threading.Event(), threading.Event()
    real: Callable[..., object] = getattr(loading, step)

    def held(*given: object) -> object:
        if "slow" in str(given):
            begun.set()
            assert may_end.wait(60)
        return real(*given) if step == "load_model" else None

    monkeypatch.setattr(loading, step, held)
    monkeypatch.setattr("inference.models.gate.compile_runtime", lambda *_: None)
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(registry.load, slow)
        assert begun.wait(60)
        assert registry.load(other).manifest.model == other
        assert registry.gate("body-part").model.name == "body-part"
        assert not found.done()
        may_end.set()
        assert registry.load(slow) is found.result(60)
