"""Runs the demo project: makes it once, furnishes it, tells a fortnight of history once, then plays live.

A demo that somebody deleted stays deleted: a note beside the data remembers that there was one.
"""

import datetime as dt
from pathlib import Path

import msgspec
from django.conf import settings
from django.db import connections

from monitor.core import clock
from monitor.ingest import keys
from monitor.ingest.models import ApiKey
from monitor.management.simulation import furniture
from monitor.management.simulation.meters import Meters, exposition
from monitor.management.simulation.player import Player
from monitor.management.simulation.push import Pusher, RefusedError
from monitor.management.simulation.server import Stage
from monitor.management.simulation.story import DAY, Story
from monitor.store.models import Project

SLUG = "demo"
KEY_NAME = "Demo simulator"
# a reference is full after 14 days
PAST_DAYS = 16
GONE = "the demo project was deleted; `manage.py demo --again` makes a new one"


class Note(msgspec.Struct):
    """What is remembered between runs: which project, what was done for it, the port of its services."""

    project: int = 0
    furnished: bool = False
    told: bool = False
    port: int = 0


def run(url: str, *, again: bool = False) -> str:
    """Play until interrupted, or until the project is deleted; what to say at the end."""
    path = Path(settings.VIGIL_DATA) / "demo.json"
    note = _read(path)
    project = Project.objects.filter(slug=SLUG, demo=True, deleted_at=None).first()
    if project is None and note.project and not again:
        return GONE
    project = project or _create(clock.now())
    if note.project != project.pk:
        note = Note(project.pk, port=note.port)
    story = Story(float(int(project.created_at.timestamp())))
    stage = _stage(story, note.port)
    if not note.furnished:
        furniture.place(project, stage.url)
    elif note.port != stage.port:
        furniture.move(project, f"http://127.0.0.1:{note.port}", stage.url)
    note.furnished, note.port = True, stage.port
    _write(path, note)
    pusher = Pusher(url, _new_key(project, clock.now()))
    player = Player(story, pusher, scraped=True)
    # the rest goes over HTTP; a connection kept open would be one the web server can't have
    connections.close_all()
    try:
        if not note.told:
            player.history(story.anchor - DAY, story.anchor)
            # what drift and expected volumes are measured by, the newest day first so that pages fill at once
            player.past(story.anchor - PAST_DAYS * DAY, story.anchor - DAY)
            note.told = True
            _write(path, note)
        player.play(lambda: clock.now().timestamp(), clock.sleep)
    except RefusedError:
        if Project.objects.filter(pk=project.pk, deleted_at=None).exists():
            raise
        return GONE
    finally:
        pusher.close()
        stage.stop()
    return ""


def _create(now: dt.datetime) -> Project:
    return Project.objects.create(slug=SLUG, name="Demo", demo=True, created_at=now)


def _new_key(project: Project, now: dt.datetime) -> str:
    """A key for this run; those of earlier runs go, their text is nowhere kept."""
    ApiKey.objects.filter(project=project, name=KEY_NAME).delete()
    return keys.create(project, KEY_NAME, ["ingest"], now=now)


def _stage(story: Story, port: int) -> Stage:
    """The services' own server, at the port of last time if it is free: then nobody sees a new address."""
    meters = Meters(story)

    def page() -> str:
        return exposition(meters.paddle(clock.now().timestamp()))

    try:
        stage = Stage(page, port)
    except OSError:
        stage = Stage(page)
    stage.start()
    return stage


def _read(path: Path) -> Note:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Note)
    except FileNotFoundError:
        return Note()


def _write(path: Path, note: Note) -> None:
    """Whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(note))
    fresh.replace(path)
