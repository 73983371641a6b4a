"""One look at a text that says what could be found in it: about two microseconds for a kilobyte.

Most texts hold nothing. RE2 reads each once, whatever it holds; only what stays in the sieve is looked at closely,
and only by the finders whose pattern stayed. The sieve must hold back whatever a finder would find; a test asks
for that.
"""

from collections.abc import Sequence

import re2

from monitor.ingest.redaction.issuers import SIGNS
from monitor.ingest.redaction.papers import PROVINCES

_DIGIT = r"[0-9０-９]"
_SEPARATOR = r"[ \x{a0}\x{2009}\x{3000}.\-\x{2010}-\x{2015}－()（）]"
# finder → what any of its finds contains
PATTERNS = (
    # ten digits and more, as groups.py clusters them, or fewer with a sign of what they are
    (
        "digits",
        (
            rf"{_DIGIT}(?:{_SEPARATOR}{{0,2}}{_DIGIT}){{9}}|(?:[+＋]|00){_SEPARATOR}{{0,2}}{_DIGIT}(?:{_SEPARATOR}{{0,2}}{_DIGIT}){{6}}|"
            rf"(?i:电话|座机|固话|传真|tel|phone|fax)[^\r\n0-9０-９]{{0,16}}{_DIGIT}(?:{_SEPARATOR}{{0,2}}{_DIGIT}){{6}}"
        ),
    ),
    (
        "papers",
        (
            r"[1-9AGNY][0-9]{7}[0-9A-Z]{10}|[A-Z]{2}[0-9]{2}[ \x{a0}\-]?[A-Z0-9]{4}[ \x{a0}\-]?[A-Z0-9]{4}|[EG][A-Z]?[0-9]{7}|"
            r"[a-z]{2}[0-9]{2}[ \x{a0}\-][a-z0-9]{4}[ \x{a0}\-][a-z0-9]{4}|(?i:iban)|护照|(?i:passport)"
        ),
    ),
    ("plates", rf"[{PROVINCES}][A-HJ-NP-Z][·•‧.\- ]?[A-Z0-9]{{4}}"),
    ("emails", r"[A-Za-z0-9._%+\-][@＠][A-Za-z0-9]"),
    (
        "networks",
        r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]{3,4}:[0-9A-Fa-f:]*:|(?:[0-9A-Fa-f]{1,4}:){7}",
    ),
    (
        "tokens",
        (
            r"PRIVATE KEY|eyJ[A-Za-z0-9_\-]{8}|sk-[A-Za-z0-9_\-]{16}|gh[pousr]_|github_pat_|AKIA|ASIA|AROA|AIDA|LTAI|AKID|"
            r"xox[a-z]-|AIza|ya29\.|[rsp]k_(?:live|test)_|whsec_|hf_|npm_|pypi-|SG\.|glpat-|dop_v1_|shp(?:at|ca|pa|ss)_|vgl_|"
            r"(?i:bearer\s{1,3}|basic )[A-Za-z0-9\-._~+/]{8}|://[^\s:/@\[\]]{0,64}:|"
            r"(?i:key|key[_\- ]?id|key[_\- ]?base|secret|token|x-amz-signature|密钥|秘钥|私钥|令牌|凭证)\\?[\"']?\s{0,3}(?::=|=>|[=:：]|%3D|%3d|是|为|為|>)|"
            r"(?i:[?&](?:key|sig|sign|signature|x-amz-security-token|x-goog-signature|code|ticket|jwt|auth)=[A-Za-z0-9%\-._~+/]{16})|"
            r"(?i:api[_\- ]?key|secret|token|密钥|秘钥|私钥|令牌)\s{1,3}[A-Za-z0-9\-._~+/]{24}|"
            r"(?i:curl\s(?:[^\n]{0,100}\s)?(?:-u|--user|--proxy-user))|sshpass\s|mysql[a-z]{0,8}\s[^\n]{0,80}\s-p|"
            r"(?i:--[a-z0-9\-]{0,68}(?:password|passwd|passphrase|pass|pwd|token|secret|key)[=\s])|"
            rf"{SIGNS}|"
            r"(?i:cookie[\"']?\s?[:=][^\n]{0,400}(?:sess|connect\.sid))|(?i:identified by\s|requirepass\s|login\s{1,3}[^\s]{1,64}\s{1,3}password\s)|"
            r"(?i:password|passwd|passphrase|passcode|pwd|_pass|密码|口令)\\?[\"'”]?(?:\s{0,3}(?::=|=>|[=:：]|%3D|%3d)| is |是|为|為|>)|"
            r"(?:密码|口令)\s{0,3}[\"“]?[!-~]{6}"
        ),
    ),
    # nobody's finds: such texts are read first
    ("written", r"\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}"),
)
_MEMORY = 64 << 20


class BadPatternError(ValueError):
    """A pattern that can't be used; says why, and how to mend it."""


class Sieve:
    """All patterns at once, in linear time; ``more`` are a project's own, each under its name."""

    def __init__(self, more: Sequence[tuple[str, str]] = ()) -> None:
        self._names = [name for name, _ in (*PATTERNS, *more)]
        options = re2.Options()
        options.never_capture, options.log_errors, options.max_mem = True, False, _MEMORY
        self._set = re2.Set.SearchSet(options)
        for name, pattern in (*PATTERNS, *more):
            try:
                self._set.Add(pattern.encode())
            except re2.error as error:
                message = f"{name}: RE2 refuses the pattern {pattern!r}"
                raise BadPatternError(message) from error
        self._set.Compile()
        self._any = re2.compile(
            "|".join(f"(?:{pattern})" for _, pattern in (*PATTERNS, *more)).encode(), options
        )

    def look(self, text: bytes) -> frozenset[str] | None:
        """The finders that must look at the UTF-8 text; None when nothing can be found in it."""
        held = self._set.Match(text)
        return None if held is None else frozenset(self._names[index] for index in held)

    def first(self, text: bytes, start: int) -> tuple[int, int] | None:
        """Where the next thing stands, from ``start`` on, that some finder must look at; None when there is none."""
        match = self._any.search(text, start)
        return None if match is None else match.span()
