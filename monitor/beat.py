"""What is due how often, and the process that says so: a few ticks; what each finds to do lies in our tables.

Beat needs neither tables nor tasks, so it loads none of Django's applications: half the memory.
"""

import os
from typing import Any

from celery import Celery
from celery.beat import PersistentScheduler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")


class SteadyScheduler(PersistentScheduler):
    """Beat waits until a tick's last time lies far enough back: for hours, after a clock was set back by hours."""

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        now = self.app.now()
        ahead = [entry for entry in self.schedule.values() if entry.last_run_at and entry.last_run_at > now]
        for entry in ahead:
            entry.last_run_at = now
        if ahead:
            # it holds the old times
            self._heap = None
        return super().tick(*args, **kwargs)


def every(seconds: float, task: str) -> dict[str, Any]:
    """A tick that nobody runs late: it expires when the next one is due."""
    return {"task": f"monitor.tasks.{task}", "schedule": seconds, "options": {"expires": seconds}}


SCHEDULE = {
    "mind-clock": every(5, "mind_clock"),
    "give-pulse": every(60, "give_pulse"),
    "discover-due": every(5, "discover_due"),
    "scrape-due": every(5, "scrape_due"),
    "read-rule-files": every(10, "read_rule_files"),
    "evaluate-rules": every(5, "evaluate_rules"),
    "deliver-alerts": every(1, "deliver_alerts"),
    "forget-alerts": every(3600, "forget_alerts"),
    "judge-due": every(10, "judge_due"),
    "score-documents": every(5, "score_documents"),
    "forget-claims": every(3600, "forget_claims"),
    "rate-quality": every(120, "rate_quality"),
    "watch-drift": every(30, "watch_drift"),
    "watch-releases": every(15, "watch_releases"),
    "notice-releases": every(60, "notice_releases"),
    "poll-gpus": every(15, "poll_gpus"),
    "compact": every(10, "compact"),
    "ship-samples": every(2, "ship_samples"),
    "make-points": every(300, "make_points"),
    "index-search": every(10, "index_search"),
    "retention": every(3600, "retention"),
    "remove-deleted": every(60, "remove_deleted"),
}

app = Celery("vigil", fixups=[], set_as_current=False)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_scheduler = "monitor.beat:SteadyScheduler"
app.conf.beat_schedule = SCHEDULE
