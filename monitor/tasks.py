"""Celery doors: keyword arguments only, at most ten lines each, safe to run twice. They read the clock."""

from collections.abc import Sequence

from celery import shared_task
from django.conf import settings

from monitor import pulse, setback
from monitor.alerting import deliver, receive
from monitor.canary import run as canary
from monitor.changes import run as changes
from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.drift import embedders, embedding, follow
from monitor.drift import run as drift
from monitor.gpu import local as gpu
from monitor.ingest.scraping import discover, scrape
from monitor.quality import desk, rates, sampling
from monitor.quality import run as quality
from monitor.quality.credit import run as credit
from monitor.remote import connected, ship
from monitor.remote import read as remotely
from monitor.rules import evaluate, files, memory
from monitor.rules import read as rules
from monitor.store.ageing import coarsening
from monitor.store.ageing import compact as compaction
from monitor.store.ageing.keeping import installation
from monitor.store.calls import indexing
from monitor.store.turns import turn
from monitor.store.upkeep import heartbeat
from monitor.store.upkeep import retention as keeping

# the next tick comes sooner than that; a turn keeps the two apart
SHIPPING_SECONDS = 20.0
# nobody delivered for so long: everything stood still
AWAY_SECONDS = 120.0


@shared_task
def mind_clock(**_: object) -> None:
    """Notice a clock that was set back, and go on from where it is now."""
    setback.mind(now=clock.now())


@shared_task
def give_pulse(**_: object) -> None:
    """A sign of life for whoever watches the watcher, where somebody does."""
    if settings.VIGIL_HEARTBEAT_URL:
        pulse.give(settings.VIGIL_HEARTBEAT_URL, now=clock.now())


@shared_task
def compact(**_: object) -> None:
    """Small batches into larger ones, closed windows into chunks; where series lie at home."""
    if connected.remote() is None:
        compaction.run(now=clock.now())


@shared_task
def make_points(**_: object) -> None:
    """Points of old samples, for the time when those are gone."""
    with turn("points") as mine:
        if mine:
            coarsening.run(now=clock.now(), days=installation())


@shared_task
def ship_samples(**_: object) -> None:
    """What waits in the queue to the series store elsewhere, where there is one."""
    remote = connected.remote()
    if remote is not None:
        with turn("shipping") as mine:
            if mine:
                ship.run(remote, now=clock.now(), seconds=SHIPPING_SECONDS)


@shared_task
def index_search(**_: object) -> None:
    """Rows that were stored into blocks that search can look into."""
    with turn("search") as mine:
        if mine:
            indexing.run(now=clock.now())


@shared_task
def retention(**_: object) -> None:
    """Partitions for the coming days, and none that are too old."""
    now, days = clock.now(), installation()
    # after whoever makes points just now: what they are made of goes
    with turn("points", wait=True):
        coarsening.run(now=now, days=days)
        keeping.run(now=now, days=settings.VIGIL_RETENTION_DAYS, points=days)


@shared_task
def remove_deleted(**_: object) -> None:
    """The rows of projects that somebody deleted."""
    with turn("removing") as mine:
        if mine:
            keeping.remove_deleted()


@shared_task
def discover_due(**_: object) -> None:
    """Look again for the targets of the scrape jobs that are due."""
    discover.run_due(now=clock.now())


@shared_task
def scrape_due(**_: object) -> None:
    """Read the metrics pages of the targets that are due; none while the queue to the series store is full."""
    now = clock.now()
    if remotely.full(now=now) is None:
        scrape.run_due(now=now)


@shared_task
def evaluate_rules(**_: object) -> None:
    """Evaluate the rule groups that are due; what they find is handed to alerting in the same transaction."""
    now = clock.now()

    def tell(project_id: int, notices: Sequence[Notice]) -> None:
        receive.take(project_id, notices, now=now)
        changes.want(project_id, notices, rules.recorded, now=now)

    evaluate.run_due(evaluate.stored(tell, now=now), now=now)
    if changes.waiting():
        explain_alerts.delay()


@shared_task
def explain_alerts(**_: object) -> None:
    """Look which slices of the calls the alerts come from that have just fired."""
    changes.run_due(rules.recorded)


@shared_task
def read_rule_files(**_: object) -> None:
    """Take the rule files that are mounted and have changed."""
    with turn("rule files") as mine:
        if mine:
            files.run(settings.VIGIL_RULE_FILES, now=clock.now())


@shared_task
def deliver_alerts(**_: object) -> None:
    """Let alert groups speak and carry what waits to its contacts; slow ones hold two workers at most."""
    for lane in ("delivering", "delivering beside"):
        with turn(lane) as mine:
            if mine:
                if heartbeat.away("deliver_alerts", AWAY_SECONDS, now=clock.now()):
                    receive.bear_with_silence(now=clock.now())
                deliver.run_due(now=clock.now(), knows=changes.teller(rules.recorded))
                clock.sleep(deliver.seconds_to_next(now=clock.now()))
                deliver.run_due(now=clock.now(), knows=changes.teller(rules.recorded))
                return


@shared_task
def forget_alerts(**_: object) -> None:
    """Drop old deliveries and old history of alerts."""
    now = clock.now()
    deliver.forget(now=now, days=settings.VIGIL_RETENTION_DAYS)
    memory.forget(now=now, days=settings.VIGIL_RETENTION_DAYS)
    changes.forget(now=now, days=settings.VIGIL_RETENTION_DAYS)


@shared_task
def judge_due(**_: object) -> None:
    """Let the judges that are due mark their calls; slow endpoints never hold more than one worker."""
    with turn("judging") as mine:
        if mine:
            quality.run_due(now=clock.now())


@shared_task
def score_documents(**_: object) -> None:
    """Score the calls whose documents somebody wants weighed."""
    with turn("scoring") as mine:
        if mine:
            credit.run_due(now=clock.now())


@shared_task
def forget_claims(**_: object) -> None:
    """Drop the claims of judges on calls that they no longer look back to, and verdicts kept too long."""
    now = clock.now()
    sampling.forget_old(now=now)
    desk.forget_old(now=now)


@shared_task
def rate_quality(**_: object) -> None:
    """Write what people's labels make of the judges' marks."""
    with turn("quality rates") as mine:
        if mine:
            rates.tell_all(now=clock.now())


@shared_task
def watch_drift(**_: object) -> None:
    """Make the vectors that are missing, then take the due ticks of signals and the due steps of watches."""
    with turn("drift") as mine:
        if not mine:
            return
        made = embedders.configured(
            settings.VIGIL_EMBEDDING_URL, settings.VIGIL_EMBEDDING_MODEL, settings.VIGIL_EMBEDDING_KEY
        )
        embedding.embed_missing(made, now=clock.now())
        follow.run_due(now=clock.now())
        drift.run_due(now=clock.now())


@shared_task
def watch_releases(**_: object) -> None:
    """Look at every release that is on its way."""
    with turn("releases") as mine:
        if mine:
            canary.run_due(now=clock.now())


@shared_task
def notice_releases(**_: object) -> None:
    """Open a release, for observation, for versions that have appeared."""
    with turn("new releases") as mine:
        if mine:
            canary.notice_new(now=clock.now())


@shared_task
def poll_gpus(**_: object) -> None:
    """Read the cards of the worker's own host."""
    gpu.look(now=clock.now())
