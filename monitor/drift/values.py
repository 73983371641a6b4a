"""The values of a feature call by call: what windows and explanations are made of."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from monitor.core.sketches import CategorySketch, LogSketch, Numbers, RealSketch
from monitor.core.stats import Floats
from monitor.drift.bodies import MOST_OF_A_PART, REFUSALS, REST, number_of, word_of
from monitor.drift.features import Feature
from monitor.drift.shelf import CHOSEN
from monitor.drift.subjects import Span, Subject
from monitor.store.calls import details, generations, lately, marks

# more calls than this change no quantile that anyone could see; they are taken from all over the span
LARGEST_WINDOW = 20_000
SLICES = 20
# what lies beside the calls is read of about so many of them
BESIDE = 2_000
# beyond so many calls of a span nobody counts
MOST_COUNTED = 200_000
WIDEST_STRIDE = 128


@dataclass(frozen=True, slots=True)
class Values:
    """``numbers`` (NaN: unknown) or ``words`` ("": none), one for each call. ``maker``: the judge that gave them."""

    numbers: Floats | None = None
    words: Sequence[str] | None = None
    calls: Sequence[UUID] = ()
    maker: str = ""

    def sketch(self, feature: Feature) -> Numbers | CategorySketch:
        if self.numbers is not None:
            if feature.least is None:
                return RealSketch.of(self.numbers)
            return LogSketch.of(self.numbers, feature.least)
        counts = Counter(word for word in self.words or () if word)
        kept = dict(counts.most_common(MOST_OF_A_PART))
        rest = counts.total() - sum(kept.values())
        return CategorySketch({**kept, REST: kept.get(REST, 0) + rest} if rest else kept)


def read(
    subject: Subject, feature: Feature, span: Span, *, maker: str = "", with_calls: bool = False
) -> Values:
    """``maker``: marks of this judge alone; empty: of the one that marked most."""
    match feature.origin:
        case "beside":
            return _beside(subject, feature, span)
        case "marks":
            return _marks(subject, span, maker)
        case _:
            return _columns(subject, feature, span, with_calls=with_calls)


def _columns(subject: Subject, feature: Feature, span: Span, *, with_calls: bool) -> Values:
    column = {"refused": "finish_reason", "failed": "error"}.get(feature.source, feature.source)
    found = columns(subject, span, [*(["id"] if with_calls else []), column])
    calls: Sequence[UUID] = found["id"].tolist() if with_calls else ()
    if feature.kind == "numbers":
        return Values(numbers=found[column], calls=calls)
    return Values(words=told(feature, found[column]), calls=calls)


def told(feature: Feature, column: np.ndarray) -> list[str]:
    """The category of each call by what its column holds."""
    match feature.source:
        case "refused":
            return ["refused" if one in REFUSALS else "answered" for one in column]
        case "failed":
            return ["fine" if one is None else "failed" for one in column]
        case _:
            return [one or "" for one in column]


def columns(
    subject: Subject, span: Span, names: Sequence[str], *, limit: int | None = None, slices: int = SLICES
) -> dict[str, Any]:
    """Columns of the calls of a span, from all over it."""
    return generations.columns(
        subject.project_id,
        span.start,
        # the store's spans are closed, ours are not
        span.end - dt.timedelta(milliseconds=1),
        names,
        model=subject.model,
        version=subject.version,
        limit=LARGEST_WINDOW if limit is None else limit,
        slices=slices,
    )


def _beside(subject: Subject, feature: Feature, span: Span) -> Values:
    """Scores of documents and attributes: of every so many-th call, or each would be unpacked."""
    n = sum(
        row.n
        for row in lately.versions(
            subject.project_id, span.start, span.end, model=subject.model, most=MOST_COUNTED
        )
        if row.version == subject.version
    )
    found = details.columns(
        subject.project_id, span.start, span.end, model=subject.model, version=subject.version,
        stride=min(WIDEST_STRIDE, max(1, n // BESIDE)),
    )  # fmt: skip
    if feature.name == "retrieval_score":
        return Values(numbers=found.scores, calls=found.calls)
    given = [one.get(feature.source) for one in found.attributes]
    if feature.kind == "numbers":
        numbers = [np.nan if (number := number_of(one)) is None else number for one in given]
        return Values(numbers=np.array(numbers, dtype=np.float64), calls=found.calls)
    return Values(words=[word_of(one) or "" for one in given], calls=found.calls)


def _marks(subject: Subject, span: Span, maker: str) -> Values:
    found = marks.by_name(
        subject.project_id, span.start, span.end, model=subject.model, version=subject.version, source="judge"
    )
    fair = {name: one for name, one in found.items() if not name.partition(" #")[0].endswith(CHOSEN)}
    name = maker or max(sorted(fair), key=lambda one: fair[one][1].size, default="")
    calls, numbers = fair.get(name, ([], np.empty(0)))
    return Values(numbers=numbers, calls=calls, maker=name)
