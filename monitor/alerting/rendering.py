"""A message as Markdown, HTML or plain text, within what a service takes: whole alerts, then how many are left."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.alerting import wording
from monitor.alerting.message import AlertText, Message

SHOWN = 10
SHOWN_IN_MAIL = 50
LONGEST = {"summary": 300, "description": 600, "labels": 400, "finding": 200}
Measure = Callable[[str], int]


def in_bytes(text: str) -> int:
    return len(text.encode())


def in_utf16(text: str) -> int:
    """As JavaScript and Telegram count."""
    return len(text.encode("utf-16-le")) // 2


@dataclass(frozen=True, slots=True)
class Style:
    """How a service marks text. ``escape`` must leave nothing that the service reads as markup."""

    escape: Callable[[str], str] = lambda text: text
    bold: tuple[str, str] = ("**", "**")
    link: Callable[[str, str], str] = lambda text, url: f"[{text}]({url})"
    line: str = "\n\n"
    measure: Measure = in_bytes


PLAIN = Style(bold=("", ""), link=lambda text, url: f"{text}: {url}", line="\n")
MARKDOWN = Style()


def markup(message: Message, style: Style = MARKDOWN, *, limit: int) -> str:
    """The message in at most ``limit`` (in what the style measures), never cut inside of markup."""
    head = [f"{_bold(name, style)}: {style.escape(value)}" for name, value in message.facts]
    links = _fitting([style.link(style.escape(text), url) for text, url in message.links], style, limit // 3)
    hint = wording.more(message.language, len(message.alerts))
    room = limit - style.measure(style.line.join([*head, *links, hint, ""]))
    blocks: list[str] = []
    for alert in message.alerts[:SHOWN]:
        block = next((one for one in _blocks(alert, style) if style.measure(one + style.line) <= room), None)
        if block is None:
            break
        blocks.append(block)
        room -= style.measure(block + style.line)
    hidden = len(message.alerts) - len(blocks)
    rest = [wording.more(message.language, hidden)] if hidden else []
    return style.line.join([*head, *blocks, *rest, *links])


def rich(message: Message) -> str:
    """The message as a small HTML letter."""
    facts = "".join(
        f"<tr><th align=left>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in message.facts
    )
    shown = message.alerts[:SHOWN_IN_MAIL]
    alerts = "".join(f"<p>{_rich_alert(alert)}</p>" for alert in shown)
    hidden = len(message.alerts) - len(shown)
    alerts += f"<p>{wording.more(message.language, hidden)}</p>" if hidden else ""
    links = "".join(
        f'<p><a href="{html.escape(url)}">{html.escape(text)}</a></p>' for text, url in message.links
    )
    return f"<h2>{html.escape(message.icon + ' ' + message.title)}</h2><table>{facts}</table>{alerts}{links}"


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _bold(text: str, style: Style) -> str:
    return f"{style.bold[0]}{style.escape(text)}{style.bold[1]}"


def _fitting(parts: Sequence[str], style: Style, room: int) -> list[str]:
    """As many as fit, in their order; one that is too long does not keep out the next."""
    chosen = []
    for part in parts:
        size = style.measure(part + style.line)
        if size <= room:
            chosen.append(part)
            room -= size
    return chosen


def _blocks(alert: AlertText, style: Style) -> list[str]:
    """The alert in full, and in short for when there is little room."""
    title = f"{alert.icon} {_bold(cut(alert.summary, LONGEST['summary']), style)}"
    findings = [f"{name}: {style.escape(cut(text, LONGEST['finding']))}" for name, text in alert.findings]
    lines = [
        title,
        style.escape(cut(alert.description, LONGEST["description"])),
        style.escape(cut(alert.own_labels, LONGEST["labels"])),
        *findings,
    ]
    short = f"{alert.icon} {_bold(cut(alert.summary, 80), style)}"
    return [style.line.join(line for line in one if line) for one in (lines, [title, *findings], [short])]


def _rich_alert(alert: AlertText) -> str:
    lines = [
        f"<b>{html.escape(alert.icon + ' ' + alert.summary)}</b>",
        html.escape(alert.description),
        html.escape(alert.own_labels),
        *(f"{html.escape(name)}: {html.escape(text)}" for name, text in alert.findings),
    ]
    return "<br>".join(line for line in lines if line)
