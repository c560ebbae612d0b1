"""Run the notebooks in their order, in a folder of their own and with a node of their own.

`python tools/notebooks.py` says whether they run; with `--write` their outputs are kept, which
is how the notebooks in the repository got theirs. With `--short` every cell runs, too, but on
fewer drawings and for fewer epochs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
_SECONDS = 600  # for one cell
_SHORTER = {
    "count: int = 240": "count: int = 60",
    "count: int = 120": "count: int = 60",
    "epochs = 5": "epochs = 1",
    "worst=3": "worst=1",
}


def run(folder: Path, out: Path | None = None, *, short: bool = False) -> None:
    """Run all notebooks in `folder`, an empty one; write them with their outputs into `out`.

    Raises `RuntimeError` where a cell fails or warns.
    """
    missed = set(_SHORTER if short else ())

    def shortened(source: str) -> str:
        for long, shorter in _SHORTER.items() if short else ():
            if long in source:
                missed.discard(long)
                source = source.replace(long, shorter)
        return source

    for path in NOTEBOOKS.glob("*.py"):
        (folder / path.name).write_text(shortened(path.read_text()))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        started = time.monotonic()
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.source = shortened(cell.source)
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
    if missed:
        raise RuntimeError(f"no notebook says any more: {', '.join(sorted(missed))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--write", action="store_true", help="keep the outputs")
    which.add_argument("--short", action="store_true", help="fewer drawings, fewer epochs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["WETREAD_HOME"] = str(folder / "home")
        for name in ("WETREAD_NOTEBOOK_DATA", "WETREAD_CONFIG"):
            os.environ.pop(name, None)
        # Beside other work, threads that wait for each other cost more than they bring.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        try:
            run(folder, NOTEBOOKS if arguments.write else None, short=arguments.short)
        except RuntimeError as error:
            sys.exit(str(error))


_Formatter = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    main()
