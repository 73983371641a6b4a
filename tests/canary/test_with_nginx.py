"""A release from its first call to its end, behind a real Nginx: the share falls because Nginx was told so."""

import datetime as dt

import msgspec
import numpy as np

from monitor.canary import acting, opening, run
from monitor.canary.models import LIVELY, Mode, Release, RolloutAction, State
from monitor.canary.wishes import GateWish, StageWish, Wish
from monitor.core.clock import to_ms
from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Generation
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_nginx import Router

MINUTE = dt.timedelta(minutes=1)
PER_TICK = 120


def tick(router: Router, cast: Cast, now: dt.datetime) -> dt.datetime:
    """Five minutes of calls through the router."""
    chance = np.random.default_rng(int(now.timestamp()) % 99_991)
    answers = router.ask([f"u{one}" for one in chance.integers(0, 100_000, PER_TICK).tolist()])
    made = [
        msgspec.convert(
            {"started_ms": to_ms(now) + 2000 * place, "model": "qwen", "version": version,
             "duration_seconds": 1.0, "error": "http_500" if status == 500 else None},
            Generation,
        )
        for place, (version, status) in enumerate(answers)
    ]  # fmt: skip
    pipeline.take(cast.project.pk, Batch(generations=made), now=now + 5 * MINUTE)
    return now + 5 * MINUTE


def test_a_bad_version_is_found_sent_back_and_really_gone(
    router: Router, cast: Cast, now: dt.datetime
) -> None:
    RolloutAction.objects.create(
        project=cast.project, name="router", kind="nginx",
        settings={
            "file": "first.conf", "variable": "$vigil_upstream", "key": "$http_x_user",
            "stable_upstream": "stable", "canary_upstream": "canary",
        },
    )  # fmt: skip
    at = tick(router, cast, now)
    wish = Wish(
        "qwen", "v2", "v1", mode=Mode.AUTOMATIC, started_at=at, stages=[StageWish(0.3, 30, 100), StageWish(1.0)],
        gates=[GateWish("error_ratio")],
    )  # fmt: skip
    release = opening.open_release(cast.project.pk, wish, now=at)
    shares: list[float] = []
    for _ in range(20):
        run.step(release, now=at + MINUTE)
        acting.run_due(now=at + MINUTE)
        release = Release.objects.get(pk=release.pk)
        if release.state not in LIVELY:
            break
        if release.state == State.ROLLING_BACK:
            router.wait_for_share(0.0, 0.0)
        elif not shares:
            router.wait_for_share(0.25, 0.35)
        shares.append(router.share(200))
        at = tick(router, cast, at)
    assert release.state == State.ROLLED_BACK
    assert max(shares) > 0.2
    assert router.share() == 0.0
