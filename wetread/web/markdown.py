"""A card's Markdown as HTML; whatever markup it brings itself is shown as text."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markupsafe import Markup

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def as_html(text: str) -> Markup:
    return Markup(_PARSER.render(text))
