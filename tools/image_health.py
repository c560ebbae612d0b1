#!/usr/bin/env -S python3 -IS
"""The image's health check: what this container's roles answer at /readyz.

It stands apart from Wetread, of whose modules it would load hundreds every ten seconds. A container
that does not serve has nothing to answer, and is healthy while it runs.
"""

import http.client
import os
import sys
from pathlib import Path

_ANYWHERE = ("", "0.0.0.0", "::")
_TIMEOUT = 8.0  # seconds


def roles(command: list[str]) -> list[str] | None:
    """Return the roles that `wetread serve …` names; None where the command is another."""
    if "serve" not in command:
        return None
    named = [
        after for word, after in zip(command, [*command[1:], ""], strict=True) if word == "--role"
    ]
    named += [word.removeprefix("--role=") for word in command if word.startswith("--role=")]
    return named


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
    command = Path("/proc/1/cmdline").read_bytes().decode(errors="replace").split("\0")
    found = roles(command)
    if found is None:
        print("does not serve")
        return 0
    host = os.environ.get("WETREAD_HTTP_HOST", "")
    port = int(os.environ.get("WETREAD_HTTP_PORT", "8080"))
    ready, said = ask("127.0.0.1" if host in _ANYWHERE else host, port)
    print(f"{', '.join(found) or os.environ.get('WETREAD_ROLES', 'all roles')}: {said}")
    return 0 if ready else 1


if __name__ == "__main__":
    sys.exit(main())
