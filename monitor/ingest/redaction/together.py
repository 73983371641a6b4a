"""Many calls made fit for storing: one look at all their texts says which few of them must be looked at by themselves.

What a finder would find lies within one text. So wherever the sieve holds something back, only the calls whose
texts it touches are doubtful, and the look goes on with the call after them.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import accumulate, chain, repeat
from operator import attrgetter

from monitor.ingest.envelope import Generation
from monitor.ingest.redaction.calls import (
    ALL_TRACES,
    NAMES,
    clean,
    clean_labels,
    encoded_or_none,
    gather_content,
    labels_of,
    remember_documents,
    remember_names,
)
from monitor.ingest.redaction.finds import BLANK
from monitor.ingest.redaction.policy import Policy

# fewer are looked at one by one
LEAST = 4
_names_of = attrgetter(*NAMES)
_trace_of = attrgetter("trace_id", "span_id")
_END = BLANK.encode()


def clean_all(calls: Sequence[Generation], policy: Policy) -> list[Counter[str]]:
    """As ``clean`` for each of them, in place; what was found in each."""
    if len(calls) < LEAST or policy.bounded:
        return [clean(one, policy) for one in calls]
    _clean_labels(calls, policy)
    doubtful = _with_doubtful_names(calls, policy) | _with_odd_traces(calls)
    doubtful |= _with_doubtful_texts(calls, policy)
    found: list[Counter[str]] = list(repeat(_NOTHING, len(calls)))
    for position in doubtful:
        found[position] = clean(calls[position], policy)
    for position, call in enumerate(calls):
        if call.contexts and position not in doubtful:
            remember_documents(policy, call.contexts)
    return found


_NOTHING: Counter[str] = Counter()


def _clean_labels(calls: Sequence[Generation], policy: Policy) -> None:
    """Most calls share their labels, and those are mostly fit as they are."""
    for call, given in zip(calls, map(labels_of, calls), strict=True):
        if policy.labels.get(given) != given:
            clean_labels(call, policy)


def _with_doubtful_names(calls: Sequence[Generation], policy: Policy) -> set[int]:
    columns = list(zip(*map(_names_of, calls), strict=True))
    names = set(chain.from_iterable(columns)) - policy.names
    names.discard(None)
    doubtful = _held(names, policy)
    remember_names(policy, names - doubtful)
    if not doubtful:
        return set()
    return {position for column in columns for position, name in enumerate(column) if name in doubtful}


def _held(texts: Collection[str], policy: Policy) -> set[str]:
    """The texts in which there may be something, or that can't be stored as they are."""
    encoded = encoded_or_none(BLANK.join(texts))
    if encoded is not None and policy.sieve.look(encoded) is None:
        return set()
    return {
        text for text in texts if (one := encoded_or_none(text)) is None or policy.sieve.look(one) is not None
    }


def _with_odd_traces(calls: Sequence[Generation]) -> set[int]:
    """Hex digits say nothing about anyone; what else stands there is looked at with the call."""
    pairs = list(map(_trace_of, calls))
    if ALL_TRACES.fullmatch(BLANK.join(chain.from_iterable(pairs)) + BLANK):
        return set()
    return {
        position for position, pair in enumerate(pairs) if not ALL_TRACES.fullmatch(BLANK.join(pair) + BLANK)
    }


def _with_doubtful_texts(calls: Sequence[Generation], policy: Policy) -> set[int]:
    doubtful: set[int] = set()
    parts: list[bytes] = []
    for position, call in enumerate(calls):
        texts: list[str] = []
        encoded = encoded_or_none(BLANK.join(texts)) if gather_content(call, texts, policy) else None
        if encoded is None:
            doubtful.add(position)
        parts.append(encoded or b"")
    whole = _END.join((*parts, b""))
    ends = list(accumulate(len(part) + 1 for part in parts))
    at = 0
    while (span := policy.sieve.first(whole, at)) is not None:
        first, last = bisect_right(ends, span[0]), bisect_right(ends, span[1] - 1)
        doubtful.update(range(first, last + 1))
        at = ends[last]
    return doubtful
