"""Keys, tokens and passwords in text. Each family has a cheap mark that is looked for first; pure."""

import re
from dataclasses import dataclass

from monitor.ingest.redaction import issuers, named
from monitor.ingest.redaction.finds import Find, apart
from monitor.ingest.redaction.named import LONG


@dataclass(frozen=True, slots=True)
class Family:
    """``hint`` is a literal every member contains (lower case where ``loose``); the group ``secret`` goes."""

    hint: str
    pattern: re.Pattern[str]
    loose: bool = False


_START = r"(?<![A-Za-z0-9])"


def _family(hint: str, pattern: str, *, loose: bool = False) -> Family:
    return Family(hint, re.compile(pattern, re.IGNORECASE if loose else 0), loose)


# the body of a private key goes up to the next dashes, so a cut-off key goes too and no text is read twice
_PEM = (
    r"(?P<secret>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[^\x1e]){0,16384}+"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?)"
)


def _known(hint: str, pattern: str) -> Family:
    return _family(hint, f"{_START}(?P<secret>{pattern})")


FAMILIES = (
    _family("PRIVATE KEY", _PEM),
    _known("eyJ", r"eyJ[A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-]{8,}+(?:\.[A-Za-z0-9_\-]*+)?"),
    _known("sk-", r"sk-(?=[A-Za-z0-9_\-]{0,200}[0-9])[A-Za-z0-9_\-]{16,}+"),
    _known("gh", r"(?:gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_[A-Za-z0-9_]{22,}+)"),
    _known("A", r"(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    _known("LTAI", r"LTAI[A-Za-z0-9]{12,26}+"),
    _known("AKID", r"AKID[A-Za-z0-9]{28,40}+"),
    _known("xox", r"xox[a-z]-[A-Za-z0-9\-]{10,}+"),
    _known("AIza", r"AIza[0-9A-Za-z_\-]{35}"),
    _known("ya29.", r"ya29\.[0-9A-Za-z_\-]{20,}+"),
    _known("_live_", r"[rsp]k_live_[0-9A-Za-z]{16,}+"),
    _known("_test_", r"[rsp]k_test_[0-9A-Za-z]{16,}+"),
    _known("whsec_", r"whsec_[0-9A-Za-z+/]{16,}+"),
    _known("hf_", r"hf_[A-Za-z0-9]{20,}+"),
    _known("npm_", r"npm_[A-Za-z0-9]{30,}+"),
    _known("pypi-", r"pypi-[A-Za-z0-9_\-]{30,}+"),
    _known("SG.", r"SG\.[A-Za-z0-9_\-]{16,}+\.[A-Za-z0-9_\-]{16,}+"),
    _known("glpat-", r"glpat-[A-Za-z0-9_\-]{16,}+"),
    _known("dop_v1_", r"dop_v1_[a-f0-9]{32,}+"),
    _known("shp", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    _known("vgl_", r"vgl_[A-Za-z0-9_\-]{30,}+"),
    _family("bearer", rf"(?<![A-Za-z0-9])bearer\s{{1,3}}{LONG}", loose=True),
    _family(
        "basic ",
        r"(?<![A-Za-z0-9])authorization[\"']?\s?[:=]\s?[\"']?basic (?P<secret>[A-Za-z0-9+/]{8,}+={0,2})",
        loose=True,
    ),
    # up to the last @ before the path: people write passwords that hold one
    _family("://", r"://[^\s:/@\[\]‹›]{0,64}+:(?P<secret>[^\s/\[\]‹›\"']{1,128})(?=@)"),
    # in the query of an address a name that says nothing elsewhere names a key
    _family(
        "=",
        r"[?&](?:key|sig|sign|signature|x-amz-security-token|x-goog-signature|code|ticket|jwt|auth)="
        r"(?P<secret>(?=[^\s&]{0,200}[0-9])[A-Za-z0-9%\-._~+/]{16,}+={0,2})",
        loose=True,
    ),
    _family(
        "curl",
        r"curl\s(?:[^\n]{0,100}?\s)?(?:-u|--user|--proxy-user)[ =]?[\"']?[^\s:\"']{1,64}:(?P<secret>[^\s\"'‹›]{3,128}+)",
    ),
    _family(
        "cookie",
        r"cookie[\"']?\s?[:=][^\n]{0,200}?(?:sess|connect\.sid)[a-z_]{0,6}="
        rf"{LONG}",
        loose=True,
    ),
    _family("identified by", r"identified by\s{1,3}[\"'](?P<secret>[^\"'\n\x1e‹›]{4,128}+)", loose=True),
    _family("requirepass", r"requirepass\s{1,3}[\"']?(?P<secret>[^\s\"'‹›]{4,128}+)", loose=True),
    _family("password", r"login\s{1,3}\S{1,64}\s{1,3}password\s{1,3}(?P<secret>[^\s‹›]{4,128}+)", loose=True),
    _family("sshpass", r"sshpass\s{1,3}-p\s{0,3}[\"']?(?P<secret>[^\s\"'‹›$]{4,128}+)"),
    _family(
        "mysql", r"mysql[a-z]{0,8}\s[^\n]{0,80}?(?<=\s)-p[\"']?(?P<secret>[^\s\"'‹›$\-][^\s\"'‹›]{3,128}+)"
    ),
)
_FLAG = re.compile(
    r"(?<![A-Za-z0-9\-])--(?:[a-z0-9]{1,16}-){0,4}(?:password|passwd|passphrase|pass|pwd|token|secret|api-?key|access-key|secret-key)"
    r"(?P<how>=|\s{1,3})(?P<open>[\"']?)(?P<secret>[^\s\"'‹›$<{\-][^\s\"'‹›]{3,200}+)",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"(?:password|passwd|passphrase|passcode|pwd|(?<=_)pass|密码|口令)(?P<close>\\?[\"'”]?)"
    r"(?P<how>\s{0,3}(?::=|=>|[=:：]|%3D)\s{0,3}| is |[是为為]\s{0,3}|>|(?<=[码令])\s{0,3})(?P<open>\\?[\"'“]?)"
    r"(?P<secret>[!-~]{4,128}+)",
    re.IGNORECASE,
)
# how long it has to be, or until when it holds
_NO_PASSWORD = re.compile(r"[0-9]{1,3}\s?[\-~,]|[0-9]{4}[\-/.][0-9]")
_PASSWORD_HINTS = ("passw", "passphrase", "passcode", "pwd", "_pass", "密码", "口令")
_AWS = ("AKIA", "ASIA", "AROA", "AIDA")
_ASSIGNS = frozenset({"=", ":=", "=>", "%3D", "%3d"})
_ENDING = re.compile(r"[\"'”,;.)\]}>]+\Z")
_OPTION = re.compile(r"[a-z]{1,12}=")
_CODE = re.compile(r"[A-Za-z_][A-Za-z_]*\s*[.(\[]|[$%<{*]|\*+|[x.…•]+\Z|https?://", re.IGNORECASE)
_WORDS = frozenset(
    [
        "password",
        "passwd",
        "none",
        "null",
        "true",
        "false",
        "str",
        "string",
        "required",
        "secret",
        "empty",
        "hidden",
        "changed",
    ]
)


def find(text: str) -> list[Find]:
    """Secrets in the order of the text; what names a secret is no part of it."""
    lower = text.lower()
    found: list[Find] = []
    for family in FAMILIES:
        if family.hint in (lower if family.loose else text) and (
            family.hint != "A" or any(hint in text for hint in _AWS)
        ):
            found += _all(family.pattern, text)
    if any(hint in text for hint in issuers.HINTS):
        found += _all(issuers.PATTERN, text) + _all(issuers.HOOK, text)
    found += named.find(text, lower)
    if "--" in text:
        found += _flags(text)
    if any(hint in lower for hint in _PASSWORD_HINTS):
        found += _passwords(text)
    return apart(found)


def _all(pattern: re.Pattern[str], text: str) -> list[Find]:
    return [
        Find("secret", match.start("secret"), match.end("secret"), match["secret"])
        for match in pattern.finditer(text)
    ]


def _flags(text: str) -> list[Find]:
    """What stands behind ``--password`` and the like on a command line, if it is no word of the language."""
    return [
        Find("secret", match.start("secret"), match.end("secret"), match["secret"])
        for match in _FLAG.finditer(text)
        if len(match["secret"]) >= 6
        and not _CODE.match(match["secret"])
        and _is_odd(match["secret"])
        and not _OPTION.match(match["secret"])
    ]


def _stands_alone(value: str) -> bool:
    """A password right behind the word for it, with no sign between."""
    digits = sum(c.isdigit() for c in value)
    letters = any(c.isalpha() for c in value)
    return len(value) >= 6 and digits > 0 and (letters or digits >= 8) and not _NO_PASSWORD.match(value)


def _is_odd(value: str) -> bool:
    return any(c.isdigit() for c in value) or any(c in "!@#$%^&*+?" for c in value)


def _passwords(text: str) -> list[Find]:
    found = []
    for match in _PASSWORD.finditer(text):
        value, how, opened = match["secret"], match["how"].strip(), match["open"]
        if how == ">":
            value = value.partition("<")[0]
        elif opened:
            value = value.partition({"“": "”"}.get(opened, opened))[0]
        else:
            value = _ENDING.sub("", value.partition("&")[0].partition("\\")[0])
        if _is_password(value, how, quoted=bool(opened) or how == ">"):
            start = match.start("secret")
            found.append(Find("secret", start, start + len(value), value))
    return found


def _is_password(value: str, how: str, *, quoted: bool) -> bool:
    """Not a sentence that goes on, not code that names a variable."""
    if len(value) < 4 or value.lower() in _WORDS or (not quoted and _CODE.match(value)):
        return False
    odd = _is_odd(value)
    if not how and not quoted:
        return _stands_alone(value)
    if how in _ASSIGNS or quoted:
        return odd or how in _ASSIGNS
    return odd and len(value) >= 6
