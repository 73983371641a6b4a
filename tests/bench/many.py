"""Many stored calls to measure against: a database of one's own, filled by COPY, the same rows every time."""

import datetime as dt
import os
import random
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from monitor.core import clock
from monitor.store.servers.layout import Layout
from tests.bench import private

DAYS = 7
CHUNK = 20_000
PLANTED = {
    "zebrafish quokka": 97_001,
    "斑马鱼袋鼠": 113_003,
    "クオッカワラビー": 131_009,
    "حيوان الكوكا": 149_011,
}
COMMON = ("refund", "退货政策", "ありがとう", "العقد")
_WORDS = ["the", "contract", "refund", "policy", "answer", "customer", "order", "please", "review", "summary", "latency", "model", "version", "invoice", "shipping", "account", "payment", "question", "deadline", "supplier", "meeting", "report", "branch", "release", "train", "budget", "garden", "winter", "science"]  # fmt: skip
_CHINESE = (
    "请问退货政策是什么如何办理合同条款违约责任双方协商解决书面通知之日起交付验收合格发票保修期限客户服务"
)
_OTHERS = (
    "ありがとうございます、返品の方法を教えてください。",
    "يرجى مراجعة العقد والإجابة على السؤال في أقرب وقت.",
)


@contextmanager
def database() -> Iterator[None]:
    """An embedded PostgreSQL of one's own with all tables, for Django in this process."""
    with private.folder() as data:
        os.environ.update(
            {"VIGIL_DATA": str(data), "VIGIL_DEMO": "0", "DJANGO_SETTINGS_MODULE": "monitor.settings"}
        )
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        from monitor.store.servers import embedded

        running = embedded.start_postgres(Layout(Path(data)))
        try:
            django.setup()
            from django.core.management import call_command

            call_command("migrate", verbosity=0)
            yield
        finally:
            from django.db import connection

            connection.close()
            embedded.stop(running, signal.SIGINT)


def project(slug: str, now: dt.datetime) -> int:
    from monitor.store.models import Project

    return Project.objects.create(slug=slug, name=slug, created_at=now).pk


def fill(project_id: int, rows: int, now: dt.datetime) -> None:
    """``rows`` calls of about 1 KB of text over the last week, as ingest would have left them."""
    from monitor.store import ids, partitions, shards
    from monitor.store.calls import indexing

    shard = shards.shards_of(project_id, 1)[0]
    start, step = clock.to_ms(now) - DAYS * 86_400_000, DAYS * 86_400_000 / rows
    partitions.for_generations([start + day * 86_400_000 for day in range(DAYS + 1)])
    dice, stretches = random.Random(rows), phrases(random.Random(1))
    for first in range(0, rows, CHUNK):
        part = range(first, min(first + CHUNK, rows))
        names = [_id(start + int(n * step), dice) for n in part]
        _copy(project_id, shard, start, step, part, names, dice, stretches)
        for at in range(0, len(names), 1000):
            indexing.note(project_id, shard, ids.joined(names[at : at + 1000]), now=now)


def _copy(  # noqa: PLR0917 — columns side by side
    project_id: int, shard: int, start: int, step: float, part: range, names: list[uuid.UUID], dice: random.Random,
    phrases: list[str],
) -> None:  # fmt: skip
    from monitor.store.calls import copying
    from monitor.store.calls.writing import NUMBERS, TEXTS

    head = ([str(shard)] * len(part), [str(name) for name in names], [str(project_id)] * len(part))
    moments = copying.moments([start + int(n * step) for n in part])
    fixed = {"model": "m", "provider": "p", "operation": "chat", "language": "en"}
    texts = [
        [f"c{n}" for n in part] if name == "client_id"
        else [f"v{n % 3}" for n in part] if name == "version"
        else [f"t{n % 7}" for n in part] if name == "topic"
        else [fixed.get(name, "")] * len(part)
        for name in TEXTS
    ]  # fmt: skip
    numbers = [[f"{n % 997}" if "token" in name else f"{(n % 997) / 100}" for n in part] for name in NUMBERS]
    errors = ["timeout" if n % 50 == 0 else copying.NULL for n in part]
    narrow = (*head, moments, moments, *texts, *numbers, errors, [copying.NULL] * len(part))
    names_of = (
        "shard",
        "id",
        "project_id",
        "started_at",
        "received_at",
        *TEXTS,
        *NUMBERS,
        "error",
        "user_hash",
    )
    copying.send("monitor_generation", names_of, copying.rows(narrow))
    said = [_said(n, dice, phrases) for n in part]
    payload = (*head, said, [dice.choice(phrases) for _ in part], ["{}"] * len(part))
    copying.send(
        "monitor_payload", ("shard", "id", "project_id", "prompt", "output", "detail"), copying.rows(payload)
    )


def _said(n: int, dice: random.Random, phrases: list[str]) -> str:
    planted = "".join(f" {text} " for text, every in PLANTED.items() if n % every == every // 2)
    return f"{planted}{' '.join(dice.choices(phrases, k=4))} {dice.getrandbits(64):016x}"


def phrases(dice: random.Random) -> list[str]:
    """Stretches of about 200 bytes, two thirds of them English."""
    english = [
        " ".join(dice.choices([*_WORDS, *(f"{w}{dice.randint(1, 999)}" for w in _WORDS)], k=24))
        for _ in range(4000)
    ]
    chinese = ["".join(dice.choices(_CHINESE, k=66)) for _ in range(1500)] + [
        "退货政策" + "".join(dice.choices(_CHINESE, k=60)) for _ in range(200)
    ]
    others = [text * 2 + str(dice.randint(0, 9999)) for text in _OTHERS for _ in range(150)]
    return english + chinese + others


def _id(moment: int, dice: random.Random) -> uuid.UUID:
    from monitor.store import ids

    return ids.timed(moment, dice.getrandbits(74))
