"""Likeness to an expected answer by characters (chrF): no words needed, so at home in every language."""

from monitor.quality import likeness
from monitor.quality.alone import Alone
from monitor.quality.judges.base import BEST, Ask, Item, Verdict


class Chrf(Alone):
    """chrF2 against the expected answer that came with the call; kinder to other word forms than BLEU."""

    source = "reference"

    def judge(self, item: Item, ask: Ask) -> Verdict | None:  # noqa: ARG002 — this judge asks nobody
        if not item.reference.strip():
            return None
        found = likeness.chrf(item.output, item.reference)
        return Verdict(BEST * found, f"chrF {found:.2f} against the expected answer")
