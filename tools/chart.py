"""Hold what is said twice in helm/wetread in step: `python -m tools.chart --write`.

The service's own settings stand in values.schema.json as the service itself checks them, and
README.md has values.yaml as a table.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

from wetread.settings import Settings

CHART = Path(__file__).resolve().parents[1] / "helm" / "wetread"
_BEGIN, _END = "<!-- values -->", "<!-- end of values -->"

# What the chart sets by itself, or has values of its own for.
CHARTS_OWN = frozenset(
    (
        "archive",
        "database_url",
        "dimse_host",
        "dimse_port",
        "home",
        "http_host",
        "http_port",
        "migrate_on_start",
        "orthanc",
        "roles",
        "s3_endpoint_url",
        "s3_region",
        "viewer_folder",
    )
)


def schema(text: str) -> str:
    """Return the schema of values with the settings that there are now."""
    chart = json.loads(text)
    service = _plain(Settings.model_json_schema())
    parts = {f"setting.{name}": part for name, part in service.pop("$defs", {}).items()}
    peer = parts.pop("setting.OrthancSettings")
    for name in ("username", "password"):  # they come from a Secret
        del peer["properties"][name]
    peer["properties"]["existingSecret"] = {"$ref": "#/definitions/name"}
    own = {name: part for name, part in chart["definitions"].items() if "setting." not in name}
    chart["definitions"] = own | parts
    chart["properties"]["settings"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: part for name, part in service["properties"].items() if name not in CHARTS_OWN
        },
    }
    chart["properties"]["peers"]["properties"]["orthanc"]["items"] = peer
    return json.dumps(chart, indent=2) + "\n"


def _plain(node: Any) -> Any:
    """Drop titles, defaults and descriptions; what is referred to is among our definitions."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return copy.copy(node)
    if "$ref" in node:
        return {"$ref": node["$ref"].replace("#/$defs/", "#/definitions/setting.")}
    return {
        name: {key: _plain(each) for key, each in value.items()}
        if name in ("properties", "$defs")
        else _plain(value)
        for name, value in node.items()
        if name not in ("title", "default", "description", "format", "writeOnly")
    }


def documented(text: str) -> dict[str, tuple[str, str]]:
    """Return (default, meaning) of each value in values.yaml that has a comment above it."""
    found: dict[str, tuple[str, str]] = {}
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        if line.strip().startswith("#"):
            comment.append(line.strip()[1:].strip())
        elif match := re.match(r"^( *)([\w.-]+):(?: +(.*))?$", line):
            path = [*path[: len(match[1]) // 2], match[2]]
            if comment:
                found[".".join(path)] = (match[3] or "", " ".join(comment))
            comment = []
        else:
            comment = []
    return found


def readme(text: str, values: str) -> str:
    """Return the README with the table of `values` as they are now."""
    rows = ["| value | default | |", "| --- | --- | --- |"]
    for name, (default, meaning) in documented(values).items():
        cells = (f"`{name}`", f"`{default}`" if default else "", meaning)
        rows.append("| " + " | ".join(each.replace("|", "\\|") for each in cells) + " |")
    before, _, rest = text.partition(_BEGIN)
    return "\n".join([before + _BEGIN, *rows, _END]) + rest.partition(_END)[2]


def rendered() -> dict[Path, str]:
    """Return what each file should hold."""
    schema_file, readme_file = CHART / "values.schema.json", CHART / "README.md"
    values = (CHART / "values.yaml").read_text()
    return {
        schema_file: schema(schema_file.read_text()),
        readme_file: readme(readme_file.read_text(), values),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write what differs")
    write = parser.parse_args().write
    for path, text in rendered().items():
        if path.read_text() != text:
            if not write:
                sys.exit(f"{path.name} is not in step: python -m tools.chart --write")
            path.write_text(text)


if __name__ == "__main__":
    main()
