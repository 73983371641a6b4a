"""Questions passed through: the expression narrowed to one project, asked of the store's own engine, answers read.

What the engines understand differs, so an error of theirs is shown as theirs.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from monitor.core import clock
from monitor.core.labels import NAME, Matcher
from monitor.core.samples import LOOKBACK_MS
from monitor.outside.metrics import AwayError, Endpoint, RefusedError
from monitor.promql import parse as parser
from monitor.promql import tree
from monitor.promql.errors import (
    BadQueryError,
    DeadlineError,
    ExecutionError,
    QueryError,
    TooMuchError,
    UnavailableError,
)
from monitor.promql.spans import Question
from monitor.promql.text import braces, text_of
from monitor.promql.values import Grid
from monitor.query import Limits, Result
from monitor.remote import answers, vmrange
from monitor.remote.scope import narrowed, scoped

T = TypeVar("T")
# MetricsQL knows this function and PromQL does not: so is told which kind of histograms a store keeps
PROBE = "prometheus_buckets(vector(1))"
NAMES_KEPT_SECONDS = 5.0
LIST_SECONDS = 15.0
_PLACE = re.compile(r"^(invalid parameter \"?query\"?: )?(\d+:\d+: )?(parse error: )?")


@dataclass(slots=True)
class Remote:
    """The store that METRICS_URL names, as ``query`` knows one."""

    endpoint: Endpoint
    _native: bool | None = None
    # by project when they were asked for, and the names of its histograms
    _names: dict[int, tuple[float, frozenset[str]]] = field(default_factory=dict)

    def answer(self, project_id: int, expr: str, grid: Grid, limits: Limits, *, at_once: bool) -> Result:
        """The engine's own answer; raises QueryError."""
        if grid.steps > limits.steps:
            message = (
                f"exceeded maximum resolution of {limits.steps} points per timeseries; take a longer step"
            )
            raise BadQueryError(message)
        root = parser.parse(expr, Question.of(grid, at_once=at_once))
        kind = parser.result_kind(root)
        if not at_once and kind in {"matrix", "string"}:
            message = f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector'
            raise BadQueryError(message)
        one = _Question(self, project_id, grid, limits, kind, at_once)
        if self.native(limits.seconds):
            result = one.ask(_without_averages(root))
        else:
            result = self._turned(one, root, self.histogram_names(project_id))
        if max(len(result.labels), len(result.raw or ())) > limits.series:
            message = f"the answer has more than {limits.series} series; narrow its matchers"
            raise TooMuchError(message)
        result.samples = int(result.floats.sum())
        return result

    def _turned(self, one: "_Question", root: tree.Node, names: frozenset[str]) -> Result:
        """The answer of a store that speaks MetricsQL and keeps buckets as series."""
        if vmrange.is_histogram(root, names) and not isinstance(root, tree.Range | tree.Subquery):
            buckets, sums = vmrange.buckets(root), vmrange.component(root, vmrange.SUM)
            found = [one.ask(vmrange.in_metricsql(part)) for part in (buckets, sums)]
            return answers.put_together(found[0], found[1], one.grid)
        return one.ask(vmrange.in_metricsql(vmrange.turned(root, names)))

    def native(self, seconds: float = LIST_SECONDS) -> bool:
        """Whether the store keeps native histograms as such; asked once where the setting leaves it open."""
        if self.endpoint.histograms != "auto":
            return self.endpoint.histograms == "native"
        if self._native is None:
            self._native = not told(lambda: self._understands(PROBE, seconds))
        return self._native

    def _understands(self, expr: str, seconds: float) -> bool:
        try:
            self.endpoint.ask("query", [("query", expr)], seconds)
        except RefusedError as error:
            if error.status in {400, 422}:
                return False
            raise
        return True

    def histogram_names(self, project_id: int) -> frozenset[str]:
        """The histograms of a project that lie in the store as ``vmrange`` series."""
        present = clock.monotonic()
        known = self._names.get(project_id)
        if known is None or present - known[0] > NAMES_KEPT_SECONDS:
            has_range = Matcher(vmrange.RANGE, "!=", "")
            found = self.listed(project_id, f"label/{NAME}/values", [(has_range,)], ())
            names = frozenset(one.removesuffix(vmrange.BUCKET) for one in found)
            known = self._names[project_id] = (present, names)
        return known[1]

    def listed(
        self,
        project_id: int,
        path: str,
        sets: Sequence[tuple[Matcher, ...]],
        span: tuple[int, ...],
    ) -> list[Any]:
        """What /series, /labels and label values list of one project; raises QueryError."""
        chosen = [("match[]", self._braces(project_id, one)) for one in sets or [()]]
        between = [(name, f"{at / 1000:.3f}") for name, at in zip(("start", "end"), span, strict=False)]
        found: list[Any] = told(lambda: self.endpoint.ask(path, [*chosen, *between], LIST_SECONDS))["data"]
        return found

    def _braces(self, project_id: int, matchers: tuple[Matcher, ...]) -> str:
        return braces(narrowed(matchers, self.endpoint.label, project_id))


