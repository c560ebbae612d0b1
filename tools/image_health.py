#!/usr/bin/env -S python3 -IS
"""The image's health check: what this container's roles answer at /readyz.

It asks where the settings say, environment and wetread.toml, and reads them without Wetread, whose
modules would take six times as long every ten seconds; tests hold that both find the same. A
container that does not serve has nothing to answer, and is healthy while it runs.
"""

import http.client
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

_PREFIX = "wetread_"
_ANYWHERE = ("", "0.0.0.0", "::")
_TIMEOUT = 8.0  # seconds


def command() -> list[str]:
    """Return that of process 1, which the container is."""
    return Path("/proc/1/cmdline").read_bytes().decode(errors="replace").split("\0")


def roles(command: list[str]) -> list[str] | None:
    """Return the roles that `wetread serve …` names; None where the command is another."""
    if "serve" not in command:
        return None
    named = [
        after for word, after in zip(command, [*command[1:], ""], strict=True) if word == "--role"
    ]
    named += [word.removeprefix("--role=") for word in command if word.startswith("--role=")]
    return named


def settings() -> dict[str, Any]:
    """Return what environment and file say, as wetread/settings.py looks for it.

    Raises `OSError` or `ValueError` for a file that cannot be read.
    """
    named = os.environ.get("WETREAD_CONFIG")
    home = Path(os.environ.get("WETREAD_HOME", "~/.wetread")).expanduser()
    files = [Path(named)] if named else [Path("wetread.toml"), home / "wetread.toml"]
    file = next((each for each in files if each.is_file()), None)
    said = tomllib.loads(file.read_text(encoding="utf-8")) if file else {}
    for name, value in os.environ.items():
        if name.lower().startswith(_PREFIX):
            said[name.lower().removeprefix(_PREFIX)] = value
    return said


def place(said: dict[str, Any]) -> tuple[str, int]:
    """Return host and port to ask."""
    host = str(said.get("http_host", ""))
    return "127.0.0.1" if host in _ANYWHERE else host, int(said.get("http_port", 8080))


def ask(host: str, port: int) -> tuple[bool, str]:
    """Return whether it is ready, and what it says."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == 200, answer.read(1000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, f"no answer: {error}"
    finally:
        connection.close()


def main() -> int:
    found = roles(command())
    if found is None:
        print("does not serve")
        return 0
    try:
        configured = settings()
        host, port = place(configured)
    except (OSError, ValueError) as error:
        print(f"the settings cannot be read: {error}")
        return 1
    ready, said = ask(host, port)
    by_settings = configured.get("roles", ["all roles"])
    if not found:
        found = by_settings if isinstance(by_settings, list) else [str(by_settings)]
    print(f"{', '.join(found)}: {said}")
    return 0 if ready else 1


if __name__ == "__main__":
    sys.exit(main())
