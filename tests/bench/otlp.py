"""Spans a second through OTLP, as a share of what the database alone can do with the same rows.

Both sides in turns in one run, so the ratios travel better than the figures. Prints one JSON line: protobuf at 500
spans a request against the bare transaction of 500 rows, and what the web processes spend on a span.
"""

import itertools
import json
import secrets
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from monitor.ingest.wire import otlp_pb2 as wire
from tests.bench import load, private
from tests.bench.bare import Bare
from tests.bench.ingest import Bench

SIZE = 500
ROWS = 6_000
ROUNDS = 3
CLIENTS = (1, 4)


def value(given: Any) -> wire.AnyValue:
    if isinstance(given, int):
        return wire.AnyValue(int_value=given)
    if isinstance(given, float):
        return wire.AnyValue(double_value=given)
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return wire.AnyValue(string_value=text.encode())


def encoded(given: dict[str, Any]) -> list[bytes]:
    return [
        wire.KeyValue(key=name.encode(), value=value(one)).SerializeToString() for name, one in given.items()
    ]


def span(call: dict[str, Any]) -> wire.Span:
    """The call as an instrumentation of today would tell it."""

    def said(role: str, text: Any) -> list[dict[str, Any]]:
        return [{"role": role, "parts": [{"type": "text", "content": text if isinstance(text, str) else ""}]}]

    start = round(call["started_at"] * 1e9)
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": call.get("provider", "openai"),
        "gen_ai.request.model": call["model"],
        "vigil.version": call.get("version", ""),
        "gen_ai.conversation.id": call.get("session", ""),
        "gen_ai.usage.input_tokens": call.get("input_tokens", 0),
        "gen_ai.usage.output_tokens": call.get("output_tokens", 0),
        "gen_ai.response.time_to_first_chunk": float(call.get("ttft_seconds") or 0.1),
        "gen_ai.response.id": secrets.token_hex(8),
        "gen_ai.request.temperature": 0.2,
        "server.address": "llm.internal",
        "gen_ai.input.messages": said("user", call.get("prompt")),
        "gen_ai.output.messages": said("assistant", call.get("output")),
    }
    return wire.Span(
        trace_id=secrets.token_bytes(16),
        span_id=secrets.token_bytes(8),
        start_time_unix_nano=start,
        end_time_unix_nano=start + round(call.get("duration_seconds", 1.0) * 1e9),
        attributes=encoded(told),
    )


class Spans(Bench):
    """The same calls as the other benches send, as spans."""

    def requests(self, rows: int, size: int) -> list[bytes]:
        endless = itertools.cycle(self.calls)
        resource = wire.Resource(attributes=encoded({"service.name": "bench"}))
        found = []
        for _ in range(0, rows, size):
            spans = [span(next(endless)) for _ in range(size)]
            scoped = [wire.ScopeSpans(spans=spans)]
            whole = wire.TraceRequest(
                resource_spans=[wire.ResourceSpans(resource=resource, scope_spans=scoped)]
            )
            body = whole.SerializeToString()
            found.append(load.request("/v1/traces", self.key, body, "application/x-protobuf"))
        return found

    def rate(self, rows: int, size: int, clients: int) -> float:
        requests, before = self.requests(rows, size), self.spent()
        started = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(self._send, [requests[at::clients] for at in range(clients)]))
        seconds = time.perf_counter() - started
        self.note(size, rows, before)
        return rows / seconds

    def _send(self, requests: list[bytes]) -> None:
        connection = load.Wire(self.mine.port)
        for one in requests:
            status, body = connection.ask(one)
            assert (status, body) == (200, b""), f"{status}: {body[:200]!r}"
        connection.close()


def main() -> None:
    with private.folder() as data, private.vigil(data) as mine:
        key = mine.project("bench", "ingest")
        bench = Spans(mine, key)
        bench.rate(ROWS, SIZE, 2)
        bare = Bare(data)
        pieces = bare.rows(ROWS, SIZE)
        figures: dict[str, float] = {}
        shares: dict[str, float] = {}
        bare_us = 1e9
        for clients in CLIENTS:
            alone = [0.0] * ROUNDS
            spans = [0.0] * ROUNDS
            for n in range(ROUNDS):
                alone[n], spent = bench.bare_cpu(partial(bare.whole, pieces, SIZE, clients), ROWS)
                bare_us = min(bare_us, spent)
                spans[n] = bench.rate(ROWS, SIZE, clients)
            figures[f"bare_{clients}"] = statistics.median(alone)
            figures[f"otlp_{clients}"] = statistics.median(spans)
            shares[f"clients_{clients}"] = statistics.median(
                got / base for got, base in zip(spans, alone, strict=True)
            )
        answer = {
            "bench": "otlp",
            "of_bare": {name: round(share, 3) for name, share in shares.items()},
            "per_s": {name: round(rate) for name, rate in figures.items()},
            "of_bare_cpu": round(bare_us / sum(bench.cpu[SIZE][:2]), 3),
            "cpu_us_per_span_bare_web_db_background_client": [
                round(us) for us in (bare_us, *bench.cpu[SIZE])
            ],
            "agrees": mine.manage("verify", "--project", "bench").splitlines()[-1],
        }
        sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
