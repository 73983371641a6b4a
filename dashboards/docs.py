"""The manual, served by the product itself: Markdown under ``templates/docs``."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.views.decorators.gzip import gzip_page
from markdown_it import MarkdownIt
from markdown_it.token import Token

FIRST = "index"
_HEADING = re.compile(r"^# (.+)$", re.MULTILINE)
_LINK = re.compile(r"^([a-z0-9-]+)(?:\.zh)?\.md(#.*)?$")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of the manual."""

    name: str
    title: str
    path: Path


def folder() -> Path:
    return Path(settings.BASE_DIR) / "templates" / "docs"


def leaves() -> list[Leaf]:
    """All pages, the first one leading; a translation (``NAME.zh.md``) takes its original's place."""
    originals = sorted(path for path in folder().glob("*.md") if ".zh." not in path.name)
    found = [_leaf(path) for path in originals]
    return sorted(found, key=lambda leaf: (leaf.name != FIRST, leaf.title))


def _leaf(path: Path) -> Leaf:
    translated = path.with_suffix(".zh.md")
    chosen = translated if (get_language() or "").startswith("zh") and translated.exists() else path
    match = _HEADING.search(chosen.read_text(encoding="utf-8"))
    return Leaf(path.stem, match.group(1) if match else path.stem, chosen)


def index(request: HttpRequest) -> HttpResponse:
    return page(request, FIRST)


@gzip_page
def page(request: HttpRequest, name: str) -> HttpResponse:
    """One page of the manual with the list of the others."""
    if name == FIRST and request.path != "/docs/":
        return redirect("/docs/")
    pages = leaves()
    leaf = next((leaf for leaf in pages if leaf.name == name), None)
    if leaf is None:
        message = f"the manual has no page {name!r}"
        raise Http404(message)
    html = render(leaf.path.read_text(encoding="utf-8"))
    return HttpResponse(
        render_to_string("pages/manual.html", {"leaf": leaf, "leaves": pages, "html": html}, request)
    )


def render(text: str) -> SafeString:
    """Markdown with tables into HTML; raw HTML in it stays text, links between the files become addresses."""
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = reader.parse(text)
    for token in tokens:
        for child in token.children or []:
            if child.type == "link_open":
                _relink(child)
    _anchor(tokens)
    # html=False above: what the reader writes is escaped
    html: SafeString = mark_safe(reader.renderer.render(tokens, reader.options, {}))  # noqa: S308
    return html


def _relink(token: Token) -> None:
    match = _LINK.match(str(token.attrs.get("href", "")))
    if match:
        token.attrs["href"] = f"/docs/{match.group(1)}/{match.group(2) or ''}"


def _anchor(tokens: list[Token]) -> None:
    for token, inside in pairwise(tokens):
        if token.type == "heading_open":
            words = re.sub(r"[^\w\s-]", "", inside.content.lower())
            token.attrs["id"] = re.sub(r"\s+", "-", words.strip())
