"""Which language a text is written in, when its sender didn't say: by script, then by small words. Pure."""

import re
from collections import Counter

ENOUGH = 0.15
SAMPLE = 400
_SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "ko": re.compile(r"[\uac00-\ud7af]"),
    "zh": re.compile(r"[\u4e00-\u9fff]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
}
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[a-zà-öø-ÿ]+")
_SMALL_WORDS = {
    "en": frozenset(
        [
            "the",
            "of",
            "and",
            "to",
            "in",
            "is",
            "you",
            "that",
            "it",
            "for",
            "are",
            "what",
            "how",
            "why",
            "with",
            "this",
            "can",
            "do",
            "my",
            "your",
            "i",
            "a",
        ]
    ),
    "es": frozenset(
        [
            "el",
            "la",
            "los",
            "las",
            "de",
            "que",
            "y",
            "en",
            "un",
            "una",
            "por",
            "con",
            "para",
            "como",
            "es",
            "está",
            "qué",
            "cómo",
        ]
    ),
    "fr": frozenset(
        [
            "le",
            "la",
            "les",
            "des",
            "de",
            "et",
            "un",
            "une",
            "est",
            "que",
            "qui",
            "pour",
            "dans",
            "avec",
            "sur",
            "comment",
            "je",
            "vous",
        ]
    ),
    "de": frozenset(
        [
            "der",
            "die",
            "das",
            "und",
            "ist",
            "nicht",
            "ein",
            "eine",
            "ich",
            "wie",
            "mit",
            "für",
            "auf",
            "den",
            "von",
            "zu",
            "was",
        ]
    ),
    "pt": frozenset(
        [
            "o",
            "a",
            "os",
            "as",
            "de",
            "que",
            "e",
            "em",
            "um",
            "uma",
            "para",
            "com",
            "como",
            "não",
            "é",
            "você",
            "por",
        ]
    ),
    "it": frozenset(
        [
            "il",
            "lo",
            "la",
            "gli",
            "le",
            "di",
            "che",
            "e",
            "un",
            "una",
            "per",
            "con",
            "come",
            "non",
            "è",
            "sono",
            "cosa",
        ]
    ),
}


def detect(text: str) -> str:
    """An ISO 639-1 code, or the empty text where nothing speaks clearly for one language."""
    sample = text[:SAMPLE].lower()
    return _by_script(sample) or _by_words(sample)


def _by_script(sample: str) -> str:
    if sample.isascii():
        return ""
    letters = len(_LETTER.findall(sample))
    for code, pattern in _SCRIPTS.items():
        if letters and len(pattern.findall(sample)) >= ENOUGH * letters:
            return code
    return ""


def _by_words(sample: str) -> str:
    words = Counter(_WORD.findall(sample))
    votes = sorted(
        (sum(words[word] for word in words.keys() & small), code) for code, small in _SMALL_WORDS.items()
    )
    return votes[-1][1] if votes[-1][0] > votes[-2][0] else ""
