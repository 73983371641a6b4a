"""Pulls the targets that do not push: claim what is due, fetch the pages together, store them one by one."""

import base64
import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from django.db.models import Q

from monitor.core import clock
from monitor.core.labels import NAME, Labels
from monitor.core.samples import STALE
from monitor.ingest import pipeline
from monitor.ingest.envelope import UNTIMED, Batch, Point, Source
from monitor.ingest.exposition import families, page
from monitor.ingest.labelsets import BadLabelsError
from monitor.ingest.models import ScrapeTarget
from monitor.ingest.scraping import about, jobs, relabel, vanished
from monitor.ingest.scraping.jobs import Auth, Job
from monitor.ingest.wire.known import KnownLabels
from monitor.outside import http

log = logging.getLogger("vigil.scrape")

MAX_PAGE_BYTES = 20_000_000
MAX_TIMEOUT_SECONDS = 10.0
TOGETHER = 16
# the first request is one of them; each address is checked like the first one
MOST_MOVES, MOVED = 10, frozenset({301, 302, 303, 307, 308})
# plain text first: it is what the quick path of the reader knows. Without the word about escaping, clients
# replace in names what older servers could not read
ACCEPT = (
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=1,text/plain;version=0.0.4;q=0.9,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.1"
)
# the only format with native histograms
ACCEPT_NATIVE = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;"
    "escaping=allow-utf-8;q=1,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
MOST_TARGETS = 200


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a target answered, or why there is nothing; ``seconds`` is how long that took."""

    seconds: float
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


class LimitError(ValueError):
    """A series breaks a limit of its job: the whole scrape fails, as the limit's maker wants to know."""


