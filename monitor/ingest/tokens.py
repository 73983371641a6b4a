"""Keys, tokens and passwords in text. Each family has a cheap mark that is looked for first; pure."""

import re
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """``hint`` is a literal every member contains (lower case where ``loose``); ``secret`` group is what goes."""

    hint: str
    pattern: re.Pattern[str]
    loose: bool = False


_START = r"(?<![A-Za-z0-9])"
_LONG = r"(?=[^\s]{0,200}[0-9]|[^\s]{32})[A-Za-z0-9\-._~+/]{16,}+={0,2}"
_NAMES = (
    r"api[_\-]?key|access[_\-]?key(?:[_\-]?id)?|secret[_\-]?(?:access[_\-]?)?key|client[_\-]?secret|"
    r"auth[_\-]?token|access[_\-]?token|refresh[_\-]?token|api[_\-]?token|password|passwd|secret|token"
)


def _family(hint: str, pattern: str, *, loose: bool = False) -> Family:
    return Family(hint, re.compile(pattern, re.IGNORECASE if loose else 0), loose)


# the body of a private key goes up to the next dashes, so a cut-off key goes too and no text is read twice
_PEM = (
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:(?!-----)[\s\S]){0,16384}+"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?"
)
FAMILIES = (
    _family("PRIVATE KEY", _PEM),
    _family("eyJ", _START + r"eyJ[A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-]*+"),
    _family("sk-", _START + r"sk-[A-Za-z0-9_\-]{16,}+"),
    _family("gh", _START + r"(?:gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_[A-Za-z0-9_]{22,}+)"),
    _family("A", _START + r"(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    _family("xox", _START + r"xox[a-z]-[A-Za-z0-9\-]{10,}+"),
    _family("AIza", _START + r"AIza[0-9A-Za-z_\-]{35}"),
    _family("_live_", _START + r"[rsp]k_live_[0-9A-Za-z]{16,}+"),
    _family("hf_", _START + r"hf_[A-Za-z0-9]{20,}+"),
    _family("glpat-", _START + r"glpat-[A-Za-z0-9_\-]{16,}+"),
    _family("vgl_", _START + r"vgl_[A-Za-z0-9_\-]{30,}+"),
    _family("bearer", rf"(?<![A-Za-z0-9])(?P<keep>bearer\s{{1,3}}){_LONG}", loose=True),
    _family("://", r"(?P<keep>://[^\s:/@\[\]]{1,64}+:)[^\s/@\[\]]{1,128}+(?=@)"),
)
_ASSIGNED = _family(
    "", rf"(?P<keep>(?<![A-Za-z])(?:{_NAMES})[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?){_LONG}", loose=True
)
_ASSIGNED_HINTS = ("key", "token", "secret", "passw")


def may_hold(text: str) -> bool:
    """Whether ``replace`` could find anything: literal searches only, so about a microsecond per text."""
    if any(family.hint in text for family in FAMILIES if not family.loose and family.hint != "A"):
        return True
    if "AKIA" in text or "ASIA" in text or "AROA" in text or "AIDA" in text:
        return True
    lower = text.lower()
    return "bearer" in lower or (("=" in text or ":" in text) and any(h in lower for h in _ASSIGNED_HINTS))


def replace(text: str, mark: str, found: Counter[str]) -> str:
    """``text`` with every secret replaced by ``mark``; what names the secret stays."""

    def one(match: re.Match[str]) -> str:
        found["secret"] += 1
        return (match.groupdict().get("keep") or "") + mark

    lower = text.lower()
    for family in FAMILIES:
        if family.hint in (lower if family.loose else text):
            text = family.pattern.sub(one, text)
    if any(hint in lower for hint in _ASSIGNED_HINTS):
        text = _ASSIGNED.pattern.sub(one, text)
    return text
