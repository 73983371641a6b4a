"""Where series come from: a project's store as of one look, and what was read of it ahead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from monitor import history
from monitor.core import clock, patience
from monitor.core.samples import Selection, Series, Table
from monitor.promql.errors import DeadlineError, TooMuchError
from monitor.promql.kept import Look
from monitor.promql.plan import Plan, Read
from monitor.promql.worked import Worked
from monitor.query import room
from monitor.query.answer import Limits
from monitor.store import deadline
from monitor.store.reading import select
from monitor.store.reading.select import View

Source = Callable[[Sequence[Selection], int], Sequence[Sequence[Series]]]


@dataclass(slots=True)
class Stored:
    """The series of a project as of the first look; a Source. ``ahead``: what was read already, of that look."""

    project_id: int
    bounds: Limits
    seen: View | None = None
    ahead: dict[Selection, Sequence[Series]] = field(default_factory=dict)
    # where several questions are asked of that look: what they have worked out
    worked: Worked | None = None

    def look(self) -> Look:
        view = self.view()
        moment = view.moment
        return Look(self.project_id, moment.version, moment.closed_ms, view.changed_from, view.lasting)

    def __call__(self, selections: Sequence[Selection], max_samples: int) -> Sequence[Sequence[Series]]:
        if not self.ahead:
            return self._select(selections, max_samples)
        rest = [one for one in selections if one not in self.ahead]
        found = dict(zip(rest, self._select(rest, max_samples), strict=True)) if rest else {}
        return [found[one] if one in found else self.ahead[one] for one in selections]

    def _select(self, selections: Sequence[Selection], max_samples: int) -> Sequence[Sequence[Series]]:
        try:
            return self.view().select(
                selections, max_samples=max_samples, seconds=self.bounds.seconds, expect=room.samples
            )
        except select.TooManySamplesError as error:
            raise TooMuchError(str(error)) from error
        except deadline.StoppedError as error:
            raise late(self.bounds) from error

    def past(self, *, spare_samples: bool) -> history.Past | None:
        return history.of(self.view(), spare_samples=spare_samples)

    def view(self) -> View:
        if self.seen is None:
            try:
                self.seen = select.look(self.project_id, self.bounds.seconds)
            except deadline.StoppedError as error:
                raise late(self.bounds) from error
        return self.seen


def timer(bounds: Limits) -> patience.Limit:
    """From now on: DeadlineError when time is up or nobody waits for the answer any more."""
    return patience.Limit(clock.monotonic() + bounds.seconds, deadline.deserted, lambda: late(bounds))


def late(bounds: Limits) -> DeadlineError:
    if deadline.deserted():
        return DeadlineError("the client left before its answer")
    return DeadlineError(
        f"query timed out after {bounds.seconds:g} seconds; ask for less, or raise the limit"
    )


def read(
    source: Source, made: Plan, bounds: Limits, *, ordered: bool
) -> tuple[dict[Read, Sequence[Series]], int]:
    reads = list(made.selections)
    if not reads:
        return {}, 0
    found = source([made.selections[read] for read in reads], bounds.samples)
    series = sum(len(one) for one in found)
    if series > bounds.series:
        message = (
            f"the query selects {series} series, more than the limit of {bounds.series}; narrow its matchers"
        )
        raise TooMuchError(message)
    samples = sum(_samples(group) for group in found)
    if samples > bounds.samples:
        message = (
            f"query processing would load {samples} samples into memory, more than the limit of {bounds.samples};"
            " take a shorter time or fewer series"
        )
        raise TooMuchError(message)
    if ordered:
        found = [group if isinstance(group, Table) else sorted(group, key=_by_labels) for group in found]
    return dict(zip(reads, found, strict=True)), samples


def _by_labels(series: Series) -> tuple[tuple[str, str], ...]:
    return series.labels.items_sorted


def _samples(group: Sequence[Series]) -> int:
    return group.samples if isinstance(group, Table) else sum(size(one) for one in group)


def size(series: Series) -> int:
    floats = len(series.times)
    return floats + sum(len(run.times) for run in series.histograms) if series.histograms else floats
