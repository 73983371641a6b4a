"""Words, numbers and names of a text, as far as they can be compared without a model: English and Chinese. Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache

from monitor.quality.grounding import likewords

HAN = re.compile(r"[\u4e00-\u9fff]+")
_WORD = re.compile(
    r"[^\W\d_\u4e00-\u9fff][^\W_\u4e00-\u9fff]*(?:['’][a-z]+)?|[a-z]*\d[a-z\d_-]*[a-z][a-z\d_-]*",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![A-Za-z\d.])\d+(?:\.\d+)?")
_SCALE = {"万": 1e4, "亿": 1e8}
_DIGITS = {**dict(zip("零一二三四五六七八九", range(10), strict=True)), "〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_HAN_NUMBER = re.compile(
    r"(?<![\d第])[零〇一二两三四五六七八九十百千][零〇一二两三四五六七八九十百千万亿]*(?!分之)"
)
_COUNTED = "年月日天次时小个岁元片米倍分周名辆人条页项种级位座车折期度成"
_ENGLISH_NUMBERS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100,
}  # fmt: skip
_ENGLISH = re.compile(rf"(?!\b(?<=the )two\b)\b(?:{'|'.join(_ENGLISH_NUMBERS)})\b")
# "every second month", "every month", 每年
_EVERY = re.compile(r"\b(?:every|each)\s+(second\s+|other\s+)?(?P<unit>(?:day|week|month|year)s?\b)")
_EVERY_HAN = re.compile(r"每(?=[年月周天日])")
_TWICE = re.compile(r"\btwice\b")
_HALF_YEAR = re.compile(r"半年|half a year|half-year")
_UNIT = re.compile(
    r"[\s-]*(?:(?P<day>days?\b|[天日])|(?P<week>weeks?\b|周|个?星期)|(?P<month>months?\b|个?月)|(?P<year>years?\b|年)"
    r"|(?P<hour>hours?\b|个?小时|个?钟头)|(?P<minute>minutes?\b|分钟)|(?P<second>seconds?\b|秒)|(?P<share>%|percent\b|per cent\b)"
    r"|(?P<money>euros?\b|€|dollars?\b|usd\b|yuan\b|rmb\b|元)|(?P<kilogram>kg\b|公斤|千克)|(?P<metre>m\b|met(?:re|er)s?\b|米)"
    r"|(?P<times>twice\b|times\b|次|遍)"
    r"|(?P<kilometre>km\b|公里|千米)|(?P<people>people\b|persons?\b|employees\b|人))",
    re.IGNORECASE,
)
_COMMON = {
    "second": (1.0, "time"), "minute": (60.0, "time"), "hour": (3600.0, "time"), "day": (86_400.0, "time"),
    "week": (604_800.0, "time"), "month": (1.0, "months"), "year": (12.0, "months"), "kilometre": (1000.0, "metre"),
}  # fmt: skip
_ONE = re.compile(
    r"(?:\b(?:an?|one|every|each)|一)(?P<unit>[\s-]*(?:hour|day|week|month|year|minute|个?小时|个?钟头|[天日周年]|个?星期|个?月))"
    r"(?P<half>\s+and a half\b|半)?", re.IGNORECASE,
)  # fmt: skip
_FRACTIONS = (
    (re.compile(r"\bthree[ -]quarters?\b"), 75.0), (re.compile(r"(?<!three )(?<!three-)\bquarter of\b"), 25.0),
    (re.compile(r"\bhalf (?:of|the|your)\b|一半"), 50.0), (re.compile(r"\bthird of\b"), 33.333),
)  # fmt: skip
_FRACTION_HAN = re.compile(r"(?P<whole>[二三四五六七八九十百千]+)分之(?P<part>[一二三四五六七八九十]+)")
# forms of a word share so many letters at least
LEAST_STEM = 5
STOP = frozenset(
    """
    a an the and or but if then so as at by for from in into of off on onto over to up with within about
    after before during until till is are was were be been being am do does did done doing have has had
    having can could may might must shall should will would i you he she it we they me him her us them
    my your his its our their this that these those there here what which who whom whose when where why
    how than too very just only also not no nor never because while since yes such per each any some all
    more most other both between through again once roughly approximately normally currently please
    according therefore however
    """.split()  # noqa: SIM905 — a list of words reads best as words
)
# characters that carry grammar rather than meaning; bigrams are made across them
GRAMMAR = frozenset(
    "的了是在和与及就都也而且被把将会要须应由于为以其它这那之着过里中上下内有从到则即您你我们吗呢吧请并可约"
)
# a word of Latin letters in a Chinese text, or a code, says as much as a name
_CODE = re.compile(r"(?=.*\d)(?=.*[a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Words:
    """``terms``: stems and pairs of Chinese characters, each once. ``names``: words that look like names.

    ``measures``: numbers with what they count; nothing where that is not time, money, weight, length or a share.
    ``amounts``: the same in common units, so that two weeks are 14 days.
    """

    terms: frozenset[str]
    characters: frozenset[str]
    numbers: frozenset[float]
    names: frozenset[str]
    measures: frozenset[tuple[float, str]]
    amounts: frozenset[tuple[float, str]]


@lru_cache(4096)
def words(text: str) -> Words:
    plain = text.replace("’", "'")
    found: set[str] = set()
    names: set[str] = set()
    for match in _WORD.finditer(plain):
        word = match[0].lower().removesuffix("'s")
        if word in STOP or "n't" in word or (len(word) < 2 and word.isascii()):
            continue
        stemmed = likeness(stem(word))
        found.add(stemmed)
        if _names_something(plain, match):
            names.add(stemmed)
    characters: set[str] = set()
    for run in HAN.findall(normal(plain)):
        kept = [one for one in run if one not in GRAMMAR]
        characters.update(kept)
        pairs = map(str.__add__, kept, kept[1:])
        found.update(pairs if len(kept) > 1 else kept)
    said = _said(plain)
    measures = frozenset((value, _unit(plain, end)) for value, end in (*said, *_every(plain)))
    return Words(
        frozenset(found), frozenset(characters), frozenset(value for value, _ in said), frozenset(names),
        measures, frozenset(map(amount, measures)) | _parts_and_ones(plain),
    )  # fmt: skip


def normal(text: str) -> str:
    """The text with Chinese words that say much the same made one."""
    return _LIKE_HAN.sub(_first_of_row, text.replace("’", "'"))


def number_of(word: str) -> float | None:
    """The number that an English word names."""
    found = _ENGLISH_NUMBERS.get(word)
    return None if found is None else float(found)


def likeness(stemmed: str) -> str:
    """The first word of the row in which a stem stands, else the stem."""
    return _LIKE.get(stemmed, stemmed)


def alike(term: str, other: str) -> bool:
    """Whether two English terms seem to be forms of one word: conformity and conform, register and registration."""
    longer = max(len(term), len(other))
    return term[:LEAST_STEM] == other[:LEAST_STEM] and _common(term, other) >= max(LEAST_STEM, 0.6 * longer)


def _common(term: str, other: str) -> int:
    return next(
        (at for at, (a, b) in enumerate(zip(term, other, strict=False)) if a != b), min(len(term), len(other))
    )


def amount(measure: tuple[float, str]) -> tuple[float, str]:
    """A number and its unit, in the smallest unit of its kind."""
    value, unit = measure
    factor, common = _COMMON.get(unit, (1.0, unit))
    return round(value * factor, 3), common


def said_otherwise(own: Words, there: Words) -> frozenset[float]:
    """The numbers whose amount stands there in another unit."""
    return frozenset(value for value, unit in own.measures if unit and amount((value, unit)) in there.amounts)


def _parts_and_ones(text: str) -> frozenset[tuple[float, str]]:
    """Amounts that are said without a number: an hour, a quarter, 一半."""
    found: set[tuple[float, str]] = set()
    for match in _ONE.finditer(text):
        half = 1.5 if match["half"] else 1.0
        found.add(amount((half, _unit(text, match.start("unit")))))
    for pattern, share in _FRACTIONS:
        if pattern.search(text):
            found.add((share, "share"))
    for match in _FRACTION_HAN.finditer(text):
        whole, part = (han_number(match[name]) for name in ("whole", "part"))
        if whole and part:
            found.add((round(100.0 * part / whole, 3), "share"))
    return frozenset(found)


def stem(word: str) -> str:
    """The word without its commonest English endings; only good for comparing."""
    word = likewords.IRREGULAR.get(word, word)
    for ending, rest in (
        ("ies", "y"),
        ("ing", ""),
        ("edly", ""),
        ("ed", ""),
        ("es", ""),
        ("ly", ""),
        ("s", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + rest
            if ending in {"ing", "ed"} and len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
                word = word[:-1]
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def numbers(text: str) -> frozenset[float]:
    """Every number that is said, in digits, in English words or in Chinese ones."""
    return frozenset(value for value, _ in _said(text))


def _said(text: str) -> list[tuple[float, int]]:
    """Every number, and where it ends."""
    found: list[tuple[float, int]] = []
    for match in _NUMBER.finditer(text):
        value, end = float(match[0].replace(",", "")), match.end()
        scale = _SCALE.get(text[end : end + 1])
        found.append((round(value * (scale or 1.0), 6), end + (scale is not None)))
    for match in _HAN_NUMBER.finditer(text):
        after = text[match.end() : match.end() + 1]
        if (len(match[0]) > 1 or after in _COUNTED) and match[0] != "一" and after:
            said = han_number(match[0])
            if said is not None:
                found.append((said, match.end()))
    small = text.lower()
    found += [(float(_ENGLISH_NUMBERS[match[0]]), match.end()) for match in _ENGLISH.finditer(small)]
    found += [(2.0, match.start()) for match in _TWICE.finditer(small)]
    found += [(2.0, match.start("unit")) for match in _EVERY.finditer(small) if match[1]]
    found += [(6.0, match.start()) for match in _HALF_YEAR.finditer(text)]
    return found


def _every(text: str) -> list[tuple[float, int]]:
    """Where something comes every day, week, month or year: a one that nobody says."""
    found = [(1.0, match.start("unit")) for match in _EVERY.finditer(text.lower()) if not match[1]]
    return [*found, *((1.0, match.end()) for match in _EVERY_HAN.finditer(text))]


def _unit(text: str, end: int) -> str:
    """What a number that ends there counts; empty where that is nothing known."""
    if _HALF_YEAR.match(text, end):
        return "month"
    found = _UNIT.match(text, end)
    return next((name for name, given in found.groupdict().items() if given), "") if found else ""


def han_number(text: str) -> float | None:
    """三万一千 is 31000; None for characters that make no number."""
    total, section, digit = 0.0, 0.0, 0.0
    for one in text:
        if one in _DIGITS:
            digit = float(_DIGITS[one])
        elif one in _TENS:
            section += (digit or 1.0) * _TENS[one]
            digit = 0.0
        else:
            total += (section + digit or 1.0) * _SCALE[one]
            section = digit = 0.0
    value = total + section + digit
    return value if value or text in {"零", "〇"} else None


def _names_something(text: str, match: re.Match[str]) -> bool:
    """A capital inside a sentence, or letters and digits together, or Latin letters in Chinese."""
    word = match[0]
    if _CODE.match(word) or (word.isupper() and len(word) > 1):
        return True
    before = text[: match.start()].rstrip()
    if before and HAN.match(before[-1]):
        return word.isascii()
    return word[:1].isupper() and bool(before) and before[-1] not in '.!?。！？:："“(（'


_LIKE = {stem(word): stem(row[0]) for row in likewords.ENGLISH for word in row}
# words in a row mean something, however common they are
LIGHT = frozenset(likeness(stem(word)) for word in likewords.LIGHT) - frozenset(_LIKE.values())
_LIKE_OF_HAN = {word: row[0] for row in likewords.CHINESE for word in row} | dict.fromkeys(
    likewords.MODAL, " "
)
_LIKE_HAN = re.compile("|".join(sorted(_LIKE_OF_HAN, key=len, reverse=True)))


def _first_of_row(match: re.Match[str]) -> str:
    return _LIKE_OF_HAN[match[0]]
