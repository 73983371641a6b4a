"""Finds into placeholders. One redactor per call: the same value gets the same number everywhere in it."""

from collections import Counter
from collections.abc import Iterable, Sequence

from monitor.ingest.redaction import addresses, digits, papers, tokens, written
from monitor.ingest.redaction.finds import BLANK, Find, blanked
from monitor.ingest.redaction.policy import DEFAULT, Mode, Policy

# in this order, each blind to what those before it found
_FINDERS = (
    ("tokens", tokens.find),
    ("emails", addresses.emails),
    ("papers", papers.numbered),
    ("plates", papers.plates),
    ("digits", digits.find),
    ("networks", addresses.networks),
)


class Redactor:
    """Takes personal data out of the texts of one call; ``found`` counts what went, by kind."""

    __slots__ = ("_numbers", "_only", "_policy", "found")

    def __init__(self, policy: Policy = DEFAULT, *, only: frozenset[str] | None = None) -> None:
        self._policy = policy
        self._only = only
        self._numbers: dict[tuple[str, str], int] = {}
        self.found: Counter[str] = Counter()

    def text(self, text: str) -> str:
        """``text`` fit for storing. Redacting twice changes nothing."""
        text = storable(text)
        # cutting a find out can bring together what was apart, so look until nothing goes
        while finds := self._going(text):
            self.found.update(one.kind for one in finds)
            text = self._replaced(text, finds)
        return text

    def pieces(self, texts: Sequence[str]) -> list[str]:
        """A text in pieces, such as the tokens of an answer: what spans several goes from all of them.

        Nothing is counted: the whole text is given to ``changes`` as well.
        """
        pieces = [storable(text) for text in texts]
        while finds := self._going("".join(pieces)):
            pieces = self._replaced_in(pieces, finds)
        return pieces

    def changes(self, texts: Iterable[str]) -> dict[str, str]:
        """Which of many storable texts something goes from, and what is left of them."""
        changed: dict[str, str] = {}
        for text in texts:
            finds = self._going(text)
            if finds:
                self.found.update(one.kind for one in finds)
                changed[text] = self.text(self._replaced(text, finds))
        return changed

    def _going(self, text: str) -> list[Find]:
        if self._only is None and Mode.KEEP not in self._policy.modes.values():
            # what a find hides is found in what is left once it is gone: everyone looks until nothing goes
            held = self._policy.sieve.look(text.encode())
            return [] if held is None else _round(text, held, self._policy)
        return [
            one
            for one in found_in(text, self._policy)
            if self._policy.mode(one.kind) is not Mode.KEEP and (self._only is None or one.kind in self._only)
        ]

    def _replaced(self, text: str, finds: Sequence[Find]) -> str:
        parts: list[str] = []
        done = 0
        for one in finds:
            parts += (text[done : one.start], self._placeholder(one))
            done = one.end
        return "".join((*parts, text[done:]))

    def _replaced_in(self, pieces: Sequence[str], finds: Sequence[Find]) -> list[str]:
        """The placeholder stands in the piece where a find begins; the others lose what belonged to it."""
        placeholders = [self._placeholder(one) for one in finds]
        done, at = [], 0
        for piece in pieces:
            end, kept, parts = at + len(piece), at, []
            for one, placeholder in zip(finds, placeholders, strict=True):
                if one.end <= kept or one.start >= end:
                    continue
                parts.append(piece[kept - at : max(0, one.start - at)])
                if one.start >= at:
                    parts.append(placeholder)
                kept = min(one.end, end)
            done.append("".join((*parts, piece[kept - at :])))
            at = end
        return done

    def _placeholder(self, one: Find) -> str:
        mode = self._policy.mode(one.kind)
        if mode is Mode.DROP:
            return ""
        if mode is Mode.HASH:
            return f"‹{one.kind}:{self._policy.pseudonym(one.kind, one.key)}›"
        number = self._numbers.get((one.kind, one.key))
        if number is None:
            number = 1 + sum(kind == one.kind for kind, _ in self._numbers)
            self._numbers[one.kind, one.key] = number
        return f"‹{one.kind}:{number}›"


def found_in(text: str, policy: Policy = DEFAULT) -> list[Find]:
    """Everything personal in ``text``, in order and apart; also what its project keeps."""
    found: list[Find] = []
    rest = text
    # taking a find out can uncover its neighbour ("13812345678sk-…"), so look until nothing is found
    while held := policy.sieve.look(rest.encode()):
        # what was blanked may not be found again, or there would be no end
        now = [one for one in _round(rest, held, policy) if rest[one.start : one.end].strip(BLANK)]
        if not now:
            break
        found = sorted((*found, *now), key=lambda one: one.start)
        rest = blanked(rest, now)
    return found


def _round(text: str, held: frozenset[str], policy: Policy) -> list[Find]:
    """What is found in the text as it reads; where that is nothing, in what is written there."""
    reading = written.read(text)
    if reading is not None and (told := policy.sieve.look(reading.text.encode())) is not None:
        found = _finds(reading.text, told, policy)
        if found:
            return [*map(reading.written, found)]
    return _finds(text, held, policy)


def _finds(text: str, held: frozenset[str], policy: Policy) -> list[Find]:
    finders = [(one.name, one.find) for one in policy.customs]
    found: list[Find] = []
    for name, find in (*finders, *_FINDERS):
        if name in held and (now := find(text)):
            found += now
            text = blanked(text, now)
    return sorted(found, key=lambda one: one.start)


def storable(text: str) -> str:
    """What PostgreSQL's text and JSON can hold: no NUL, no half of a surrogate pair."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # the round trip also joins two halves that belong together
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
