"""A mark with its reason out of what each sentence rests on, and whether a judge should look closer. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.quality.grounding.check import check
from monitor.quality.grounding.question import asked
from monitor.quality.grounding.support import Verdict

BEST = 5.0
# raised whenever sentences score otherwise: marks of two editions are never mixed
EDITION = 2
LONGEST = 600


@dataclass(frozen=True, slots=True)
class Told:
    """``mark`` 0 to 5. ``doubtful``: words alone can't tell of some sentence."""

    mark: float
    reason: str
    doubtful: bool


def told(prompt: str, output: str, contexts: Sequence[str] | None) -> Told | None:
    """None where there is nothing to tell: no retrieval, no document, or an answer that claims nothing."""
    if not contexts:
        return None
    found = check(output, [{"text": one} for one in contexts], asked(prompt, None, contexts))
    if found.share is None:
        return None
    claims = [line for line in found.lines if line.support.verdict not in {Verdict.REFUSAL, Verdict.NOTHING}]
    missing = "; ".join(line.text for line in claims if line.support.verdict == Verdict.UNSUPPORTED)
    reason = f"{found.count(Verdict.SUPPORTED)} of {len(claims)} sentences supported, by their words"
    reason += f". Not supported: {missing}" if missing else ""
    return Told(BEST * found.share, reason[:LONGEST], found.doubtful)
