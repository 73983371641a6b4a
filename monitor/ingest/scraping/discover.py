"""Which targets a job has now: its lists, files and addresses, rewritten by its rules, kept as rows."""

import datetime as dt
import glob
import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from monitor.core import clock, durations
from monitor.core.labels import Labels
from monitor.ingest.models import ScrapeJob, ScrapeTarget
from monitor.ingest.scraping import jobs, relabel, scrape, written
from monitor.ingest.scraping.jobs import BadJobError, Job, StaticGroup
from monitor.outside import http

log = logging.getLogger("vigil.scrape")

HTTP_SECONDS = 10.0
MAX_LIST_BYTES = 10_000_000
MOST_TARGETS = 5_000
MOST_DROPPED = 200
# lists that never change are looked at again all the same: a row may have been changed by hand
STATIC_REFRESH_MS = 300_000


class DiscoveryError(Exception):
    """A list of targets can't be had now; the targets stay as they were."""


@dataclass(frozen=True, slots=True)
class Found:
    """A target after the rules: where it is, what its series carry, and what it came from."""

    url: str
    labels: Labels
    discovered: Mapping[str, str]
    interval_ms: int
    timeout_ms: int

    @property
    def identity(self) -> str:
        text = json.dumps([self.url, *self.labels.items_sorted])
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def run_due(*, now: dt.datetime) -> int:
    """Look again for the targets of every job that is due; how many those were."""
    done = 0
    due = Q(due_at=None) | Q(due_at__lte=now)
    for row in ScrapeJob.objects.filter(due, enabled=True, project__deleted_at=None):
        later = now + dt.timedelta(seconds=60)
        if ScrapeJob.objects.filter(pk=row.pk, due_at=row.due_at).update(due_at=later):
            run(row, now=now)
            done += 1
    return done


def run(row: ScrapeJob, *, now: dt.datetime) -> None:
    """Find the job's targets and keep them; an error leaves those it had."""
    start = clock.monotonic()
    changes: dict[str, Any] = {}
    try:
        job = jobs.read(row.config)
        found, dropped = targets(job)
        _keep(row, job, found, now=now)
        changes = {
            "last_ok": now,
            "last_error": "",
            "dropped": dropped[:MOST_DROPPED],
            "due_at": _next(job, now),
        }
    except (DiscoveryError, BadJobError) as error:
        changes = {"last_error": str(error)[:1000]}
    except Exception as error:
        # the loop over what strangers wrote: one job must not cost the others their targets
        log.exception("targets of job %s could not be found", row.pk)
        changes = {"last_error": f"{type(error).__name__}: {error}"[:1000]}
    ScrapeJob.objects.filter(pk=row.pk).update(**changes, last_duration=clock.monotonic() - start)


def targets(job: Job) -> tuple[list[Found], list[dict[str, str]]]:
    """The targets of a job, and the labels of those that its rules dropped; raises DiscoveryError."""
    found: dict[str, Found] = {}
    dropped: list[dict[str, str]] = []
    for address, labels in _addresses(job):
        discovered = _discovered(job, address, labels)
        kept = relabel.apply(discovered, job.target_rules)
        if kept is None:
            dropped.append(discovered)
            continue
        one = _target(kept, discovered)
        found[one.identity] = one
        if len(found) > (job.target_limit or MOST_TARGETS):
            message = f"target_limit: more than {job.target_limit or MOST_TARGETS} targets"
            raise DiscoveryError(message)
    return list(found.values()), dropped


def _addresses(job: Job) -> Iterator[tuple[str, Mapping[str, str]]]:
    for group in job.static:
        yield from _of_group(group, {})
    for files in job.files:
        for pattern in files.files:
            for path in _matching(pattern):
                for group in _listed(_file(path), str(path)):
                    yield from _of_group(group, {"__meta_filepath": str(path)})
    for source in job.http:
        for group in _listed(_answer(source), source.url):
            yield from _of_group(group, {"__meta_url": source.url})


