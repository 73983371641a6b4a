"""E-mail and network addresses. Pure. Loopback and "any" belong to nobody and stay."""

import ipaddress
import re

from monitor.ingest.redaction import cues
from monitor.ingest.redaction.finds import Find

# a token is scanned once, because a match may only start where a token starts
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]++[@＠](?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,62})\.){1,8}([A-Za-z]{2,24}+)"
)
_FILES = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "js", "ts", "css", "json", "html", "py", "md"}
)
_IPV4 = re.compile(
    r"(?<![0-9.])(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}"
    r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?![0-9]|\.[0-9])"
)
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{2,39}+(?![0-9A-Za-z:])")
# 1.2.3.4 behind these words, or glued to a name, is a version or a section
_VERSION = re.compile(
    r"(?:\bv|ver|version|versions|release|upgrade[d]? to|updated? to|section|chapter|clause|[A-Za-z][\-_]|[A-Za-z0-9](?:/|[=~<>]=)|"
    r"版本|版|升级到|更新到|升级至|更新至|第|§|章节|条款)(?:号)?[.:：\s是为v]{0,4}\Z",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:://|ip|host|node|addr|address|server|from|peer|client|src|dst|remote)[\s:=/\-]{0,3}\Z", re.IGNORECASE
)
_NOBODY = ("127.", "0.0.0.", "255.")


def emails(text: str) -> list[Find]:
    return [
        Find("email", match.start(), match.end(), match[0].lower().replace("＠", "@"))
        for match in _EMAIL.finditer(text)
        if match[1].lower() not in _FILES and not match[0].startswith("git@")
    ]


def networks(text: str) -> list[Find]:
    """IPv4 and IPv6 addresses, in order."""
    found = [
        Find("ip", match.start(), match.end(), match[0])
        for match in _IPV4.finditer(text)
        if not match[0].startswith(_NOBODY) and not _is_version(text, match.start(), match.end())
    ]
    if text.count(":") > 1:
        found += [
            Find("ip", match.start(), match.end(), match[0].lower())
            for match in _IPV6.finditer(text)
            if _is_ipv6(match[0])
        ]
        found.sort(key=lambda one: one.start)
    return found


def _is_version(text: str, start: int, end: int) -> bool:
    before = cues.near(text, start)
    if before[-1:].isascii() and before[-1:].isalpha():
        return True
    if text[end : end + 1] in {"-", "_"} and text[end + 1 : end + 2].isalpha():
        return True
    return _VERSION.search(before) is not None and _NAMED.search(before) is None


def _is_ipv6(text: str) -> bool:
    groups = text.split(":")
    # times such as 10:30:00 and names such as ada::bad are no addresses
    if len(groups) < 8 and not (len(groups[0]) >= 3 and any(c.isdigit() for c in groups[0]) and "::" in text):
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
