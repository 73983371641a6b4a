"""Text panels: Markdown, with variables; HTML inside is shown as text, never run."""

import re

from django.utils.translation import gettext_lazy as lazy
from markdown_it import MarkdownIt

from dashboards.boards.fill import put
from dashboards.boards.kinds import Drawing, Drawn, html

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
_TAG = re.compile(r"<[^>]*>")


def draw(drawing: Drawing) -> Drawn:
    text = put(str(drawing.options.get("content") or ""), drawing.scope, "text")
    if drawing.options.get("mode") == "html":
        text = _TAG.sub("", re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.DOTALL | re.IGNORECASE))
    if not text.strip():
        return Drawn(empty=lazy("This panel has no text yet."))
    # the renderer escapes HTML and refuses addresses that run scripts
    return Drawn(html("text", body=_MARKDOWN.render(text)))
