"""Secrets taken out of texts that others wrote: as they are, encoded in any usual way, or a part of a secret address."""

import base64
import functools
import html
import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from monitor.core.fields import MASK

# shorter ones are masked only where they stand by themselves: the others would take every text apart
STANDS_ALONE = 3
# a part of an address that is shorter, or one of these words, tells nobody anything
SHORTEST_PART = 4
ORDINARY = frozenset(
    {
        "alert", "alerts", "api", "apis", "app", "apps", "auth", "bot", "bots", "cgi-bin", "chat", "chats",
        "completions", "enqueue", "event", "events", "false", "gettoken", "hook", "hooks", "http", "https",
        "incoming", "integrations", "invoke", "json", "manual", "message", "messages", "notify",
        "notifications", "open-apis", "paths", "prometheus", "push", "robot", "send", "sendMessage",
        "sendmessage", "services", "trigger", "triggers", "true", "webhook", "webhooks", "workflows",
    }
)  # fmt: skip
CONTROLS = {"\n": r"\\+n|\s+", "\t": r"\\+t|\s+", "\r": r"\\+r|\s+", "\b": r"\\+b", "\f": r"\\+f|\s+"}
WEB = frozenset({"http", "https"})


def redact(text: str, secrets: Iterable[str]) -> str:
    """``text`` with every secret masked, the longest first."""
    forms = {form for secret in secrets if secret for form in _forms(secret)}
    for form in sorted(forms, key=lambda one: (-len(one), one)):
        text = _pattern(form).sub(MASK, text)
    return text


@functools.lru_cache(maxsize=512)
def _forms(secret: str) -> frozenset[str]:
    """The secret, what it looks like in base64, and what is secret in it if it is an address or several."""
    raw = secret.encode(errors="replace")
    coded = [way(raw).decode() for way in (base64.b64encode, base64.urlsafe_b64encode)]
    whole = {secret, *coded, *(one.rstrip("=") for one in coded)}
    for piece in re.split(r"[,\s]+", secret) if "://" in secret else ():
        whole |= {piece, *_parts(piece)}
    return frozenset(one for one in whole if one)


def _parts(address: str) -> Iterator[str]:
    try:
        found = urlsplit(address)
    except ValueError:
        return
    if found.scheme not in WEB:
        yield from _telling(re.split(r"[:@/]", found.netloc))
    yield from _telling([found.username or "", found.password or ""], shortest=1)
    steps = list(_telling(found.path.split("/")))
    yield from steps
    if steps:
        yield found.path
    for name, value in parse_qsl(found.query):
        yield from _telling([value])
        yield f"{name}={value}"
    yield from _telling([found.query, found.fragment])


def _telling(parts: Iterable[str], *, shortest: int = SHORTEST_PART) -> Iterator[str]:
    for part in parts:
        plain = unquote(part)
        if len(plain) >= shortest and plain not in ORDINARY:
            yield plain


@functools.lru_cache(maxsize=2048)
def _pattern(secret: str) -> re.Pattern[str]:
    body = "".join(map(_character, secret))
    if len(secret) <= STANDS_ALONE:
        body = rf"(?<!\w){body}(?!\w)"
    return re.compile(body, re.IGNORECASE)


@functools.lru_cache(maxsize=512)
def _character(one: str) -> str:
    """A character as it is, and as addresses, JSON, Python and HTML write it; encoded twice as well."""
    percent = "".join(f"%(?:25)*{byte:02x}" for byte in one.encode(errors="replace"))
    if one.isascii() and one.isalnum():
        return f"(?:{one}|{percent})"
    wide = one.encode("utf-16-be", "surrogatepass").hex()
    code = "".join(rf"\\+u{wide[at : at + 4]}" for at in range(0, len(wide), 4))
    forms = [
        rf"\\*{re.escape(one)}",
        percent,
        code,
        rf"\\+x{ord(one):02x}",
        "".join(rf"\\+x{byte:02x}" for byte in one.encode(errors="replace")),
        rf"\\+U{ord(one):08x}",
        rf"&#0*{ord(one)};",
        rf"&#x0*{ord(one):x};",
        re.escape(html.escape(one)) if one in "&<>\"'" else "",
        r"\s+|\+" if one == " " else "",
        CONTROLS.get(one, ""),
    ]
    return f"(?:{'|'.join(form for form in forms if form)})"
