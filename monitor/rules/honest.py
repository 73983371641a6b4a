"""What the author of a rule should know before it is saved: limits that a histogram cannot tell apart, series
that do not exist, a guard that nothing passes, and what becomes of the rule when its data stops.
"""

import datetime as dt
import difflib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from monitor import query
from monitor.core import clock
from monitor.core.labels import NAME, Matcher
from monitor.promql import parse, tree
from monitor.promql.errors import QueryError
from monitor.query import threshold
from monitor.store.reading import catalog

LOOK_BACK = dt.timedelta(days=7)
LIMITS = query.Limits(seconds=5.0)
# series of ours that are not there as long as nothing goes wrong
BORN_OF_FAILURE = frozenset({"llm_errors_total"})
_ABSENT = frozenset({"absent", "absent_over_time"})
Matchers = tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """``kind``: bucket, guarded, missing, later or silent. ``suggestion`` is an expression that would help."""

    kind: str
    text: str
    suggestion: str = ""


def remarks(project_id: int, expr: str, *, now: dt.datetime) -> list[Remark]:
    """Everything worth saying about an alert's expression; nothing for one that does not parse."""
    try:
        root = parse.parse(expr)
    except QueryError:
        return []
    span = (clock.to_ms(now - LOOK_BACK), clock.to_ms(now))
    return [
        *_between_bounds(project_id, expr, span),
        *_guarded(project_id, expr, now),
        *_missing(project_id, root, span),
        *_silent(project_id, root, span),
    ]


def _between_bounds(project_id: int, expr: str, span: tuple[int, int]) -> Iterator[Remark]:
    limit = threshold.find(expr)
    if limit is None:
        return
    call, factor = _quantile(parse.parse(limit.left))
    if call is None or not factor:
        return
    for matchers in _selectors(call):
        bounds = _bounds(project_id, matchers, span)
        finite = [bound for bound in bounds if math.isfinite(bound)]
        wanted = limit.limit / factor
        if not finite or any(math.isclose(wanted, bound) for bound in finite):
            continue
        yield _remark(limit, wanted, finite, factor)


def _guarded(project_id: int, expr: str, now: dt.datetime) -> Iterator[Remark]:
    """A guard that nothing passes: the rule would stay silent whatever goes wrong."""
    limit = threshold.find(expr)
    guard = threshold.find(limit.rest[3:]) if limit and limit.rest[:3].lower() == "and" else None
    if guard is None or guard.op not in {">", ">="}:
        return
    try:
        found = query.instant(project_id, guard.left, now, limits=LIMITS)
    except QueryError:
        return
    values = found.values[found.floats]
    if not len(values) or guard.holds(values).any():
        return
    said = {"guard": guard.left, "limit": f"{guard.op} {guard.limit:g}", "most": f"{values.max():.3g}"}
    text = _(
        "This rule stays silent now, whatever goes wrong: it speaks only where %(guard)s %(limit)s,"
        " and that is %(most)s at most."
    )
    yield Remark("guarded", text % said)


def _remark(limit: threshold.Threshold, wanted: float, finite: Sequence[float], factor: float) -> Remark:
    low = max((bound for bound in finite if bound < wanted), default=0.0)
    high = min((bound for bound in finite if bound > wanted), default=math.inf)
    nearest = high if low == 0.0 or (math.isfinite(high) and high - wanted < wanted - low) else low
    said = {
        "limit": f"{limit.limit:g}", "low": f"{low * factor:g}", "high": f"{high * factor:g}",
        "nearest": f"{nearest * factor:g}",
    }  # fmt: skip
    if math.isinf(high):
        text = _(
            "The highest finite bucket ends at %(low)s, so this quantile never says more: a limit of %(limit)s"
            " can't be passed. Choose %(low)s or less, or give the histogram more buckets."
        )
    else:
        text = _(
            "The limit %(limit)s lies inside a bucket: this histogram cannot tell %(low)s from %(high)s."
            " What it shows between them is drawn, not measured. Choose a bound (%(nearest)s is nearest), or give"
            " the histogram a bucket at %(limit)s."
        )
    return Remark("bucket", text % said, limit.moved(nearest * factor))


