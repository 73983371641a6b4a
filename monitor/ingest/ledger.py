"""What became of every item that was sent: stored, known already, or dropped and why.

Counted as derived series, in the transaction of the data that came with it, so that it is exact whatever is
killed. What a request lost on the way counts once, however often the same bytes are sent; after that it is
known already. So ``sent = stored + duplicates + dropped``, for each sender and dialect.
"""

import datetime as dt
import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from monitor import meters
from monitor.core.labels import NAME, Labels
from monitor.ingest import senders
from monitor.ingest.envelope import NOWHERE, Batch, Reason, Source
from monitor.store.calls.writing import Calls, Claimed
from monitor.store.samples import increments
from monitor.store.samples.blocks import Ints
from monitor.store.samples.increments import Increments

ITEMS = senders.ITEMS
MISSING = "vigil_ingest_missing_total"
STORED, DUPLICATE, DROPPED = "stored", "duplicate", "dropped"
# what a call should say of itself, and the page tells when it does not
EXPECTED_TEXTS = ("client_id", "version", "environment", "operation", "provider", "session")
EXPECTED_NUMBERS = ("duration_seconds", "ttft_seconds", "input_tokens", "output_tokens", "cost_usd")
_TOLD_TEXTS = [(name, ("field", "id" if name == "client_id" else name)) for name in EXPECTED_TEXTS]
_TOLD_NUMBERS = [(name, ("field", name)) for name in EXPECTED_NUMBERS]

Tally = Counter[Labels]


@lru_cache(20_000)
def _labels(name: str, source: Source, *more: tuple[str, str]) -> Labels:
    return Labels([(NAME, name), ("sender", source.sender), ("dialect", source.dialect), *more])


class Ledger:
    """One request's account. ``body`` is what came over the wire, by which a repeat is known."""

    def __init__(self, project_id: int, batch: Batch, *, now: dt.datetime, body: bytes = b"") -> None:
        self.project_id, self.batch, self.now, self.body = project_id, batch, now, body
        self._named: dict[Source, Source] = {}
        self._told = 0

    def drops(self) -> Counter[tuple[Source, Reason]]:
        """What was dropped since this was last asked."""
        batch = self.batch
        if not batch.ignored and len(batch.rejected) == self._told:
            return Counter()
        found = Counter({(self._name(source), reason): n for (source, reason), n in batch.ignored.items()})
        for one in batch.rejected[self._told :]:
            found[self._name(batch.source_of(one.index)), one.reason] += one.items
        batch.ignored.clear()
        self._told = len(batch.rejected)
        for (source, reason), n in found.items():
            meters.dropped.labels(source.dialect, reason.value).inc(n)
        return found

    def digest(self, step: str) -> uuid.UUID | None:
        """What names this step of this request; None where the request has no bytes to know it by."""
        if not self.body:
            return None
        key = f"{self.project_id}/{step}".encode()
        return uuid.UUID(bytes=hashlib.blake2b(self.body, digest_size=16, key=key[:64]).digest())

    def of_calls(self, calls: Calls, drops: Counter[tuple[Source, Reason]]) -> Callable[[Claimed], Tally]:
        """What a part of the request's calls adds to the ledger, once it is known which of them are new."""
        places = self.batch.places or range(len(calls))
        parts: Counter[int] = Counter(self.batch.parts.values())
        sources = {place: self._name(self.batch.source_of(place)) for place in self.batch.sources}
        whole = self._name(self.batch.source)

        def tells(claimed: Claimed) -> Tally:
            tally: Tally = Counter()
            by_source: dict[Source, tuple[list[int], list[int]]] = {}
            new = set(claimed.fresh)
            if not sources:
                by_source[whole] = sorted(new), [one for one in claimed.asked if one not in new]
            for position in claimed.asked if sources else ():
                place = places[position]
                fresh, known = by_source.setdefault(sources.get(place, whole), ([], []))
                (fresh if position in new else known).append(position)
            for source, (fresh, known) in by_source.items():
                tally[_stored(source, "generation")] += len(fresh)
                tally[_labels(ITEMS, source, ("outcome", DUPLICATE))] += len(known)
                if parts:
                    tally[_stored(source, "part")] += sum(parts[places[one]] for one in fresh)
                    tally[_labels(ITEMS, source, ("outcome", DUPLICATE))] += sum(
                        parts[places[one]] for one in known
                    )
                _count_missing(tally, source, calls, fresh)
            if claimed.first:
                _count_drops(tally, drops, again=claimed.again)
            return tally

        return tells

    def of_items(self, kind: str, places: Iterable[int], known: Iterable[int] = ()) -> Tally:
        """Items of other kinds: the places of those stored, and of those known already."""
        tally: Tally = Counter()
        for place in places:
            tally[_stored(self._name(self.batch.source_of(place)), kind)] += 1
        for place in known:
            tally[_labels(ITEMS, self._name(self.batch.source_of(place)), ("outcome", DUPLICATE))] += 1
        return tally

    def of_samples(self, places: Ints) -> "Samples":
        """The account of samples, of which each belongs to the item at its place."""
        return Samples(self, places)

    def known(self, source: Source) -> Labels:
        """Under which items of this source are counted that were known already."""
        return _labels(ITEMS, self._name(source), ("outcome", DUPLICATE))

    def stored(self, source: Source) -> Labels:
        """Under which new samples of this source are counted."""
        return _stored(self._name(source), "sample")

    def _name(self, source: Source) -> Source:
        named = self._named.get(source)
        if named is None:
            sender = senders.named(self.project_id, source.sender or self.batch.source.sender, now=self.now)
            named = self._named[source] = Source(sender, source.dialect or self.batch.source.dialect)
        return named