Fetch = Callable[[ScrapeTarget], Fetched]
_known: dict[tuple[object, ...], KnownLabels[str]] = {}
_jobs: dict[int, tuple[object, Job]] = {}
OWN = (
    "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)  # fmt: skip


def run_due(*, now: dt.datetime) -> int:
    """Scrape every target that is due; how many those were."""
    targets = [target for target in _due(now) if _claim(target, now)]
    if not targets:
        return 0
    with ThreadPoolExecutor(max_workers=min(TOGETHER, len(targets))) as pool:
        pages = [pool.submit(fetch, target) for target in targets]
        for target, coming in zip(targets, pages, strict=True):
            try:
                keep(target, coming.result(), now=now)
            except Exception as error:
                # the loop over strangers: one target must not cost the others their samples
                log.exception("scrape of target %s could not be stored", target.pk)
                _note(target, Fetched(0.0), f"not stored: {type(error).__name__}: {error}", 0, None)
    return len(targets)


def fetch(target: ScrapeTarget) -> Fetched:
    """The target's page, also where it says that it lies elsewhere. Never raises for what the other side does."""
    job = job_of(target)
    auth = job.auth if job else Auth("Bearer", target.bearer_token)
    wanted = ACCEPT_NATIVE if job and job.native_histograms else ACCEPT
    headers = {"accept": wanted, **authorization(auth)}
    headers["x-prometheus-scrape-timeout-seconds"] = f"{timeout_of(target):g}"
    most = min(MAX_PAGE_BYTES, (job and job.body_limit) or MAX_PAGE_BYTES)
    start, url = clock.monotonic(), target.url
    for _ in range(MOST_MOVES if job is None or job.follows else 1):
        left = timeout_of(target) - (clock.monotonic() - start)
        try:
            answer = http.Caller(secrets_of(auth), max(left, 0.001), most).request(
                "GET", url, headers=headers
            )
        except (http.UnreachableError, http.ForbiddenTargetError) as error:
            return Fetched(clock.monotonic() - start, error=str(error))
        onwards = _onwards(url, answer)
        if not onwards:
            break
        if urlsplit(onwards)[:2] != urlsplit(url)[:2]:
            # what lets us in there is nobody else's to know
            headers.pop("authorization", None)
        url = onwards
    seconds = clock.monotonic() - start
    if answer.status != 200:
        return Fetched(seconds, error=f"answered {answer.status} instead of 200: {answer.excerpt}")
    return Fetched(seconds, answer.body, {name.lower(): value for name, value in answer.headers.items()})


def _onwards(url: str, answer: http.Answer) -> str:
    """Where the answer says that the page lies; empty where it says nothing of the kind."""
    moved = {name.lower(): value for name, value in answer.headers.items()}.get("location", "")
    try:
        onwards = urljoin(url, moved)
        urlsplit(onwards)
    except ValueError:
        return ""
    return onwards if moved and answer.status in MOVED else ""


def keep(target: ScrapeTarget, fetched: Fetched, *, now: dt.datetime) -> None:
    """Store what came, mark what no longer came, and note on the target how it went."""
    common = target_labels(target)
    found, error = _page(target, common, fetched)
    at = clock.to_ms(now)
    samples = len(found.points) + len(found.histograms)
    job = job_of(target)
    timed = job is not None and job.marks_timed
    current = frozenset(labels for labels, moment, _ in found.points if timed or moment == UNTIMED)
    current |= {labels for labels, run in found.histograms if timed or run.times[0] == UNTIMED}
    for _, run in found.histograms:
        run.times[run.times == UNTIMED] = at
    ended, began = vanished.changed(target.pk, current)
    markers: list[Point] = [(labels, at, STALE) for labels in ended]
    up = samples > 0 or not error
    told = (float(up), fetched.seconds, float(samples + found.dropped), float(samples), float(len(began)))
    own = [(_named(name, common), at, value) for name, value in zip(OWN, told, strict=True)]
    batch = Batch(
        points=[*found.points, *markers, *own],
        histograms=found.histograms,
        source=Source(common.get("job", ""), "scrape"),
    )
    pipeline.take(target.project_id, batch, now=now)
    if found.points and not families.is_protobuf(fetched.headers):
        about.remember(target.pk, fetched.body, openmetrics=page.is_openmetrics(fetched.headers), now=now)
    if batch.rejected and not error:
        error = f"{len(batch.rejected)} samples refused; first: {batch.rejected[0].error}"
    _note(target, fetched, error, samples, now if up else None)


def end(target: ScrapeTarget, *, now: dt.datetime) -> None:
    """The target is no longer ours to scrape: all its series end now."""
    at, common = clock.to_ms(now), target_labels(target)
    ended, _ = vanished.changed(target.pk, frozenset())
    if target.last_duration is not None:
        ended |= {_named(name, common) for name in OWN}
    if ended:
        pipeline.take(target.project_id, Batch(points=[(labels, at, STALE) for labels in ended]), now=now)


def job_of(target: ScrapeTarget) -> Job | None:
    """The job that found the target, read once per change of it; None for a target made by hand."""
    source = target.source
    if source is None:
        return None
    known = _jobs.get(source.pk)
    if known is None or known[0] != source.config:
        known = _jobs[source.pk] = (source.config, jobs.read(source.config))
    return known[1]


def authorization(auth: Auth) -> dict[str, str]:
    """The header that the other side knows us by, if any."""
    if auth.kind == "Basic" and not auth.credentials:
        plain = f"{auth.username}:{auth.password}".encode()
        return {"authorization": f"Basic {base64.b64encode(plain).decode()}"}
    return {"authorization": f"{auth.kind} {auth.credentials}"} if auth.credentials else {}


def secrets_of(auth: Auth) -> tuple[str, ...]:
    """What must never stand in an error."""
    return (auth.credentials, auth.password, *(one.partition(" ")[2] for one in authorization(auth).values()))


def timeout_of(target: ScrapeTarget) -> float:
    """A scrape must be over when the next one is due."""
    if target.timeout_seconds is not None:
        return target.timeout_seconds
    return min(MAX_TIMEOUT_SECONDS, float(target.interval_seconds))


def target_labels(target: ScrapeTarget) -> Labels:
    """What every series of the target carries: job, instance and its own labels."""
    if target.source_id is not None:
        return Labels(target.labels)
    parts = urlsplit(target.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return Labels({"job": target.job, "instance": f"{host}:{port}", **target.labels})


def attached(labels: Labels, common: Labels) -> Labels:
    """Scraped labels with the target's on top; a scraped label of the same name becomes ``exported_…``."""
    moved = dict(labels)
    for name in common:
        if name in moved:
            value, spare = moved.pop(name), f"exported_{name}"
            while spare in moved or spare in common:
                spare = f"exported_{spare}"
            moved[spare] = value
    return Labels({**moved, **common})


def _finish(job: Job | None, common: Labels) -> Callable[[Labels], Labels]:
    """What a scraped label set becomes; an empty one is dropped. Raises BadLabelsError."""
    if job is None:
        return lambda labels: attached(labels, common)

    def finish(labels: Labels) -> Labels:
        whole = Labels({**common, **labels}) if job.honor_labels else attached(labels, common)
        kept = relabel.apply(whole, job.metric_rules) if job.metric_rules else whole
        if kept is None:
            return page.DROPPED
        if not kept.name:
            raise BadLabelsError(NAME, "metric_relabel_configs leave no metric name")
        _check_limits(job, kept)
        return kept

    return finish


def _check_limits(job: Job, labels: Labels) -> None:
    """Raises LimitError."""
    if job.label_limit and len(labels) > job.label_limit:
        message = f"{labels.name}: {len(labels)} labels; label_limit is {job.label_limit}"
        raise LimitError(message)
    if not (job.label_name_limit or job.label_value_limit):
        return
    for name, value in labels.items_sorted:
        sizes = (("name", name, job.label_name_limit), ("value", value, job.label_value_limit))
        for what, text, most in sizes:
            if most and len(text.encode()) > most:
                long = f"{labels.name}: the {what} of label {name[:40]!r} has {len(text.encode())} bytes"
                message = f"{long}; label_{what}_length_limit is {most}"
                raise LimitError(message)


def _due(now: dt.datetime) -> Sequence[ScrapeTarget]:
    due = Q(due_at=None) | Q(due_at__lte=now)
    usable = Q(source=None) | Q(source__enabled=True)
    rows = ScrapeTarget.objects.filter(due, usable, enabled=True, project__deleted_at=None)
    return list(rows.select_related("source").order_by("due_at"))


def _claim(target: ScrapeTarget, now: dt.datetime) -> bool:
    """Whether this process got the target: the row moves on only from the state that was read."""
    interval = dt.timedelta(seconds=max(1, target.interval_seconds))
    next_due = (target.due_at or now) + interval
    if next_due <= now:
        next_due = now + interval
    row = ScrapeTarget.objects.filter(pk=target.pk, due_at=target.due_at, enabled=True)
    return row.update(due_at=next_due) == 1


def _page(target: ScrapeTarget, common: Labels, fetched: Fetched) -> tuple[page.Page, str]:
    """What the target's page holds, and what is to be said about it; an empty page where that is an error."""
    if fetched.error:
        return page.Page(), fetched.error
    job = job_of(target)
    try:
        found = _read(target, job, common, fetched)
    except page.BadPageError as error:
        return page.Page(), f"no metrics page: {error}"
    except LimitError as error:
        return page.Page(), str(error)
    kept = len(found.points) + len(found.histograms)
    if kept + found.dropped > page.MAX_SAMPLES:
        return page.Page(), f"{kept + found.dropped} samples; at most {page.MAX_SAMPLES} a page"
    if job and job.sample_limit and kept > job.sample_limit:
        return page.Page(dropped=kept), f"{kept} samples; sample_limit is {job.sample_limit}"
    if job and not job.honor_timestamps:
        found.points = [(labels, UNTIMED, value) for labels, _, value in found.points]
        for _, run in found.histograms:
            run.times[:] = UNTIMED
    if not found.rejected:
        return found, ""
    first = found.rejected[0]
    what = f"{len(found.rejected)} lines refused" if kept else "no metrics page"
    return found, f"{what}; line {first.index}, {first.field}: {first.error}"


def _read(target: ScrapeTarget, job: Job | None, common: Labels, fetched: Fetched) -> page.Page:
    finish = _finish(job, common)
    if families.is_protobuf(fetched.headers):
        return families.read(fetched.body, classic=bool(job and job.classic_histograms), finish=finish)
    limits = job and (job.label_limit, job.label_name_limit, job.label_value_limit)
    known = _known_of((target.pk, common, limits, job and (job.honor_labels, job.metric_rules)))
    found = page.read(fetched.body, known, openmetrics=page.is_openmetrics(fetched.headers), finish=finish)
    if len(known) > 2 * (len(found.points) + found.dropped) + 1000:
        known.clear()
    return found


def _known_of(key: tuple[object, ...]) -> KnownLabels[str]:
    """The label sets of the target's lines. What rewrites them is part of the key, so new rules start anew."""
    known = _known.get(key)
    if known is None:
        if len(_known) >= MOST_TARGETS:
            _known.clear()
        known = _known[key] = KnownLabels(page.MAX_SAMPLES)
    return known


def _named(name: str, common: Labels) -> Labels:
    return common.having({NAME: name})


def _note(target: ScrapeTarget, fetched: Fetched, error: str, samples: int, ok: dt.datetime | None) -> None:
    """Write how it went on the target; ``last_ok`` stays as it was when it went wrong."""
    row = ScrapeTarget.objects.filter(pk=target.pk)
    changes = {"last_error": error[:1000], "last_duration": fetched.seconds, "last_samples": samples}
    row.update(**changes, **({"last_ok": ok} if ok else {}))
