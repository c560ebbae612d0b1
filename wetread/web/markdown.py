"""A card's Markdown as HTML; whatever markup it brings itself is shown as text."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markupsafe import Markup

# A wide table scrolls by itself, also by keyboard.
_OPEN = '<div class="scroll" tabindex="0" role="group" aria-label="Table">'

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


_PARSER.add_render_rule("table_open", lambda *_: f"{_OPEN}<table>")
_PARSER.add_render_rule("table_close", lambda *_: "</table></div>")


def as_html(text: str) -> Markup:
    return Markup(_PARSER.render(text))
