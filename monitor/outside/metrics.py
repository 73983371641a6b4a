"""A Prometheus-compatible store of series on other machines: what it is called by, asked and sent.

Mimir, Thanos, VictoriaMetrics and Prometheus differ in the paths for reading and writing and in what they want
as credentials; both are said by the address and the headers.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from monitor.outside.http import Answer, Caller, ForbiddenTargetError, UnreachableError, host_of
from monitor.outside.remote_write import HEADERS

MOST_BYTES = 256_000_000
WRITE_SECONDS = 30.0
# beyond the engine's own time-out, for the way there and back
SLACK_SECONDS = 1.0
Histograms = Literal["auto", "native", "vmrange"]
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class BadEndpointError(ValueError):
    """An address, header or label that can't be used; whoever set the variable has to change it."""


class AwayError(Exception):
    """The store does not answer, or says that it can't now. A retry may help; ``after`` is its wish in seconds."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class RefusedError(Exception):
    """The store has read it and does not want it. A retry changes nothing."""

    def __init__(self, message: str, status: int, kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One store: where it is asked, where it is sent to, and as whom. ``label`` tells projects apart."""

    read_url: str
    write_url: str
    label: str = "vigil_project"
    histograms: Histograms = "auto"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def host(self) -> str:
        return host_of(self.read_url)

    def ask(self, path: str, parameters: Sequence[tuple[str, str]], seconds: float) -> dict[str, Any]:
        """The JSON answer of one question; raises RefusedError or AwayError."""
        caller = Caller(self.secrets, seconds + SLACK_SECONDS, MOST_BYTES, trusted=True)
        form = urlencode(parameters).encode()
        method, url = "POST", f"{self.read_url}/api/v1/{path}"
        headers = {"content-type": "application/x-www-form-urlencoded", **self.headers}
        if path.startswith(("label/", "metadata")):
            method, url, form = "GET", f"{url}?{form.decode()}", b""
        answer = _called(caller, method, url, form, headers)
        found = answer.json()
        if answer.status // 100 == 2 and isinstance(found, dict) and found.get("status") == "success":
            return found
        said = found if isinstance(found, dict) else {}
        message = answer.safe(str(said.get("error") or answer.excerpt)) or f"HTTP {answer.status}"
        kind = str(said.get("errorType") or "")
        busy = answer.status == 503 and kind not in {"timeout", "canceled"}
        if busy or answer.status in {429, 500, 502, 504}:
            message = f"{self.host} answered {answer.status}: {message}"
            raise AwayError(message, _after(answer))
        raise RefusedError(message, answer.status, kind)

    def send(self, body: bytes) -> None:
        """One remote-write request; raises RefusedError or AwayError."""
        caller = Caller(self.secrets, WRITE_SECONDS, trusted=True)
        answer = _called(caller, "POST", self.write_url, body, {**HEADERS, **self.headers})
        if answer.status // 100 == 2:
            return
        message = f"{host_of(self.write_url)} answered {answer.status}: {answer.excerpt}"
        # what a wrong key or path refuses is good data: it waits until somebody has put that right
        if answer.status // 100 == 5 or answer.status in {401, 403, 404, 408, 429} or answer.status < 400:
            raise AwayError(message, _after(answer))
        raise RefusedError(message, answer.status)


def endpoint(
    url: str, write_url: str = "", headers: str = "", label: str = "", histograms: str = ""
) -> Endpoint:
    """The store that the settings describe; raises BadEndpointError, which names the variable."""
    read, sent, secrets = _address("METRICS_URL", url)
    write, sent_too, more = (
        _address("METRICS_WRITE_URL", write_url) if write_url else (f"{read}/api/v1/write", {}, [])
    )
    extra = _headers(headers)
    if label and not (_LABEL.fullmatch(label) and not label.startswith("__")):
        message = f"METRICS_LABEL={label!r}: no label name; use letters, digits and underscores"
        raise BadEndpointError(message)
    if histograms not in {"", "auto", "native", "vmrange"}:
        message = f"METRICS_HISTOGRAMS={histograms!r}: not known; use auto, native or vmrange"
        raise BadEndpointError(message)
    return Endpoint(
        read, write, label or "vigil_project", histograms or "auto",  # type: ignore[arg-type] # checked above
        {**sent_too, **sent, **extra}, (*secrets, *more, *extra.values()),
    )  # fmt: skip


def _address(name: str, url: str) -> tuple[str, dict[str, str], list[str]]:
    """The address without credentials and final slash, the header that they become, and what to mask."""
    try:
        host_of(url)
    except ForbiddenTargetError as error:
        message = f"{name}: {error}"
        raise BadEndpointError(message) from error
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        message = f"{name}: an address with ? or # can't be extended; give it up to the path before /api/v1"
        raise BadEndpointError(message)
    place = parts.netloc.rpartition("@")[2]
    plain = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))
    if parts.username is None:
        return plain, {}, []
    user, password = unquote(parts.username), unquote(parts.password or "")
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    return plain, {"authorization": f"Basic {basic}"}, [password, basic]


def _headers(text: str) -> dict[str, str]:
    """``Name=value,Other=value`` with values percent-encoded, as OpenTelemetry's exporters take them."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        plain = unquote(value.strip())
        if (
            not equals
            or not _HEADER.fullmatch(name.strip())
            or not plain.isprintable()
            or not plain.isascii()
        ):
            message = "METRICS_HEADERS: not a list like X-Scope-OrgID=team-a,Authorization=Bearer%20KEY"
            raise BadEndpointError(message)
        found[name.strip().lower()] = plain
    return found


def _called(caller: Caller, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    try:
        return caller.request(method, url, body, headers)
    except (UnreachableError, ForbiddenTargetError) as error:
        raise AwayError(str(error)) from error


def _after(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None
