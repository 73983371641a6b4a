"""Likeness to an expected answer by the longest run of words in common (ROUGE-L), as summaries are measured."""

from monitor.quality import likeness
from monitor.quality.alone import Alone
from monitor.quality.judges.base import BEST, Ask, Item, Verdict


class RougeL(Alone):
    """ROUGE-L against the expected answer that came with the call; Chinese by character."""

    source = "reference"

    def judge(self, item: Item, ask: Ask) -> Verdict | None:  # noqa: ARG002 — this judge asks nobody
        if not item.reference.strip():
            return None
        found = likeness.rouge_l(item.output, item.reference)
        return Verdict(BEST * found, f"ROUGE-L {found:.2f} against the expected answer")
