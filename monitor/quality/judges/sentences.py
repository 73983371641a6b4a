"""Does the answer rest on the documents? Told by words, numbers, names and negation; asks nobody."""

from monitor.quality.alone import Alone
from monitor.quality.grounding.telling import EDITION, told
from monitor.quality.judges.base import Ask, Item, Verdict


class Sentences(Alone):
    """The mark is 5 times the share of supported sentences; refusals and calls without documents are passed over."""

    source = "rule"
    edition = EDITION

    def judge(self, item: Item, ask: Ask) -> Verdict | None:  # noqa: ARG002 — this judge asks nobody
        found = told(item.prompt, item.output, item.contexts)
        return None if found is None else Verdict(found.mark, found.reason)
