"""The process that says what is due: it ticks whatever the clock does, and stays small."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

from monitor import tasks
from monitor.beat import SCHEDULE, SteadyScheduler, app

AHEAD = dt.timedelta(hours=2)


def test_beat_ticks_on_after_a_clock_was_set_back(tmp_path: Path) -> None:
    beat = SteadyScheduler(app, schedule_filename=str(tmp_path / "beat"))
    for entry in beat.schedule.values():
        entry.last_run_at = app.now() + AHEAD
    assert beat.tick() <= 1.0
    beat.close()


def test_every_tick_is_a_task() -> None:
    names = {entry["task"].rpartition(".")[2] for entry in SCHEDULE.values()}
    assert [name for name in names if not hasattr(tasks, name)] == []


def test_it_loads_no_application_of_djangos() -> None:
    loads = "import sys, monitor.beat as b; b.app.loader.import_default_modules(); print(*sys.modules)"
    made = subprocess.run([sys.executable, "-c", loads], check=True, capture_output=True, text=True)
    assert {"monitor.models", "monitor.tasks", "django.contrib.auth", "numpy"}.isdisjoint(made.stdout.split())