@dataclass(frozen=True, slots=True)
class _Question:
    """The grid and the limits of one question, whose expression may be asked in two forms."""

    remote: Remote
    project_id: int
    grid: Grid
    limits: Limits
    kind: str
    at_once: bool

    def ask(self, root: tree.Node) -> Result:
        endpoint, grid = self.remote.endpoint, self.grid
        text = text_of(scoped(root, endpoint.label, self.project_id))
        asked = [("query", text), ("timeout", f"{self.limits.seconds:g}s")]
        if self.limits.lookback_ms != LOOKBACK_MS:
            asked += [(name, f"{self.limits.lookback_ms}ms") for name in ("lookback_delta", "max_lookback")]
        if self.at_once:
            path = "query"
            asked.append(("time", f"{grid.start / 1000:.3f}"))
        else:
            path = "query_range"
            asked += [(name, f"{at / 1000:.3f}") for name, at in (("start", grid.start), ("end", grid.end))]
            asked.append(("step", f"{grid.step / 1000:.3f}"))
            if grid.start % grid.step:
                # VictoriaMetrics moves other starts to a multiple of the step for the sake of its cache
                asked.append(("nocache", "1"))
        found = told(lambda: endpoint.ask(path, asked, self.limits.seconds))
        try:
            return answers.result_of(found, grid, endpoint.label, kind=self.kind, at_once=self.at_once)
        except answers.UnreadableAnswerError as error:
            message = f"the series store at {endpoint.host} gave {error}"
            raise UnavailableError(message) from error


def _without_averages(node: tree.Node) -> tree.Node:
    """Prometheus before 2.51 knows no histogram_avg, but what it is made of."""
    inner = tree.mapped(node, _without_averages)
    if isinstance(inner, tree.Call) and inner.name == "histogram_avg":
        return tree.Binary(
            "/", tree.Call("histogram_sum", inner.args), tree.Call("histogram_count", inner.args)
        )
    return inner


def told(ask: Callable[[], T]) -> T:
    """The store's answer, its errors as those of a query."""
    try:
        return ask()
    except AwayError as error:
        message = f"the series store does not answer: {error}"
        raise UnavailableError(message) from error
    except RefusedError as error:
        raise _refusal(error) from error


def _refusal(error: RefusedError) -> QueryError:
    message = f"the series store says: {_PLACE.sub('', str(error))}"
    if error.kind in {"timeout", "canceled"}:
        return DeadlineError(message)
    if error.status in {401, 403, 404, 405}:
        return UnavailableError(f"{message} (HTTP {error.status}); check METRICS_URL and METRICS_HEADERS")
    return BadQueryError(message) if error.status == 400 else ExecutionError(message)
