"""How much a node keeps for each study that it reads, table by table.

    python -m benchmarks.growth [--studies 100] [--images 200]

A node on SQLite is sent radiographs, of one image each, and then one MR study of many images, which
no model reads. A table counts with its indexes, by the pages that it takes. What was received is
not counted: the archive holds it as it came.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydicom.uid import generate_uid

from dicom_node.dimse.send import send_files
from tests.support.node import Node
from tests.support.programs import HOST
from tests.support.radiographs import radiograph

_FIRST = 20  # studies, before which nothing is counted: a page is taken as a whole
_PRUNED = {"events": "kept for event_days", "workitem_events": "kept for a week"}
_SHAPE = (1024, 896)  # rows, columns

# Pages by table; an index counts for its table.
_SIZES = """
SELECT made.tbl_name, sum(dbstat.pgsize) FROM dbstat
JOIN sqlite_master AS made ON made.name = dbstat.name GROUP BY 1
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--studies", type=int, default=100)
    arguments.add_argument("--images", type=int, default=200)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, Node(Path(folder)) as node:
        place = Path(folder)
        studies = _FIRST + options.studies
        _receive(node, [_radiograph(place, each) for each in range(_FIRST)], _FIRST)
        begun = _sizes(node)
        rest = [_radiograph(place, each) for each in range(_FIRST, studies)]
        _receive(node, rest, studies)
        read = _sizes(node)
        study = str(generate_uid())
        images = [_image(place, study, each) for each in range(options.images)]
        _receive(node, images, studies + 1)
        _print(begun, read, _sizes(node), options.studies, options.images)


def _radiograph(folder: Path, number: int) -> Path:
    path = folder / f"{number}.dcm"
    radiograph(path, seed=number, AccessionNumber=f"A{number}", shape=_SHAPE)
    return path


def _image(folder: Path, study: str, number: int) -> Path:
    path = folder / f"mr-{number}.dcm"
    series = f"{study[:60]}.{number // 100}"
    what = {"Modality": "MR", "InstanceNumber": number, "shape": (32, 32)}
    radiograph(path, study=study, series=series, seed=number, **what)
    return path


def _receive(node: Node, files: Sequence[Path], studies: int) -> None:
    for outcome in send_files(files, host=HOST, port=node.port, called_ae="WETREAD"):
        assert outcome.taken
    node.settle(studies, timeout=3600)


def _sizes(node: Node) -> Counter[str]:
    """Return bytes by the name of a table, and of the results in the archive."""
    database = sqlite3.connect(f"{(node.home / 'wetread.db').as_uri()}?mode=ro", uri=True)
    try:
        sizes = Counter(dict(database.execute(_SIZES).fetchall()))
    finally:
        database.close()
    results = (node.home / "archive" / "results").rglob("*.dcm")
    sizes["archive: results"] = sum(each.stat().st_size for each in results)
    return sizes


def _print(
    begun: Mapping[str, int],
    read: Mapping[str, int],
    ended: Mapping[str, int],
    studies: int,
    images: int,
) -> None:
    print(f"{'bytes':24}{'a radiograph':>14}{'an image more':>15}")
    each = {name: (read[name] - begun.get(name, 0)) / studies for name in read}
    more = {name: (ended[name] - read.get(name, 0)) / images for name in ended}
    names = [name for name in read if not name.startswith("archive")]
    for name in sorted(names, key=lambda name: -each[name]):
        if each[name] or more[name]:
            print(f"{name:24}{each[name]:14,.0f}{more[name]:15,.0f}   {_PRUNED.get(name, '')}")
    for name, chosen in (("database", names), ("of it, pruned", list(_PRUNED))):
        print(f"{name:24}{_sum(each, chosen):14,.0f}{_sum(more, chosen):15,.0f}")
    print(f"{'archive: results':24}{each['archive: results']:14,.0f}")


def _sum(sizes: Mapping[str, float], names: Sequence[str]) -> float:
    return sum(sizes[each] for each in names)


if __name__ == "__main__":
    main()
