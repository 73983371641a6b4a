"""What the templates need beyond Django's own: parts, numbers, moments, charts, addresses."""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from dashboards import assets, numbers, sparks
from dashboards.boards import naming

register = template.Library()
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")


class PartNode(template.Node):
    """A section that a refresh may replace on its own; its digest says whether it changed."""

    def __init__(self, name: FilterExpression, kind: str, inside: NodeList) -> None:
        self.name = name
        self.kind = kind
        self.nodelist = inside

    def render(self, context: Context) -> SafeString:
        name = str(self.name.resolve(context))
        inside = self.nodelist.render(context)
        digest = hashlib.blake2b(inside.encode(), digest_size=6).hexdigest()
        visit = context.get("visit")
        if visit is not None:
            visit.parts[name] = (digest, self._wrap(name, digest, inside, ' hx-swap-oob="true"'))
        return self._wrap(name, digest, inside, "")

    def _wrap(self, name: str, digest: str, inside: str, more: str) -> SafeString:
        # the inside was rendered, and so escaped, by the template engine
        opening = format_html(
            '<section id="part-{}" class="part {}" data-part="{}" data-digest="{}"',
            name,
            self.kind,
            name,
            digest,
        )
        return mark_safe(f"{opening}{more}>{inside}</section>")  # noqa: S308


@register.tag("part")
def part(parser: Parser, token: Token) -> PartNode:
    """``{% part "name" class %}…{% endpart %}``."""
    _tag, name, *kind = token.split_contents()
    inside = parser.parse(("endpart",))
    parser.delete_first_token()
    return PartNode(parser.compile_filter(name), " ".join(kind).replace('"', ""), inside)


@register.filter
def called(word: object) -> str:
    """A word of documents as people read it."""
    return naming.called(str(word))


@register.filter
def breakable(text: object) -> str:
    """A name in humps that may be broken where a hump begins."""
    return HUMP.sub("\u200b", str(text))


@register.filter
def unescaped(text: object) -> object:
    """JSON as people read it: what is not Latin stands there as itself."""
    if not isinstance(text, str) or not text.startswith(("{", "[")):
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


@register.simple_tag
def asset(name: str) -> str:
    return assets.url(name)


@register.simple_tag(takes_context=True)
def here(context: Context, **changes: Any) -> str:
    """The same page with other parameters."""
    return str(context["visit"].here(**{name: str(value) for name, value in changes.items()}))


@register.simple_tag(takes_context=True)
def to(context: Context, page: str, **params: Any) -> str:
    """Another page of this project, over the same time."""
    return str(context["visit"].to(page, **{name: str(value) for name, value in params.items()}))


@register.simple_tag
def permille(share: float) -> str:
    """A share as a coordinate of a drawing that is 1000 wide."""
    return f"{share * 1000:.1f}"


@register.simple_tag
def get_item(mapping: Mapping[str, Any], name: str) -> Any:
    return mapping.get(name)


@register.filter
def item(mapping: Mapping[str, Any], name: str) -> Any:
    return mapping.get(name)


@register.filter
def num(value: float | None, unit: str = "number") -> str:
    return numbers.show(value, unit)


@register.filter
def signed(value: float | None, unit: str = "number") -> str:
    return numbers.signed(value, unit)


@register.filter
def moment(value: dt.datetime | None, form: str = "ago") -> str:
    """A time that the page writes in the viewer's zone; ``form`` is ago, time, short, exact or full."""
    if value is None:
        return numbers.UNKNOWN
    utc = value.astimezone(dt.UTC)
    return format_html(
        '<time datetime="{}" data-form="{}" title="{} UTC">{} UTC</time>',
        utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"), form,
        # about as wide as what the script makes of it, so that nothing moves then
        utc.strftime("%Y-%m-%d %H:%M:%S"), utc.strftime("%Y-%m-%d %H:%M" if form == "full" else "%m-%d %H:%M"),
    )  # fmt: skip


@register.filter
def spark(values: Sequence[float | None]) -> SafeString:
    # numbers only, formatted by sparks.py
    return mark_safe(sparks.spark(values))  # noqa: S308


@register.simple_tag(takes_context=True)
def version_style(context: Context, model: str, version: str) -> str:
    """The style that carries a version's colour to the element and what is inside."""
    return f"--c:{context['visit'].colour(model, version)}"


@register.inclusion_tag("parts/chart.html")
def chart(drawn: Any) -> dict[str, Any]:
    return {"chart": drawn}


@register.simple_tag
def board_figure(face: Any) -> SafeString:
    # Face.figure escapes <, > and &
    text: SafeString = mark_safe(face.figure)  # noqa: S308
    return text


@register.simple_tag
def figure_json(drawn: Any) -> SafeString:
    # Chart.json escapes <, > and &
    text: SafeString = mark_safe(drawn.json)  # noqa: S308
    return text