class Samples:
    """What becomes of samples. Where several belong to one item, the first of them stands for it."""

    def __init__(self, ledger: Ledger, places: Ints) -> None:
        self.ledger, self.places = ledger, places
        self.standing = standing(ledger.batch, places)
        self._known: dict[int, int] = {}

    @property
    def known(self) -> int:
        """How many items were known already."""
        return sum(self._known.values())

    def tells(self, given: Ints, fresh: Ints, refused: Ints) -> Increments:
        """What is told of the samples of one shard; those refused are told as drops."""
        ledger, batch = self.ledger, self.ledger.batch
        if batch.sampled and not batch.sources:
            known = len(given) - len(fresh) - len(refused)
            tally = Counter({ledger.stored(batch.source): len(fresh), ledger.known(batch.source): known})
        else:
            rest = np.setdiff1d(given, np.concatenate((fresh, refused)), assume_unique=True)
            rest, fresh = rest[self.standing[rest]], fresh[self.standing[fresh]]
            known = len(rest)
            tally = Counter(ledger.stored(batch.source_of(place)) for place in self.places[fresh].tolist())
            tally.update(ledger.known(batch.source_of(place)) for place in self.places[rest].tolist())
        # asked again, it is the same part
        self._known[int(given.min(initial=len(self.places)))] = known
        return increments.of_counts([tally], now=ledger.now)


def standing(batch: Batch, places: Ints) -> npt.NDArray[np.bool_]:
    """Which of the samples at these places stand for an item of the request."""
    if batch.sampled:
        return np.ones(len(places), dtype=bool)
    firsts = np.zeros(len(places), dtype=bool)
    firsts[np.unique(places, return_index=True)[1]] = True
    firsts[places == NOWHERE] = False
    return firsts


def _stored(source: Source, kind: str) -> Labels:
    return _labels(ITEMS, source, ("outcome", STORED), ("kind", kind))


def _count_drops(tally: Tally, drops: Counter[tuple[Source, Reason]], *, again: bool) -> None:
    for (source, reason), n in drops.items():
        fate = (("outcome", DUPLICATE),) if again else (("outcome", DROPPED), ("reason", reason.value))
        tally[_labels(ITEMS, source, *fate)] += n


def _count_missing(tally: Tally, source: Source, calls: Calls, fresh: Sequence[int]) -> None:
    every = len(fresh) == len(calls)
    for name, field in _TOLD_TEXTS:
        texts = calls.texts[name]
        if n := (texts if every else [texts[position] for position in fresh]).count(""):
            tally[_labels(MISSING, source, field)] += n
    for name, field in _TOLD_NUMBERS:
        numbers = calls.numbers[name]
        if n := (numbers if every else [numbers[position] for position in fresh]).count(None):
            tally[_labels(MISSING, source, field)] += n
