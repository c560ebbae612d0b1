"""Complete the image's bill of materials: beside the Python packages, Debian's and the viewer.

`python tools/image_bill.py PYTHON.cdx.json --viewer FOLDER` prints the CycloneDX document with a
component for each Debian package of the machine that it runs on, which is the image's own base,
for Python where no package brings it, and for OHIF if it is in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]
_FIELDS = ("Package", "Version", "Architecture", "source:Package", "db:Status-Status")


def component(kind: str, name: str, version: str, purl: str) -> Component:
    return {"bom-ref": purl, "type": kind, "name": name, "version": version, "purl": purl}


def operating_system(text: str) -> Component:
    """Read /etc/os-release."""
    pairs = (line.partition("=") for line in text.splitlines())
    said = {name: value.strip("\"'") for name, _, value in pairs}
    return {"type": "operating-system", "name": said["ID"], "version": said["VERSION_ID"]}


def debian(listing: str, system: Component) -> Iterator[Component]:
    """Yield what `dpkg-query` lists, a line a package."""
    distribution = f"{system['name']}-{system['version']}"
    for line in sorted(filter(None, listing.splitlines())):
        name, version, architecture, source, status = line.split("\t")
        if status != "installed":
            continue
        qualifiers = f"arch={architecture}&distro={distribution}"
        if source != name:
            qualifiers += f"&upstream={quote(source, safe='')}"
        path = f"{system['name']}/{quote(name, safe='')}@{quote(version, safe='')}"
        yield component("library", name, version, f"pkg:deb/{path}?{qualifiers}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bill", type=Path)
    parser.add_argument("--viewer", type=Path, required=True)
    arguments = parser.parse_args()
    bill = json.loads(arguments.bill.read_text())
    listing = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "\t".join(f"${{{f}}}" for f in _FIELDS) + "\n"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    system = operating_system(Path("/etc/os-release").read_text())
    found = [system, *debian(listing, system)]
    major = f"python{'.'.join(platform.python_version_tuple()[:2])}-minimal"
    if all(each["name"] != major for each in found):
        version = platform.python_version()
        found.append(component("platform", "python", version, f"pkg:generic/python@{version}"))
    ohif = arguments.viewer / ".version"
    if ohif.is_file():
        version = ohif.read_text().strip()
        purl = f"pkg:npm/%40ohif/app@{version}"
        found.append(component("application", "@ohif/app", version, purl))
    bill["components"] += found
    print(json.dumps(bill, indent=2))


if __name__ == "__main__":
    main()
