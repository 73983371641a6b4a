"""``GET /federate``: the newest sample of each chosen series as a text page, for a Prometheus that scrapes it."""

import math
import re
from collections.abc import Iterable, Iterator

from django.http import HttpResponse
from django.urls import path

from monitor import query
from monitor.api import parameters
from monitor.api.auth import ApiRequest
from monitor.api.parameters import BadParameterError
from monitor.api.prometheus import door
from monitor.core import clock
from monitor.core.labels import NAME, Labels

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PLAIN_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_PLAIN_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def _federate(request: ApiRequest) -> HttpResponse:
    """Native histograms have no place on a text page and are left out, as in Prometheus."""
    texts = request.POST.getlist("match[]") + request.GET.getlist("match[]")
    if not texts:
        message = "no match[] parameter provided"
        raise BadParameterError(message)
    now = clock.to_ms(clock.now())
    found: dict[Labels, tuple[int, float]] = {}
    for text in texts:
        parameters.selected("match[]", text)
        found.update(_newest(request.project_id, text, now))
    return HttpResponse(_page(found.items()), content_type=CONTENT_TYPE)


def _newest(project_id: int, selector: str, now: int) -> Iterator[tuple[Labels, tuple[int, float]]]:
    """What an instant query shows now, each with the time of its sample."""
    reach = query.Limits().lookback_ms
    current = {labels: values for labels, _, values in query.instant(project_id, selector, now).points()}
    if current:
        for series in query.instant(project_id, f"{selector}[{reach}ms]", now).raw or ():
            if series.labels in current and len(series.times):
                yield series.labels, (int(series.times[-1]), float(series.values[-1]))


def _page(found: Iterable[tuple[Labels, tuple[int, float]]]) -> str:
    """Grouped by metric; every sample has an ``instance``, so that the scraper puts in none of its own."""
    lines: list[str] = []
    last = None
    for labels, (at, value) in sorted(found, key=lambda one: (one[0].get(NAME, ""), one[0].items_sorted)):
        name = labels.get(NAME, "")
        if name != last:
            lines.append(f"# TYPE {_metric(name)} untyped")
            last = name
        lines.append(f"{_sample(name, labels)} {_number(value)} {at}")
    return "\n".join([*lines, ""])


def _sample(name: str, labels: Labels) -> str:
    pairs = {label: value for label, value in labels.items_sorted if label != NAME}
    pairs.setdefault("instance", "")
    inner = [f'{_label(label)}="{value.translate(_ESCAPES)}"' for label, value in sorted(pairs.items())]
    if _PLAIN_METRIC.fullmatch(name):
        return f"{name}{{{','.join(inner)}}}"
    return f"{{{','.join([_metric(name), *inner])}}}"


def _metric(name: str) -> str:
    return name if _PLAIN_METRIC.fullmatch(name) else f'"{name.translate(_ESCAPES)}"'


def _label(name: str) -> str:
    return name if _PLAIN_LABEL.fullmatch(name) else f'"{name.translate(_ESCAPES)}"'


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return repr(value) if math.isfinite(value) else ("+Inf" if value > 0 else "-Inf")


urlpatterns = [path("federate", door(_federate))]
