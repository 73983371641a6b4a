"""A fleet whose samples arrive by remote-write: label sets, requests of one scrape, and memory of a process tree."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from monitor.management.simulation.remote_write import HEADERS, encode
from tests.bench.load import Wire

METRICS = 25
Labels = dict[str, str]


def fleet(series: int) -> list[Labels]:
    """``series`` label sets: instances of 25 metrics each, over 10 models and two versions."""
    return [
        {
            "__name__": f"metric_{n % METRICS}_total",
            "job": "fleet",
            "instance": f"10.{unit // 250}.{unit % 250}.1:8000",
            "model": f"model-{unit % 10}",
            "version": ("stable", "canary")[unit // 10 % 2],
        }
        for n in range(series)
        for unit in [n // METRICS]
    ]


def scrape(labels: Sequence[Labels], at_ms: int, number: int, key: str, size: int) -> Iterator[bytes]:
    """The requests of the ``number``-th scrape of all series, ``size`` samples each."""
    dice = np.random.default_rng(number)
    values = number * 100.0 + dice.integers(0, 100, len(labels))
    for first in range(0, len(labels), size):
        part = zip(labels[first : first + size], values[first : first + size].tolist(), strict=True)
        body = encode([(one, [(at_ms, value)]) for one, value in part])
        yield _request(key, body)


def _request(key: str, body: bytes) -> bytes:
    head = [
        "POST /api/v1/write HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {key}", f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
    ]  # fmt: skip
    return "\r\n".join([*head, "", ""]).encode() + body


def get(wire: Wire, path: str, key: str) -> bytes:
    """The body of an answer; raises RuntimeError where it is no success."""
    status, body = wire.ask(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    )
    if status != 200:
        message = f"GET {path}: {status} {body[:200].decode(errors='replace')}"
        raise RuntimeError(message)
    return body


def memory(pids: Sequence[int]) -> dict[str, float]:
    """MB by kind of process, without the database's shared buffers, which fill once and stay; those beside it."""
    found = {"web": 0.0, "postgres": 0.0, "worker": 0.0, "other": 0.0, "shared": 0.0}
    for pid in pids:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines[1:]}
        kind = next(
            (kind for kind, word in (("web", "granian"), ("postgres", "postgres"), ("worker", "celery")) if word in words),
            "other",
        )  # fmt: skip
        found[kind] += sizes["Pss"] - sizes["Pss_Shmem"]
        found["shared"] += sizes["Pss_Shmem"]
    return {kind: round(size, 1) for kind, size in found.items()}


def cpu(pids: Sequence[int]) -> float:
    """Seconds that these processes have worked."""
    ticks = 0
    for pid in pids:
        try:
            parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(parts[11]) + int(parts[12])
    return ticks / os.sysconf("SC_CLK_TCK")
