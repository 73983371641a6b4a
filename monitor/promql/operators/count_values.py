"""count_values(): how many elements have each value, which becomes a label."""

from dataclasses import dataclass

import numpy as np

from monitor.core import patience
from monitor.core.histograms import HistogramBlock
from monitor.promql import tree
from monitor.promql.errors import ExecutionError
from monitor.promql.functions import remarks
from monitor.promql.numbers import bucket_list, number_text
from monitor.promql.operators.groups import Afford, grouping
from monitor.promql.values import Floats, Ints, Vector


@dataclass(slots=True)
class _Found:
    """What occurs where: the number of a value at each place (row, step); numbers first, then ``texts``."""

    row: Ints
    step: Ints
    which: Ints
    numbers: Floats
    texts: list[str]

    def text(self, which: int) -> str:
        if which < len(self.numbers):
            return number_text(float(self.numbers[which]))
        return self.texts[which - len(self.numbers)]


def count_values(node: tree.Aggregation, vector: Vector, label: str, afford: Afford) -> Vector:
    if not label or "\ufffd" in label or any("\ud800" <= letter <= "\udfff" for letter in label):
        message = f'invalid label name "{label}"'
        raise ExecutionError(message)
    # the new label always belongs to the group, whatever it was before
    names = tuple(name for name in node.labels if name != label) + ((label,) if node.without else ())
    groups = grouping(vector.labels, tree.Aggregation("count", node.expr, None, names, node.without))
    found, many = _found(vector), len(groups.labels)
    patience.look()
    pairs, place = np.unique(found.which * many + groups.group[found.row], return_inverse=True)
    afford(len(pairs))
    shape = (len(pairs), vector.steps)
    counts = np.bincount(place * vector.steps + found.step, minlength=len(pairs) * vector.steps).reshape(
        shape
    )
    labels = [
        groups.labels[one % many].having({label: found.text(one // many)})
        for one in patience.each(pairs.tolist())
    ]
    return Vector(labels, counts.astype(np.float64), counts > 0)


def _found(vector: Vector) -> _Found:
    row, step = np.nonzero(vector.floats)
    numbers, which = np.unique(vector.values[vector.floats], return_inverse=True)
    texts: dict[str, int] = {}
    rows, steps, kinds = [row], [step], [which]
    for cells in vector.histograms:
        known = [
            texts.setdefault(histogram_text(cells.block.take(slice(place, place + 1))), len(texts))
            for place in patience.each(range(len(cells.place)))
        ]
        rows.append(cells.place // vector.steps)
        steps.append(cells.place % vector.steps)
        kinds.append(len(numbers) + np.array(known, dtype=np.int64))
    return _Found(np.concatenate(rows), np.concatenate(steps), np.concatenate(kinds), numbers, list(texts))


def histogram_text(block: HistogramBlock) -> str:
    """One histogram as Prometheus spells it in a label."""
    parts = [
        f"count:{remarks.go_number(float(block.count[0]))}",
        f"sum:{remarks.go_number(float(block.total[0]))}",
    ]
    for rule, lower, upper, count in bucket_list(block, 0):
        left = "[" if rule in {1, 3} else "("
        right = "]" if rule in {0, 3} else ")"
        bounds = f"{remarks.go_number(lower)},{remarks.go_number(upper)}"
        parts.append(f"{left}{bounds}{right}:{remarks.go_number(count)}")
    return "{" + ", ".join(parts) + "}"
