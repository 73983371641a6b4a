"""One call's answer as it is tinted: by what the documents support, and by how sure the model was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from monitor.ingest import calls
from monitor.quality import grounding, tokens
from monitor.quality.grounding import Checked, Line, Verdict
from monitor.quality.grounding.question import asked

WORDS: Mapping[str, str | Promise] = {
    Verdict.SUPPORTED: lazy("supported"), Verdict.PARTLY: lazy("partly supported"),
    Verdict.UNSUPPORTED: lazy("not supported"), Verdict.REFUSAL: lazy("refusal"), Verdict.NOTHING: lazy("claims nothing"),
}  # fmt: skip
WHY: Mapping[str, str | Promise] = {
    "number": lazy("a number that the documents do not hold"), "name": lazy("a name that the documents do not hold"),
    "turned": lazy("the documents say the contrary"), "question": lazy("repeats the question"),
    "swapped": lazy("a sentence of the documents with something else in its place"), "added": lazy("more than the documents say"),
    "no documents": lazy("nothing was retrieved"),
}  # fmt: skip
CITED: Mapping[str, str | Promise] = {
    "valid": lazy("valid"), "unknown": lazy("no such document was retrieved"),
    "unsupported": lazy("the document does not hold the sentence"),
}  # fmt: skip
SHOWN_VERDICTS = (Verdict.SUPPORTED, Verdict.PARTLY, Verdict.UNSUPPORTED, Verdict.REFUSAL, Verdict.NOTHING)


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or what stands between two (``mark`` empty). ``documents``: places from 1."""

    text: str
    mark: str = ""
    hint: str = ""
    doubtful: bool = False
    number: int = 0
    documents: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """One document with the numbers of the sentences that it supports."""

    number: int
    id: str
    text: str
    score: float | None
    sentences: tuple[int, ...]


def said(messages: Any, text: str) -> str:
    """The answer as plain text, without the roles of a conversation."""
    if not isinstance(messages, list):
        return text
    found = [one.get("content") for one in messages if isinstance(one, Mapping)]
    return "\n".join(one for one in found if isinstance(one, str)) or text


def of(found: calls.GenerationDetail) -> dict[str, Any] | None:
    """What the page shows of retrieval; None where the sender told of none."""
    detail, grounds = found.detail, found.summary.grounding
    contexts = detail.get("contexts")
    if contexts is None and grounds:
        contexts = []
    if contexts is None:
        return None
    kept = [one for one in contexts if isinstance(one, Mapping)]
    question = asked(found.prompt, detail.get("prompt_messages"), [str(one.get("text", "")) for one in kept])
    answer = said(detail.get("output_messages"), found.output)
    checked = grounding.check(answer, kept, question)
    return {
        "checked": checked, "pieces": pieces(answer, checked), "documents": documents(checked),
        "counts": [(WORDS[one], one.value, checked.count(one)) for one in SHOWN_VERDICTS if checked.count(one)],
        "citations": [(one.mark, one.state, CITED[one.state]) for one in checked.citations],
        "used": [place + 1 for place in checked.used], "claim": detail.get("context_used"),
    }  # fmt: skip


def pieces(answer: str, checked: Checked) -> list[Piece]:
    """The whole answer; nothing of it is lost between sentences."""
    found, at = [], 0
    for number, line in enumerate(checked.lines, 1):
        if line.start > at:
            found.append(Piece(answer[at : line.start]))
        places = tuple(place + 1 for place in line.support.documents)
        found.append(
            Piece(line.text, line.support.verdict.value, hint(line), line.support.doubtful, number, places)
        )
        at = line.end
    if answer[at:].strip():
        found.append(Piece(answer[at:]))
    return found


def hint(line: Line) -> str:
    """Why a sentence is tinted as it is."""
    parts = [str(WORDS[line.support.verdict]), f"{line.support.score:.2f}"]
    if line.support.why in WHY:
        parts.append(str(WHY[line.support.why]))
    if line.support.doubtful:
        parts.append(_("words alone can’t tell; a judge could"))
    return " · ".join(parts)


def documents(checked: Checked) -> list[Shown]:
    return [
        Shown(place + 1, one.id, one.text, one.score, tuple(row + 1 for row in checked.lines_of(place)))
        for place, one in enumerate(checked.documents)
    ]


def strip(sent: Sequence[Any]) -> dict[str, Any] | None:
    """The token strip; None where the server sent no tokens."""
    listed = [one for one in sent if isinstance(one, Mapping)]
    if not listed:
        return None
    found = tokens.strip(listed)
    return {"strip": found, "rows": [(one, _token_hint(one), _strength(one)) for one in found.tokens]}


def _token_hint(token: tokens.Token) -> str:
    if token.chance is None:
        return _("no log-probability was sent")
    others = " · ".join(f"{one.text!r} {one.chance:.0%}" for one in token.others)
    parts = [f"{token.chance:.0%}", _("instead: %(others)s") % {"others": others} if others else ""]
    if token.weight is not None:
        parts.append(_("attribution %(share)s") % {"share": f"{token.weight:+.2f}"})
    return " | ".join(filter(None, parts))


def _strength(token: tokens.Token) -> int:
    """The attribution in four steps for the bar below a token; 0 where there is none."""
    return 0 if token.weight is None else min(4, round(abs(token.weight) * 4))