def _quantile(node: tree.Node, factor: float = 1.0) -> tuple[tree.Call | None, float]:
    """The quantile that is compared, and by how much it is multiplied."""
    match node:
        case tree.Call(name="histogram_quantile"):
            return node, factor
        case tree.Binary(op="*", left=left, right=tree.Number(value=value)):
            return _quantile(left, factor * value)
        case tree.Binary(op="*", left=tree.Number(value=value), right=right):
            return _quantile(right, factor * value)
        case tree.Binary(op="/", left=left, right=tree.Number(value=value)) if value:
            return _quantile(left, factor / value)
    return None, factor


def _bounds(project_id: int, matchers: Matchers, span: tuple[int, int]) -> list[float]:
    """The upper bounds of a classic histogram's buckets; a native one has none."""
    found: set[float] = set()
    for known in catalog.found(project_id, [[one for one in matchers if one.label != "le"]], *span):
        if known.labels.name.endswith("_bucket") and "le" in known.labels:
            try:
                found.add(float(known.labels["le"]))
            except ValueError:
                continue
    return sorted(found)


def _missing(project_id: int, root: tree.Node, span: tuple[int, int]) -> Iterator[Remark]:
    names: list[str] | None = None
    for matchers in dict.fromkeys(_selectors(root)):
        if any(True for _known in catalog.found(project_id, [matchers], *span)):
            continue
        name = next((one.value for one in matchers if one.label == NAME and one.op == "="), "")
        named = [Matcher(NAME, "=", name)] if name else []
        if name in BORN_OF_FAILURE:
            yield Remark(
                "later",
                _("No call has failed in the last 7 days. This rule begins with the first that does."),
            )
            continue
        said = {"selector": selector_text(matchers), "name": name}
        if name and any(True for _known in catalog.found(project_id, [named], *span)):
            text = _("“%(name)s” exists, but no series of the last 7 days is %(selector)s: check its labels.")
        else:
            names = catalog.label_values(project_id, NAME, [], *span) if names is None else names
            near = difflib.get_close_matches(name, names, n=2, cutoff=0.75)
            text = _("No series of the last 7 days is %(selector)s, so this can't fire.")
            if near:
                text += " " + _("Did you mean %(near)s?")
                said["near"] = ", ".join(near)
        yield Remark("missing", text % said)


def _silent(project_id: int, root: tree.Node, span: tuple[int, int]) -> Iterator[Remark]:
    """A comparison over series that stop answers with nothing, and nothing is never too much."""
    if any(isinstance(node, tree.Call) and node.name in _ABSENT for node in _nodes(root)):
        return
    for matchers in _selectors(root):
        if not any(True for _known in catalog.found(project_id, [matchers], *span)):
            continue
        text = selector_text(matchers)
        said = _("If %(selector)s stops arriving, this rule falls silent. A rule of its own tells you:")
        yield Remark("silent", said % {"selector": text}, f"absent({text})")
        return


def selector_text(matchers: Matchers) -> str:
    """As people write it."""
    name = next((one.value for one in matchers if one.label == NAME and one.op == "="), "")
    rest = [one for one in matchers if not (one.label == NAME and one.op == "=")]
    inside = ",".join(
        f'{one.label}{one.op}"' + one.value.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in rest
    )
    return f"{name}{{{inside}}}" if inside or not name else name


def _selectors(root: tree.Node) -> Iterator[Matchers]:
    """Of what has to be there: what stands in absent() does not."""
    if isinstance(root, tree.Call) and root.name in _ABSENT:
        return
    if isinstance(root, tree.Selector):
        yield root.matchers
    for child in tree.children(root):
        yield from _selectors(child)


def _nodes(root: tree.Node) -> Iterator[tree.Node]:
    yield root
    for child in tree.children(root):
        yield from _nodes(child)
