"""Commands and nodes start quickly: each imports what it needs, when it needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inference.domain.errors import InputError, SettingsError
from wetread.bootstrap import open_stores
from wetread.cli.app import COMMANDS, load
from wetread.cli.network import send
from wetread.cli.status import replay
from wetread.settings import Settings

# What takes longest to import, and which no command needs to say its options.
SLOW = ("alembic", "cv2", "fastapi", "highdicom", "numpy", "pydicom", "scipy", "sklearn", "torch")


def imported(code: str) -> set[str]:
    """Return what a Python of its own has imported after it ran `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_of_a_command_what_it_says_of_itself(name: str) -> None:
    first, _, _ = load(name).help.partition("\n\n")
    assert COMMANDS[name][1] == " ".join(first.split())


@pytest.mark.parametrize("asked", ["--help", "--version"])
def test_help_imports_no_command(asked: str) -> None:
    found = imported(
        f"from wetread.cli import main\nsys.argv = ['wetread', '{asked}']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert {each for each in found if each.startswith("wetread.")} == {
        "wetread.cli",
        "wetread.cli.app",
    }
    assert not found & {*SLOW, "pydantic", "sqlalchemy"}


def test_no_command_but_serve_imports_what_is_slow_before_it_runs() -> None:
    others = [name for name in COMMANDS if name != "serve"]
    found = imported(f"from wetread.cli.app import load\nfor name in {others}: load(name)")
    assert not found & set(SLOW)


def test_status_of_a_node_imports_nothing_slow(tmp_path: Path) -> None:
    open_stores(Settings(home=tmp_path)).close()
    found = imported(
        "import os\n"
        f"os.environ['WETREAD_HOME'] = {str(tmp_path)!r}\n"
        "from wetread.cli import main\nsys.argv = ['wetread', 'status']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    )
    assert "wetread.cli.status" in found
    assert not found & set(SLOW)


@pytest.mark.parametrize("role", ["receiver", "web"])
def test_a_node_without_a_worker_imports_nothing_of_models(role: str, tmp_path: Path) -> None:
    open_stores(Settings(home=tmp_path)).close()
    found = imported(
        "from pathlib import Path\n"
        "from threading import Event\n"
        "from wetread.cli.serve import build_metrics, build_node, open_stores\n"
        "from wetread.settings import Settings\n"
        "from wetread.web.build import build_web\n"
        f"whole = Settings(home=Path({str(tmp_path)!r}), dimse_port=0)\n"
        f"settings = whole.model_copy(update={{'roles': ({role!r},)}})\n"
        "stores = open_stores(settings)\n"
        "metrics = build_metrics(settings, stores)\n"
        "node = build_node(settings, stores, metrics.meter)\n"
        "build_web(settings, stores, node, metrics, Event(), Event())\n"
        "stores.close()"
    )
    assert not found & {"alembic", "captum", "cv2", "matplotlib", "scipy", "sklearn", "torch"}


def test_a_node_receives_before_it_has_imported_pages_and_models(tmp_path: Path) -> None:
    found = imported(
        "from pathlib import Path\n"
        "from wetread.cli.serve import build_metrics, build_node, open_stores\n"
        "from wetread.settings import Settings\n"
        f"settings = Settings(home=Path({str(tmp_path)!r}), dimse_port=0)\n"
        "stores = open_stores(settings)\n"
        "node = build_node(settings, stores, build_metrics(settings, stores).meter)\n"
        "assert 'worker' in [each.name for each in node.services]\n"
        "stores.close()"
    )
    assert not found & {"cv2", "fastapi", "jinja2", "torch", "uvicorn"}


def test_a_folder_without_images_is_an_error_and_nothing_for_who_reads_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="there is no DICOM file in"):
        send([tmp_path], as_json=True)
    assert not capsys.readouterr().out


def test_nothing_is_replayed_in_a_state_directory_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WETREAD_HOME", str(tmp_path / "mistyped"))
    with pytest.raises(SettingsError, match="no node has run"):
        replay(all_failed=True)
    assert not (tmp_path / "mistyped").exists()
