"""Secrets that only the word before them gives away: ``api_key=…``, ``"client_secret": "…"``, 密钥：…. Pure.

The words are sought first, which costs next to nothing; what stands before and behind one is read only there.
"""

import re

from monitor.ingest.redaction.finds import Find

LONG = r"(?P<secret>(?=[^\s]{0,200}[0-9]|[^\s]{32})[A-Za-z0-9\-._~+/]{16,}+={0,2})"
# as programs, YAML, XML, addresses and people write it, quotation marks escaped or not
BETWEEN = r"\\?[\"']?\s{0,3}(?::=|=>|[=:：]|%3D|是|为|為|>)\s{0,3}\\?[\"'“]?"
CORES = ("key", "token", "secret", "x-amz-signature", "密钥", "秘钥", "私钥", "令牌", "凭证")
_CORE = re.compile("|".join(CORES), re.IGNORECASE)
# words up to and with the one that was sought; a key alone is no secret, a token is
_NAME = re.compile(
    r"(?:(?<![A-Za-z])(?:"
    r"(?:api|access|secret|secret[_\-]?access|private|encrypt|encryption|signing|account|storage|shared|shared[_\-]?access|"
    r"master|service|auth|app|hmac|jwt|ssh|deploy|subscription|license|aes|wallet)[_\- ]?key|"
    r"(?:app|corp|client|consumer|webhook)?[_\-]?secret|[a-z]{0,16}token|x-amz-signature)|密钥|秘钥|私钥|令牌|凭证)\Z",
    re.IGNORECASE,
)
_BARE_NAME = re.compile(
    r"(?:(?<![A-Za-z])(?:api[_\- ]?key|secret|token)|密钥|秘钥|私钥|令牌)\Z", re.IGNORECASE
)
_FAR = 40
_ENDS = r"(?:[_\- ]?(?:id|base|secret))?"
_ASSIGNED = re.compile(_ENDS + BETWEEN + LONG, re.IGNORECASE)
# in quotation marks it may hold any sign
_QUOTED = re.compile(
    _ENDS + r"[\"']?\s{0,3}[=:：]\s{0,3}(?P<open>[\"'])(?!https?://|[$<{])"
    r"(?P<secret>(?=[^\s\"']{0,200}[0-9])(?=[^\s\"']{0,200}[!#$%&*@^()=+])[^\s\"'‹›]{16,200}+)(?=(?P=open))",
    re.IGNORECASE,
)
# with no sign between, only what nobody writes as a word
_BARE = re.compile(
    r"\s{1,3}(?P<secret>(?=(?:[^\s0-9]{0,40}[0-9]){3})(?=[^\s]{0,40}[A-Za-z])[A-Za-z0-9\-._~+/]{24,}+={0,2})"
)
# what has to follow, before anything is looked at closely
_FOLLOWS = frozenset(" \t\n\"'\\=:：>%_-是为為isbISB")


def find(text: str, lower: str) -> list[Find]:
    """In the order of the words; two may tell of the same secret. ``lower``: the text in small letters."""
    found = []
    for start, end in _places(text, lower):
        if text[end : end + 1] not in _FOLLOWS:
            continue
        before = max(0, start - _FAR)
        match = (
            (_QUOTED.match(text, end) or _ASSIGNED.match(text, end))
            if _NAME.search(text, before, end)
            else None
        )
        if match is None and _BARE_NAME.search(text, before, end):
            match = _BARE.match(text, end)
        if match is not None:
            found.append(Find("secret", match.start("secret"), match.end("secret"), match["secret"]))
    return found


def _places(text: str, lower: str) -> list[tuple[int, int]]:
    if len(lower) != len(text):
        # some letter became two
        return [match.span() for match in _CORE.finditer(text)]
    places = []
    for core in CORES:
        at = lower.find(core)
        while at >= 0:
            places.append((at, at + len(core)))
            at = lower.find(core, at + len(core))
    return places
