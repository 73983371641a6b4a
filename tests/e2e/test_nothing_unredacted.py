"""Values planted through every ingest door are in no file afterwards: tables, WAL, Valkey's log, log files."""

import gzip
import json
import urllib.error
import urllib.request

import pytest
import redis

from monitor.store.servers.layout import Layout
from tests.fixtures.fix_product import Product

pytestmark = pytest.mark.processes
PLANTED = {
    "phone": "13812344321", "email": "ada.hidden@example.com", "card": "4929137544551237", "resident": "11010519491231002X",
    "uscc": "91350100M000100Y43", "plate": "京AH4321", "passport": "E87654321", "iban": "DE89370400440532013000",
    "ip": "203.0.113.77", "secret": "sk-proj-hiddenhidden12345678", "password": "Tr0ub4dor7",
}  # fmt: skip
SENTENCE = (
    "打13812344321或ada.hidden@example.com，卡4929137544551237，身份证11010519491231002X，税号91350100M000100Y43，"
    "车牌京AH4321，护照E87654321，IBAN DE89370400440532013000, host 203.0.113.77, key sk-proj-hiddenhidden12345678, "
    "password=Tr0ub4dor7 "
)
# as tools' arguments and the metadata of many libraries are written
ESCAPED = json.dumps({"note": f"一\n{SENTENCE}"})
# stands beside the planted values, so that it is known where the texts are
WITNESS = "witness-of-the-texts"


def call(identity: str) -> dict[str, object]:
    return {
        "id": identity, "model": "m", "prompt": SENTENCE + WITNESS, "error": SENTENCE, "reference": SENTENCE,
        "output": [{"role": "assistant", "content": SENTENCE}], "attributes": {SENTENCE: [SENTENCE], "metadata": ESCAPED}, "user": PLANTED["email"],
        "session": PLANTED["phone"], "contexts": [{"id": PLANTED["phone"], "text": SENTENCE}],
        "tokens": [{"text": SENTENCE[at : at + 3]} for at in range(0, len(SENTENCE), 3)],
    }  # fmt: skip


def span() -> dict[str, object]:
    said = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.prompt.0.content", SENTENCE),
    ]
    said += [("gen_ai.completion.0.content", SENTENCE), ("user.id", PLANTED["email"])]
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in said]
    begun = 1_700_000_000_000_000_000
    one = {
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": SENTENCE, "kind": 3,
        "startTimeUnixNano": str(begun), "endTimeUnixNano": str(begun + 10**9), "attributes": attributes,
    }  # fmt: skip
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [one]}]}]}


def send(product: Product, path: str, body: bytes, kind: str) -> None:
    """Refusals are welcome: what is refused must not be written down either."""
    headers = {"authorization": f"Bearer {product.key}", "content-type": kind, "content-encoding": "gzip"}
    request = urllib.request.Request(product.url + path, gzip.compress(body), headers)  # noqa: S310 — loopback
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 — loopback
            answer.read()
    except urllib.error.HTTPError as error:
        error.read()


def plant(product: Product) -> None:
    json_kind, lines = "application/json", "application/x-ndjson"
    send(product, "/api/v1/generations", json.dumps({"generations": [call("a")]}).encode(), json_kind)
    send(product, "/api/v1/generations", json.dumps(call("b"), ensure_ascii=False).encode() + b"\n", lines)
    send(
        product,
        "/api/v1/generations",
        json.dumps({"generations": [call(PLANTED["phone"])]}).encode(),
        json_kind,
    )
    refused = {**call("c"), "duration_seconds": SENTENCE, "started_at": SENTENCE}
    send(product, "/api/v1/generations", json.dumps({"generations": [refused]}).encode(), json_kind)
    send(product, "/api/v1/generations", SENTENCE.encode(), json_kind)
    score = {
        "generation_id": "a",
        "name": "rating",
        "value": 4,
        "reason": SENTENCE,
        "author": PLANTED["email"],
    }
    unknown = {**score, "generation_id": PLANTED["phone"] + "9"}
    send(product, "/api/v1/scores", json.dumps({"scores": [score, unknown]}).encode(), json_kind)
    send(product, "/v1/traces", json.dumps(span()).encode(), json_kind)


def test_what_was_planted_is_written_nowhere(product: Product) -> None:
    plant(product)
    assert product.ask("/api/v1/query?query=sum(llm_requests_total)")["data"]["result"]
    hidden = [value.encode() for value in PLANTED.values()]
    with redis.Redis.from_url(Layout(product.data).redis_url) as broker:
        kept = b"".join((key + (broker.dump(key) or b"")) for key in broker.keys("*"))
    assert [value for value in hidden if value in kept] == []
    product.stop()
    files = {path: path.read_bytes() for path in product.data.rglob("*") if path.is_file()}
    assert any(WITNESS.encode() in content for path, content in files.items() if "pg_wal" in path.parts)
    assert any(WITNESS.encode() in content for path, content in files.items() if "base" in path.parts)
    found = [(path.name, value) for path, content in files.items() for value in hidden if value in content]
    assert found == []
