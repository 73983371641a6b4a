"""info(): labels of info metrics (such as target_info) joined to the series of the same instance and job."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.core import patience
from monitor.core.labels import NAME, Labels, Matcher
from monitor.promql.errors import ExecutionError
from monitor.promql.functions.labels import same_labels
from monitor.promql.functions.registry import Context, function
from monitor.promql.values import Floats, Ints, Mask, Vector, merged, piled

IDENTITY = ("instance", "job")


@dataclass(slots=True)
class Joined:
    """The info series by identity and name; ``moments`` are the times of their samples, (n, s)."""

    vector: Vector
    moments: Floats
    matchers: tuple[Matcher, ...]

    def is_info(self, name: str) -> bool:
        return all(matcher.matches(name) for matcher in self.matchers if matcher.label == NAME)

    def wanted(self) -> frozenset[str]:
        return frozenset(matcher.label for matcher in self.matchers if matcher.label != NAME)

    def may_be_missing(self) -> bool:
        return all(matcher.matches("") for matcher in self.matchers if matcher.label != NAME)


@function("vector", "vector", optional=1, keeps_name=True)
def info(_: Context, vector: Vector, joined: Joined) -> Vector:
    """Elements with the labels of info metrics of the same instance and job (default: all of target_info)."""
    if joined.vector.histograms:
        row = int(joined.vector.histograms[0].place[0]) // vector.steps
        message = f"this should be an info metric, with float samples: {joined.vector.labels[row].name}"
        raise ExecutionError(message)
    sources = _sources(joined.vector)
    present = vector.present()
    parts = []
    for row, labels in enumerate(vector.labels):
        patience.look()
        key = _identity(labels)
        if joined.is_info(labels.name):
            parts.append(vector.rows([row]))
            continue
        by_name = sources.get(key, {}) if any(key) else {}
        for additions, mask in _additions(joined, by_name, present[row]):
            if additions is None:
                continue
            added = {name: value for name, value in additions.items() if name not in labels}
            part = vector.rows([row]).where(mask[None, :])
            parts.append(part.with_labels([labels.having(added)]))
    return merged(piled(parts, vector.steps).without_empty_rows(), same_labels)


def _identity(labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in IDENTITY)


def _sources(vector: Vector) -> dict[tuple[str, ...], dict[str, list[int]]]:
    found: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for row, labels in enumerate(vector.labels):
        found.setdefault(_identity(labels), {}).setdefault(labels.name, []).append(row)
    return found


def _additions(
    joined: Joined, by_name: Mapping[str, list[int]], present: Mask
) -> Iterator[tuple[dict[str, str] | None, Mask]]:
    """(labels to add, steps) for each set of info series that holds together; None drops the element."""
    winners = [_newest(joined, np.array(rows)) for rows in by_name.values()]
    if not winners:
        yield ({} if joined.may_be_missing() else None), present
        return
    kinds, which = np.unique(np.stack(winners), axis=1, return_inverse=True)
    for number, kind in enumerate(kinds.T):
        mask = present & (which.reshape(-1) == number)
        if mask.any():
            rows = [int(row) for row in kind if row >= 0]
            missing = not rows and not joined.may_be_missing()
            yield (None if missing else _labels(joined, rows)), mask


def _newest(joined: Joined, rows: Ints) -> Ints:
    """At each step the row with the newest sample, -1 where there is none."""
    there = joined.vector.floats[rows]
    moments = np.where(there, joined.moments[rows], -np.inf)
    return np.where(there.any(axis=0), rows[moments.argmax(axis=0)], -1)


def _labels(joined: Joined, rows: Sequence[int]) -> dict[str, str]:
    wanted = joined.wanted()
    added: dict[str, str] = {}
    for row in rows:
        for name, value in joined.vector.labels[row].items_sorted:
            if name == NAME or name in IDENTITY or (wanted and name not in wanted):
                continue
            if added.setdefault(name, value) != value:
                message = f"conflicting label: {name}"
                raise ExecutionError(message)
    return added
