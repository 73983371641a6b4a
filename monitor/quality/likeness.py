"""How like an answer is to an expected one: tokens for Chinese and other languages, and the longest common run.

Likeness is not truth: read these as trends.
"""

import re
from collections.abc import Sequence

# a Chinese character is a word by itself; elsewhere letters and digits make words
_TOKENS = re.compile(
    r"[\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af]|[^\W_\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af]+"
)
_HAN = re.compile(r"[\u3400-\u9fff]")
# longer texts say no more about likeness, and cost quadratically
MOST_TOKENS = 4000


def tokens(text: str) -> list[str]:
    """Words in lower case, Chinese character by character."""
    return [found.lower() for found in _TOKENS.findall(text)][:MOST_TOKENS]


def is_chinese(text: str) -> bool:
    return _HAN.search(text) is not None


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, by bits of one big number (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, token in enumerate(one):
        places[token] = places.get(token, 0) | 1 << place
    every = (1 << len(one)) - 1
    rest = every
    for token in other:
        hit = rest & places.get(token, 0)
        rest = ((rest + hit) | (rest - hit)) & every
    return len(one) - rest.bit_count()


def rouge_l(answer: str, expected: str) -> float:
    """The F-measure of the longest common subsequence of words, 0 to 1."""
    said, wanted = tokens(answer), tokens(expected)
    if not said or not wanted:
        return float(said == wanted)
    shared = common(wanted, said)
    return 2.0 * shared / (len(said) + len(wanted))


def bleu(answer: str, expected: str) -> float:
    """Sentence BLEU with smoothing, 0 to 1; Chinese by its own tokenizer."""
    from sacrebleu.metrics.bleu import BLEU

    metric = BLEU(tokenize="zh" if is_chinese(expected) else "13a", effective_order=True)
    return min(1.0, float(metric.sentence_score(answer, [expected]).score) / 100.0)


def chrf(answer: str, expected: str) -> float:
    """chrF2 over character n-grams of 1 to 6, 0 to 1; at home in every language."""
    from sacrebleu.metrics.chrf import CHRF

    return min(1.0, float(CHRF().sentence_score(answer, [expected]).score) / 100.0)
