"""Coverage-guided fuzzing of everything that reads strangers' bytes: bodies, protocols, PromQL.

    make fuzz [SECONDS=60]

Atheris (libFuzzer) steers by what the decoders' branches did. Whatever is not refused by an error of its own, takes
longer than the time-out or more than the memory allowed ends the run and leaves the bytes in ``crash-*``.
"""

import contextlib
import os
import sys
from collections.abc import Callable

import atheris

with atheris.instrument_imports(
    include=["monitor.ingest", "monitor.promql", "monitor.core", "monitor.api.bodies"]
):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")
    import django

    django.setup()
    from django.test import RequestFactory

    from monitor.api import bodies
    from monitor.ingest.protocols import PROTOCOLS
    from monitor.ingest.protocols.base import MalformedError
    from monitor.promql import parse
    from monitor.promql.errors import QueryError

    # they are imported when they are first asked for, and only what is imported here is followed
    FORMATS = [
        (name, kind, {"x-path": path, "content-type": kind, **more})
        for name in PROTOCOLS
        for path in PROTOCOLS[name].paths
        for kind in PROTOCOLS[name].content_types or ("text/plain",)
        for more in ({}, {"x-prometheus-remote-write-version": "2.0.0"})[: 2 if name == "remote_write" else 1]
    ]


LIMIT = 200_000
ASK = RequestFactory()


def decode(data: bytes) -> None:
    """The first byte chooses the protocol and its content type."""
    name, _, headers = FORMATS[data[0] % len(FORMATS)]
    with contextlib.suppress(MalformedError):
        PROTOCOLS[name]().decode(data[1:], headers)


def unpack(data: bytes) -> None:
    """The first byte chooses the encoding."""
    request = ASK.generic(
        "POST",
        "/api/v1/generations",
        data[1:],
        headers={"content-encoding": ("gzip", "deflate", "zstd")[data[0] % 3]},
    )
    with contextlib.suppress(bodies.BodyError):
        assert len(bodies.read(request, LIMIT)) <= LIMIT


def ask(data: bytes) -> None:
    with contextlib.suppress(QueryError):
        parse.parse(data.decode(errors="replace"))


PARTS: tuple[Callable[[bytes], None], ...] = (decode, decode, unpack, ask)


def one(data: bytes) -> None:
    if len(data) > 2:
        PARTS[data[0] % len(PARTS)](data[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
