"""Numbers that carry their own proof: resident ids, bank cards, credit codes, account numbers. Pure."""

import datetime as dt

# GB/T 2260: the provinces that resident ids and credit codes begin with
_PROVINCES = frozenset(
    ["11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83", "91"]
)  # fmt: skip
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CREDIT_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_VALUE = {letter: value for value, letter in enumerate(_CREDIT_LETTERS)}
_CREDIT_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_CREDIT_OFFICES = frozenset("123456789AGNY")
# ISO 13616: the length of a country's account numbers
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
    "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip


def is_resident_id(text: str) -> bool:
    """GB 11643: region, birthday, serial, check digit (x is ten). Counties change; provinces do not."""
    if len(text) != 18 or not text[:17].isdigit() or text[:2] not in _PROVINCES:
        return False
    try:
        born = dt.date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    check = "10x98765432"[sum(w * int(c) for w, c in zip(_RESIDENT_WEIGHTS, text, strict=False)) % 11]
    return 1850 <= born.year < 2100 and text[17].lower() == check


def passes_luhn(text: str) -> bool:
    """ISO 7812: the check digit of bank cards."""
    even = sum(int(c) for c in text[-1::-2])
    odd = sum(sum(divmod(2 * int(c), 10)) for c in text[-2::-2])
    return (even + odd) % 10 == 0


def is_issued(text: str) -> bool:
    """Whether cards with these first digits and of this length are handed out by a known network."""
    n, first2, first4 = len(text), int(text[:2]), int(text[:4])
    if first2 in {62, 81}:
        return 16 <= n <= 19
    if text[0] == "4":
        return n == 16 or (n == 19 and first4 == 4563)
    if 51 <= first2 <= 55 or 2221 <= first4 <= 2720 or 3528 <= first4 <= 3589:
        return n == 16
    if first2 in {34, 37}:
        return n == 15
    if first2 in {36, 38, 39} or 300 <= first4 // 10 <= 305:
        return n == 14
    if first4 == 6011 or first2 == 65 or 644 <= first4 // 10 <= 649 or 2200 <= first4 <= 2204:
        return n in {16, 19}
    return first4 == 9558 and n == 19


def is_credit_code(text: str) -> bool:
    """GB 32100: the unified social credit code of organisations."""
    if len(text) != 18 or text[0] not in _CREDIT_OFFICES or text[2:4] not in _PROVINCES | {"10"}:
        return False
    try:
        total = sum(w * _CREDIT_VALUE[c] for w, c in zip(_CREDIT_WEIGHTS, text, strict=False))
    except KeyError:
        return False
    return text[17] == _CREDIT_LETTERS[-total % 31]


def is_iban(text: str) -> bool:
    """ISO 13616: the length of the country, and 1 as the remainder by 97."""
    if _IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1
