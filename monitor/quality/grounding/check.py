"""A call with retrieval, looked at whole: what was found, what each sentence rests on, whether citations hold. Pure.

Nobody is asked for it: it is cheap enough to be made whenever somebody opens a call, and for every sampled one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from monitor.quality.grounding import citations, sentences
from monitor.quality.grounding.support import SUPPORTED, Documents, Support, Verdict

# of a very long answer so many sentences are looked at
MOST_SENTENCES = 200
MOST_DOCUMENTS = 50
LONGEST_TEXT = 40_000
WEIGHTS = {Verdict.SUPPORTED: 1.0, Verdict.PARTLY: 0.5, Verdict.UNSUPPORTED: 0.0}
# below this share of support an answer as a whole was made without the documents
LEAST_SHARE = 0.34


@dataclass(frozen=True, slots=True)
class Document:
    """One retrieved document; ``score`` is the retriever's own."""

    id: str
    text: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """``state``: valid; unknown (there is no such document); or unsupported (it does not hold the sentence)."""

    mark: str
    document: int | None
    state: Literal["valid", "unknown", "unsupported"]


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the answer, where it stands, what supports it and what it cites."""

    text: str
    start: int
    end: int
    support: Support
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """``called``: retrieval ran. ``share``: of the sentences that claim something, how many are supported.

    ``share`` None: nothing was claimed, or no document came. ``doubtful``: words alone can't tell; a judge could.
    """

    called: bool
    documents: tuple[Document, ...] = ()
    lines: tuple[Line, ...] = ()
    share: float | None = None
    doubtful: bool = False
    used: tuple[int, ...] = ()

    @property
    def returned(self) -> int:
        return len(self.documents)

    @property
    def best_score(self) -> float | None:
        return max((one.score for one in self.documents if one.score is not None), default=None)

    @property
    def citations(self) -> tuple[Citation, ...]:
        return tuple(one for line in self.lines for one in line.citations)

    @property
    def refused(self) -> bool:
        """The whole answer is a refusal."""
        claims = [line for line in self.lines if line.support.verdict in WEIGHTS]
        return not claims and any(line.support.verdict == Verdict.REFUSAL for line in self.lines)

    def count(self, verdict: str) -> int:
        return sum(line.support.verdict == verdict for line in self.lines)

    def lines_of(self, document: int) -> list[int]:
        """The places of the sentences that a document supports."""
        return [place for place, line in enumerate(self.lines) if document in line.support.documents]


def check(output: str, contexts: Sequence[Mapping[str, Any]] | None, question: str = "") -> Checked:
    """``contexts`` None: no retrieval ran; an empty list: it found nothing."""
    if contexts is None:
        return Checked(called=False)
    documents = tuple(_document(place, one) for place, one in enumerate(contexts[:MOST_DOCUMENTS]))
    ids = [one.id for one in documents]
    known = Documents([one.text[:LONGEST_TEXT] for one in documents])
    lines = tuple(
        _line(one, known, ids, question) for one in sentences.split(output[:LONGEST_TEXT])[:MOST_SENTENCES]
    )
    claims = [line.support for line in lines if line.support.verdict in WEIGHTS]
    share = sum(WEIGHTS[one.verdict] for one in claims) / len(claims) if claims and documents else None
    return Checked(
        called=True, documents=documents, lines=lines, share=share,
        doubtful=any(one.doubtful for one in claims),
        used=tuple(sorted({place for one in claims for place in one.documents})),
    )  # fmt: skip


def _document(place: int, context: Mapping[str, Any]) -> Document:
    score = context.get("score")
    number = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
    return Document(str(context.get("id") or place + 1), str(context.get("text") or ""), number)


def _line(one: sentences.Sentence, known: Documents, ids: Sequence[str], question: str) -> Line:
    support = known.support(citations.without(one.text, ids).strip(), question)
    cited = tuple(_cited(mark, one, known, ids, question) for mark in citations.marks(one.text, ids))
    return Line(one.text, one.start, one.end, support, cited)


def _cited(
    mark: citations.Mark, one: sentences.Sentence, known: Documents, ids: Sequence[str], question: str
) -> Citation:
    """A citation holds when its own document supports at least a part of the sentence."""
    if mark.document is None:
        return Citation(mark.text, None, "unknown")
    own = known.only(mark.document).support(citations.without(one.text, ids).strip(), question)
    holds = own.verdict == Verdict.PARTLY or own.score >= SUPPORTED
    return Citation(mark.text, mark.document, "valid" if holds else "unsupported")
