"""One HTTP request to somebody else's server: time-outs, no redirects, capped answers, checked addresses.

The address is checked after the name is resolved, and that very address is connected to: a name that
changes its mind in between gains nothing. Errors name the host and never the path, query or a secret.
"""

import functools
import ipaddress
import json
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
from django.conf import settings

from monitor.core import clock
from monitor.outside import masking

MAX_ANSWER_BYTES = 1_000_000
EXCERPT = 300
# error pages say what they have to say between these
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
# services that hand out a machine's credentials; no message and no scrape has business there
METADATA = frozenset(
    map(ipaddress.ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
SHARED = ipaddress.ip_network("100.64.0.0/10")
# IPv6 addresses whose last 32 bits are the IPv4 address that is meant: compatible, translated, NAT64
EMBEDDING = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")))
# a network's own translators and the site-local addresses of old: inside, though Python takes them for global ones
INSIDE = tuple(map(ipaddress.IPv6Network, ("64:ff9b:1::/48", "fec0::/10")))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
redact = masking.redact


class ForbiddenTargetError(Exception):
    """An address that must not be called. No retry; whoever set the address can change it."""


class UnreachableError(Exception):
    """Nobody answered, or not in time, or too much. A retry may help."""


class LateError(UnreachableError):
    """The answer, or the rest of it, did not come in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def excerpt(self) -> str:
        """The beginning of the body, safe to show."""
        text = self.body[: 100 * EXCERPT].decode(errors="replace")
        if len(self.body) > 100 * EXCERPT:
            # half a secret at the cut would not be known for one
            text = text[: -10 * EXCERPT]
        return self.safe(_TAGS.sub(" ", text) if text.lstrip().startswith("<") else text)

    def safe(self, text: str) -> str:
        """Something out of the body, safe to show: short, one line, secrets masked."""
        return redact(" ".join(text.replace("\x00", " ").split()), self.secrets)[:EXCERPT]

    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls out on behalf of one contact, judge or target. ``secrets`` never show up in errors.

    ``trusted``: the address was set by whoever runs the machine, so it may be a private one in any case.
    """

    secrets: tuple[str, ...] = field(default=(), repr=False)
    timeout_seconds: float = 10.0
    max_answer_bytes: int = MAX_ANSWER_BYTES
    trusted: bool = False

    def hiding(self, *secrets: str) -> "Caller":
        """The same with more that must not show: what a service handed out, like a token."""
        return replace(self, secrets=(*self.secrets, *secrets))

    def post(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """POST ``body`` as JSON."""
        raw = json.dumps(body, ensure_ascii=False, allow_nan=False).encode(errors="replace")
        return self.request("POST", url, raw, {"content-type": "application/json", **(headers or {})})

    def request(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; raises ForbiddenTargetError or UnreachableError. Any status is an answer."""
        host = host_of(url)
        sent = {"accept-encoding": "identity", "user-agent": "vigil", **(headers or {})}
        try:
            with (
                _client(self.timeout_seconds, trusted=self.trusted) as client,
                client.stream(method, url, content=body, headers=sent) as response,
            ):
                raw = self._read(response, host)
                return Answer(response.status_code, dict(response.headers), raw, self.secrets)
        except httpx2.TimeoutException as error:
            message = f"{host} did not answer within {self.timeout_seconds:g} s"
            raise LateError(message) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError, ValueError) as error:
            message = redact(f"{host}: {type(error).__name__}: {error}", (url, *self.secrets))
            raise UnreachableError(message) from error

    def _read(self, response: httpx2.Response, host: str) -> bytes:
        """The time-out of the client is per read; a server that drips is cut off by the deadline."""
        deadline = clock.monotonic() + self.timeout_seconds
        raw = bytearray()
        for chunk in response.iter_raw():
            raw += chunk
            if len(raw) > self.max_answer_bytes:
                message = f"{host} answered more than {self.max_answer_bytes} bytes"
                raise UnreachableError(message)
            if clock.monotonic() > deadline:
                message = f"{host} did not finish its answer within {self.timeout_seconds:g} s"
                raise LateError(message)
        return bytes(raw)


def host_of(url: str) -> str:
    """The host, for messages; raises ForbiddenTargetError for what is no web address."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        message = "the address can't be read; write it like https://host/path"
        raise ForbiddenTargetError(message) from error
    if parts.scheme not in {"http", "https"} or not host:
        message = "the address is not an http:// or https:// one"
        raise ForbiddenTargetError(message)
    return host


def allowed(address: str, *, private: bool) -> bool:
    """Whether an address may be called. Link-local and metadata addresses never; private ones by setting."""
    given = ipaddress.ip_address(address.partition("%")[0])
    plain = _plain(given)
    if not private and any(given in network for network in INSIDE):
        return False
    if plain in METADATA or plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        return False
    return plain.is_global or (private and (plain.is_private or plain.is_loopback or plain in SHARED))


def resolved(host: str, port: int, *, private: bool) -> list[str]:
    """The addresses of a host that may be called; raises ForbiddenTargetError if there are none, or OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    usable = [one for one in addresses if allowed(one, private=private)]
    if not usable:
        message = (
            f"{host} is at {addresses[0]}, an address that must not be called; private addresses need "
            "VIGIL_ALLOW_PRIVATE_TARGETS=1, link-local and metadata addresses are always refused"
        )
        raise ForbiddenTargetError(message)
    return usable


def _plain(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one: a detour must not open a closed door."""
    if isinstance(address, ipaddress.IPv4Address) or address.is_loopback or address.is_unspecified:
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    inside = any(address in network for network in EMBEDDING)
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if inside else address


class _CheckedBackend(httpcore2.NetworkBackend):
    """Resolves, checks, and connects to what it checked."""

    def __init__(self, *, trusted: bool) -> None:
        self._inner = httpcore2.SyncBackend()
        self._private = trusted or settings.VIGIL_ALLOW_PRIVATE_TARGETS

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            usable = resolved(host, port, private=self._private)
        except (OSError, UnicodeError) as error:
            message = f"the name {host} is not known: {error}"
            raise httpcore2.ConnectError(message) from error
        return self._first(usable, port, timeout, local_address, socket_options)

    def _first(
        self,
        addresses: list[str],
        port: int,
        timeout: float | None,
        local_address: str | None,
        options: Iterable[Any] | None,
    ) -> httpcore2.NetworkStream:
        for address in addresses[:-1]:
            try:
                return self._inner.connect_tcp(address, port, timeout, local_address, options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return self._inner.connect_tcp(addresses[-1], port, timeout, local_address, options)


@functools.cache
def _trust() -> ssl.SSLContext:
    """Reading the certificates takes 20 ms; once per process is enough."""
    return httpx2.create_ssl_context()


def _client(timeout: float, *, trusted: bool) -> httpx2.Client:
    transport = httpx2.HTTPTransport(verify=_trust(), trust_env=False)
    transport._pool = httpcore2.ConnectionPool(  # noqa: SLF001 — the transport has no argument for it
        ssl_context=_trust(), network_backend=_CheckedBackend(trusted=trusted)
    )
    return httpx2.Client(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)
