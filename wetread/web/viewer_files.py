"""OHIF's built files, made to live at a path of their own.

The build knows one place, `/`: the path stands in its page, its style sheet and the loader of its
chunks. It is set anew as a file is read, so that the folder stays as npm gave it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PAGE = "index.html"
# A hash in its name: what it holds never changes.
_HASHED = re.compile(r"(^|\.)[0-9a-f]{16}\.")
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".jsonc": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
_SQUEEZED = frozenset((".css", ".js", ".json", ".svg", ".wasm"))
_LEVEL = 6  # of gzip: 17 MB of script in a second, a quarter of the size
# The page's service workers: the first asks another origin for its code, and both would answer
# for the whole node.
_NOT_SERVED = frozenset(("sw.js", "init-service-worker.js", "google.js", "app-config.js"))
_NAME = re.compile(r"[A-Za-z0-9._/-]{1,200}")
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ViewerFile:
    """A file as it is sent. `gzipped`: `content` is compressed by gzip."""

    content: bytes
    kind: str
    gzipped: bool
    forever: bool
    etag: str


class ViewerFiles:
    """The files of `folder` (OHIF's `dist`), for the path `root`, which ends with a slash.

    What a browser asks for is held in memory as it is sent: some 10 MB once a study was shown.
    """

    def __init__(self, folder: Path, root: str) -> None:
        self._folder = folder
        self._root = root
        self._held: dict[str, ViewerFile] = {}
        self._reading = threading.Lock()

    @property
    def there(self) -> bool:
        return (self._folder / PAGE).is_file()

    def page(self) -> tuple[bytes, list[str]]:
        """Return the page and the hashes of its inline scripts, as a policy names them (CSP 3)."""
        page = self._at_root(PAGE, (self._folder / PAGE).read_bytes())
        hashes = [
            f"'sha256-{base64.b64encode(hashlib.sha256(each).digest()).decode()}'"
            for each in _INLINE.findall(page)
        ]
        return page, hashes

    def file(self, name: str) -> ViewerFile | None:
        """Return the file of that name; None where none is served."""
        path = PurePosixPath(name)
        if not _NAME.fullmatch(name) or path.suffix not in _KINDS or name in _NOT_SERVED:
            return None
        with self._reading:
            held = self._held.get(name)
            if held is None:
                found = (self._folder / path).resolve()
                if not found.is_relative_to(self._folder.resolve()) or not found.is_file():
                    return None
                held = self._held[name] = self._read(name, found)
            return held

    def _read(self, name: str, path: Path) -> ViewerFile:
        content = self._at_root(name, path.read_bytes())
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        squeezed = path.suffix in _SQUEEZED
        return ViewerFile(
            gzip.compress(content, _LEVEL, mtime=0) if squeezed else content,
            _KINDS[path.suffix],
            squeezed,
            bool(_HASHED.search(path.name)),
            etag,
        )

    def _at_root(self, name: str, content: bytes) -> bytes:
        root = self._root.encode()
        if name == PAGE:
            content = re.sub(rb'<script[^>]*init-service-worker\.js"></script>', b"", content)
            content = re.sub(rb'\b(src|href|content|PUBLIC_URL)="/', rb'\1="' + root, content)
        elif name.endswith(".css"):
            content = content.replace(b"url(/", b"url(" + root)
        elif name.endswith(".js"):
            content = content.replace(
                b'__webpack_require__.p = "/";', b'__webpack_require__.p = "' + root + b'";'
            ).replace(b"browserImportFunction('/", b"browserImportFunction('" + root)
        return content
