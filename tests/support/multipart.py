"""Multipart messages, taken apart with the standard library's parser and not with ours."""

from __future__ import annotations

import email
from collections.abc import Iterable
from typing import Any


def parts_of(answer: Any) -> list[tuple[dict[str, str], bytes]]:
    """Return headers (names in lower case) and content of each part of an HTTP answer."""
    content_type = answer.headers["content-type"]
    message = email.message_from_bytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + answer.content
    )
    assert message.is_multipart(), content_type
    assert not message.defects
    boundary = message.get_boundary()
    assert boundary
    # Its idea of lines is not that of binary content, so the content is cut out here.
    pieces = (b"\r\n" + answer.content).split(b"\r\n--" + boundary.encode())
    assert pieces[-1].strip() == b"--"
    found = []
    for piece in pieces[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().strip().split("\r\n")]
        found.append(({name.lower(): value for name, value in lines}, content))
    return found


def multipart_of(
    parts: Iterable[tuple[str, bytes] | tuple[str, bytes, dict[str, str]]],
    boundary: str = "a-boundary",
) -> bytes:
    """Return a message of (content type, content[, more headers])."""
    made = b""
    for media, content, *more in parts:
        lines = [f"--{boundary}", f"Content-Type: {media}"]
        lines += [f"{name}: {value}" for headers in more for name, value in headers.items()]
        made += "\r\n".join([*lines, "", ""]).encode() + content + b"\r\n"
    return made + f"--{boundary}--\r\n".encode()
