"""Letters and digits that point at a person or a firm: plates, passports, credit codes, account numbers. Pure."""

import re

from monitor.ingest.redaction import checks, cues
from monitor.ingest.redaction.finds import Find, apart

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_FREE = r"(?<![A-Za-z0-9])"
_END = r"(?![A-Za-z0-9])"
_PLATE = re.compile(
    rf"(?<![最全更创刷崭革重])[{PROVINCES}][A-HJ-NP-Z][·•‧.\- ]?"
    r"(?:[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK]"
    r"|(?=[A-Z0-9]*[0-9][A-Z0-9]*[0-9])[A-HJ-NP-Z0-9]{4}(?:[A-HJ-NP-Z0-9]|[挂学警港澳使领]))"
    rf"{_END}"
)
_PASSPORT = re.compile(rf"{_FREE}(?:[EG][0-9]{{8}}|E[A-HJ-NP-Z][0-9]{{7}}){_END}")
_NAMED_PASSPORT = re.compile(rf"{_FREE}[A-Z]{{0,2}}[0-9]{{7,9}}[A-Z]?{_END}", re.IGNORECASE)
_CREDIT = re.compile(rf"{_FREE}[1-9AGNY][0-9][0-9]{{6}}[0-9A-HJ-NPQRTUWXY]{{10}}{_END}")
_IBAN = re.compile(
    rf"{_FREE}[A-Z]{{2}}[0-9]{{2}}(?:[ \u00a0\-]?[A-Z0-9]{{4}}){{2,7}}(?:[ \u00a0\-]?[A-Z0-9]{{1,3}})?{_END}"
)
# in small letters too, where its groups or the word for it stand there; what precedes is looked at last, which is
# several times as fast
_SMALL_IBAN = re.compile(
    rf"[a-z]{{2}}[0-9]{{2}}(?<![A-Za-z0-9].{{4}})(?:(?:[ \u00a0\-][a-z0-9]{{4}}){{2,7}}(?:[ \u00a0\-][a-z0-9]{{1,3}})?"
    rf"|(?<=(?i:iban).{{5}})[a-z0-9]{{11,30}}|(?<=(?i:iban).{{6}})[a-z0-9]{{11,30}}){_END}"
)
_GAP = re.compile(r"[ \u00a0\-]")
_LETTER_RUN = re.compile(r"[A-Za-z][0-9]{6}")


def numbered(text: str) -> list[Find]:
    """Credit codes, account numbers and passports, in order; none overlaps another."""
    found = _ibans(text) + _passports(text)
    found += [
        Find("uscc", match.start(), match.end(), match[0])
        for match in _CREDIT.finditer(text)
        if checks.is_credit_code(match[0])
        and not checks.is_resident_id(match[0])
        and not cues.is_other(text, match.start(), match.end())
    ]
    return apart(found)


def plates(text: str) -> list[Find]:
    """Licence plates, those of electric cars included."""
    return [
        Find("plate", match.start(), match.end(), re.sub(r"[·•‧.\- ]", "", match[0]))
        for match in _PLATE.finditer(text)
    ]


def _ibans(text: str) -> list[Find]:
    found = []
    for match in (*_IBAN.finditer(text), *_SMALL_IBAN.finditer(text)):
        written = match[0]
        # the words behind an account number may look like its last groups
        while written:
            joined = _GAP.sub("", written).upper()
            if checks.is_iban(joined):
                found.append(Find("iban", match.start(), match.start() + len(written), joined))
                break
            written = written[: max(written.rfind(" "), written.rfind("-"), written.rfind("\u00a0"), 0)]
    return found


def _passports(text: str) -> list[Find]:
    named = cues.PASSPORT.search(text) is not None
    found: list[Find] = []
    if not named and _LETTER_RUN.search(text) is None:
        return found
    for match in _NAMED_PASSPORT.finditer(text) if named else _PASSPORT.finditer(text):
        known = _PASSPORT.fullmatch(match[0]) is not None
        if not (known or cues.says(cues.PASSPORT, text, match.start())):
            continue
        if not cues.is_part(text, match.start(), match.end()) and not cues.is_other(
            text, match.start(), match.end()
        ):
            found.append(Find("passport", match.start(), match.end(), match[0].upper()))
    return found
