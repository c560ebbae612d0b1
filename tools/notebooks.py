"""Run the notebooks in their order, in a folder of their own and with a node of their own.

`python tools/notebooks.py` says whether they run; with `--write` their outputs are kept, which
is how the notebooks in the repository got theirs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
_SECONDS = 600  # for one cell


def run(folder: Path, out: Path | None = None) -> None:
    """Run all notebooks in `folder`, an empty one; write them with their outputs into `out`.

    Raises `RuntimeError` where a cell fails or warns.
    """
    for path in NOTEBOOKS.glob("*.py"):
        shutil.copy(path, folder)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        started = time.monotonic()
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(
            notebook,
            timeout=_SECONDS,
            startup_timeout=_SECONDS,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],  # it warns of its ports, on 127.0.0.1
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
        )
        try:
            client.execute()
        except CellExecutionError as error:
            raise RuntimeError(f"{path.name}: {error}") from None
        for cell in notebook.cells:
            for output in cell.get("outputs", ()):
                if output.get("name") == "stderr":
                    raise RuntimeError(f"{path.name} warns: {output['text']}")
        print(f"{path.name}: {time.monotonic() - started:.0f} s", flush=True)
        if out is not None:
            # Which Python it was is of no interest, and would differ with everybody who writes.
            notebook.metadata["language_info"] = {"name": "python"}
            nbformat.write(notebook, out / path.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument("--write", action="store_true", help="keep the outputs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["WETREAD_HOME"] = str(folder / "home")
        for name in ("WETREAD_NOTEBOOK_DATA", "WETREAD_CONFIG"):
            os.environ.pop(name, None)
        # Beside other work, threads that wait for each other cost more than they bring.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        try:
            run(folder, NOTEBOOKS if arguments.write else None)
        except RuntimeError as error:
            sys.exit(str(error))


_Formatter = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    main()
