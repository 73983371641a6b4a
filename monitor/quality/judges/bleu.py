"""Likeness to an expected answer by words in order (BLEU), as translations are measured."""

from monitor.quality import likeness
from monitor.quality.alone import Alone
from monitor.quality.judges.base import BEST, Ask, Item, Verdict


class Bleu(Alone):
    """BLEU against the expected answer that came with the call, with a tokenizer for Chinese; a trend, not a truth."""

    source = "reference"

    def judge(self, item: Item, ask: Ask) -> Verdict | None:  # noqa: ARG002 — this judge asks nobody
        if not item.reference.strip():
            return None
        found = likeness.bleu(item.output, item.reference)
        return Verdict(BEST * found, f"BLEU {found:.2f} against the expected answer")