def _of_group(group: StaticGroup, more: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    for address in group.targets:
        yield address, {**more, **group.labels}


def _listed(content: Any, where: str) -> Sequence[StaticGroup]:
    try:
        return jobs.groups(content)
    except BadJobError as error:
        message = f"{where}: {error}"
        raise DiscoveryError(message) from error


def _matching(pattern: str) -> list[Path]:
    """The files of a pattern, all inside the folders that may be read."""
    allowed = [Path(folder).resolve() for folder in settings.VIGIL_SCRAPE_FILES]
    fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    paths = [Path(one).resolve() for one in sorted(glob.glob(pattern))]  # noqa: PTH207 — patterns may be absolute
    # a folder that must not be read is refused before it is known what lies there
    for path in [Path(fixed if fixed == pattern else fixed.rpartition("/")[0]).resolve(), *paths]:
        if not any(path.is_relative_to(folder) for folder in allowed):
            message = (
                f"file_sd_configs: {pattern} lies outside the folders that target files are read from "
                f"({', '.join(map(str, allowed))}); move it there or set VIGIL_SCRAPE_FILES"
            )
            raise DiscoveryError(message)
    return paths


def _file(path: Path) -> Any:
    """The content of a file of targets; errors tell the place and nothing of what stands there."""
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else written.load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        message = f"{path}: no YAML, line {line}"
        raise DiscoveryError(message) from error
    except json.JSONDecodeError as error:
        message = f"{path}: no JSON, line {error.lineno} column {error.colno}"
        raise DiscoveryError(message) from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        message = f"{path}: can't be read ({type(error).__name__})"
        raise DiscoveryError(message) from error


def _answer(source: jobs.HttpSource) -> Any:
    """What an address of targets says; it must be JSON with status 200."""
    caller = http.Caller(
        secrets=scrape.secrets_of(source.auth), timeout_seconds=HTTP_SECONDS, max_answer_bytes=MAX_LIST_BYTES
    )
    headers = {"accept": "application/json", **scrape.authorization(source.auth)}
    headers["x-prometheus-refresh-interval-seconds"] = f"{source.refresh_ms / 1000:g}"
    try:
        answer = caller.request("GET", source.url, headers=headers)
    except (http.UnreachableError, http.ForbiddenTargetError) as error:
        message = f"http_sd_configs: {error}"
        raise DiscoveryError(message) from error
    content = answer.json() if answer.status == 200 else None
    if not isinstance(content, list):
        message = (
            f"http_sd_configs: {http.host_of(source.url)} answered {answer.status} {answer.excerpt!r} "
            "instead of 200 and a list of targets"
        )
        raise DiscoveryError(message)
    return content


def _discovered(job: Job, address: str, labels: Mapping[str, str]) -> dict[str, str]:
    """What the rules see: Prometheus' own labels, and the group's on top."""
    return {
        "job": job.name,
        "__scheme__": job.scheme,
        "__metrics_path__": job.path,
        "__scrape_interval__": durations.text(job.interval_ms),
        "__scrape_timeout__": durations.text(job.timeout_ms),
        **{f"__param_{name}": values[0] for name, values in job.params.items() if values},
        **{name: value for name, value in labels.items() if value},
        "__address__": address,
        # the rest of a list is no label; it goes along for the address
        **({"__params__": json.dumps(rest)} if (rest := _rest(job.params)) else {}),
    }


def _rest(params: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {name: list(values[1:]) for name, values in params.items() if len(values) > 1}


def _target(kept: Labels, discovered: Mapping[str, str]) -> Found:
    address = kept.get("__address__", "")
    if not address or "/" in address:
        message = (
            f"relabel_configs: {discovered['__address__']!r} ends with the address {address!r}; not host:port"
        )
        raise DiscoveryError(message)
    scheme = kept.get("__scheme__", "http")
    if scheme not in {"http", "https"}:
        message = f"relabel_configs: {discovered['__address__']!r} ends with the scheme {scheme!r}"
        raise DiscoveryError(message)
    interval, timeout = (_milliseconds(kept, f"__scrape_{what}__") for what in ("interval", "timeout"))
    if not jobs.LEAST_INTERVAL_MS <= interval <= jobs.MOST_INTERVAL_MS or not 0 < timeout <= interval:
        message = (
            f"relabel_configs: {address}: interval and time-out do not fit (5s to 1h, time-out within it)"
        )
        raise DiscoveryError(message)
    params = {name[8:]: [value] for name, value in kept.items() if name.startswith("__param_")}
    for name, more in json.loads(kept.get("__params__", "{}")).items():
        params.setdefault(name, []).extend(more)
    path = kept.get("__metrics_path__", "/metrics")
    asked = urlencode(sorted(params.items()), doseq=True)
    joint = "&" if "?" in path else "?"
    url = f"{scheme}://{address}{'' if path.startswith('/') else '/'}{path}{joint + asked if asked else ''}"
    shown = {name: value for name, value in kept.items() if not name.startswith("__")}
    labels = Labels({"instance": address, **shown})
    return Found(url, labels, discovered, interval, timeout)


def _milliseconds(kept: Labels, name: str) -> int:
    try:
        return durations.parse(kept.get(name, ""))
    except durations.BadDurationError as error:
        message = f"relabel_configs: {name}: {error}"
        raise DiscoveryError(message) from error


def _keep(row: ScrapeJob, job: Job, found: Sequence[Found], *, now: dt.datetime) -> None:
    """Rows for new targets, none for those that are gone; their series end now."""
    known = {one.identity: one for one in ScrapeTarget.objects.filter(source=row)}
    current = {one.identity: one for one in found}
    for identity, old in known.items():
        if identity not in current:
            scrape.end(old, now=now)
            old.delete()
    with transaction.atomic():
        for identity, one in current.items():
            facts = _facts(row, job, one)
            old_row = known.get(identity)
            if old_row is None or any(getattr(old_row, name) != fact for name, fact in facts.items()):
                ScrapeTarget.objects.update_or_create(source=row, identity=identity, defaults=facts)


def _facts(row: ScrapeJob, job: Job, one: Found) -> dict[str, Any]:
    return {
        "project_id": row.project_id,
        "job": one.labels.get("job", job.name)[:200],
        "url": one.url[:2000],
        "interval_seconds": max(1, round(one.interval_ms / 1000)),
        "timeout_seconds": one.timeout_ms / 1000,
        "labels": dict(one.labels),
        "discovered": {name: value for name, value in one.discovered.items() if name != "__params__"},
    }


def _next(job: Job, now: dt.datetime) -> dt.datetime:
    waits = [one.refresh_ms for one in job.files] + [one.refresh_ms for one in job.http]
    return now + dt.timedelta(milliseconds=max(5_000, min([STATIC_REFRESH_MS, *waits])))
