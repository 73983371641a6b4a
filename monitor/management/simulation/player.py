"""Plays a story against a Vigil: first the past in large batches, then the present as it happens."""

import heapq
from collections.abc import Callable, Iterator
from itertools import islice

from monitor.management.simulation import ratings, remote_write, traffic
from monitor.management.simulation.cards import Sample
from monitor.management.simulation.meters import Meters
from monitor.management.simulation.push import Pusher
from monitor.management.simulation.story import DAY, HOUR, MINUTE, Story

BATCH = 500
SCRAPE_SECONDS = 15.0
TICK_SECONDS = 2.0
CATCH_UP = 10 * MINUTE
METER_DAYS = 7
BUCKET_DAYS = 2
ENGINE_BUCKETS = 6 * HOUR
WRITE_SPAN = 6 * HOUR


class Player:
    """``scraped``: the classic service is pulled from a page instead of being pushed live."""

    def __init__(self, story: Story, pusher: Pusher, *, scraped: bool = False) -> None:
        self.story = story
        self.pusher = pusher
        self.meters = Meters(story)
        self.scraped = scraped
        self.told_until = 0.0
        self.metered_until = 0.0
        self.running: list[tuple[float, str, traffic.Record]] = []

    def history(self, start: float, end: float) -> int:
        """Push all that was over by ``end`` since ``start``, and the meters of the week before; how many calls."""
        self._meter_history(start, end)
        sent = self.past(start, end)
        self.told_until = end - traffic.LONGEST_SECONDS
        return sent

    def past(self, start: float, end: float) -> int:
        """Push the calls alone that were over by ``end`` since ``start``; how many."""
        sent = 0
        over = (call for call in traffic.calls(self.story, start, end) if traffic.ended_at(call) <= end)
        while batch := list(islice(over, BATCH)):
            self._push_calls(batch)
            sent += len(batch)
        return sent

    def tick(self, now: float) -> int:
        """Push what has happened since the last tick (at most ten minutes back); how many calls."""
        if self.told_until == 0.0:
            # what was still running when an earlier player stopped; known ids are taken once
            self.told_until = now - traffic.LONGEST_SECONDS
        start = max(self.told_until, now - CATCH_UP)
        for call in traffic.calls(self.story, start, now):
            heapq.heappush(self.running, (traffic.ended_at(call), str(call["id"]), call))
        self.told_until = now
        sent = 0
        while batch := list(islice(self._over(now), BATCH)):
            self._push_calls(batch)
            sent += len(batch)
        if now - self.metered_until >= SCRAPE_SECONDS:
            self.metered_until = now
            self._push_meters(now)
        return sent

    def play(self, now: Callable[[], float], rest: Callable[[float], None]) -> None:
        """Live until interrupted."""
        while True:
            self.tick(now())
            rest(TICK_SECONDS)

    def _over(self, now: float) -> Iterator[traffic.Record]:
        while self.running and self.running[0][0] <= now:
            yield heapq.heappop(self.running)[2]

    def _push_calls(self, batch: list[traffic.Record]) -> None:
        """The calls, then what users said of them: a rating needs its call."""
        self.pusher.post_json("/api/v1/generations", {"generations": batch})
        if scores := list(ratings.of(batch)):
            self.pusher.post_json("/api/v1/scores", {"scores": scores})

    def _push_meters(self, now: float) -> None:
        samples = self.meters.engine(now) + ([] if self.scraped else self.meters.paddle(now))
        self._write([(now, samples)])
        points = [
            {"name": labels.pop("__name__"), "labels": labels, "value": value, "at": now}
            for labels, value in self.meters.gpus(now)
        ]
        self.pusher.post_json("/api/v1/points", {"points": points})

    def _meter_history(self, start: float, end: float) -> None:
        """A week of the classic service's counters, two days of its buckets, the rest like the calls."""
        at = end - METER_DAYS * DAY
        at -= at % MINUTE
        pending: list[tuple[float, list[Sample]]] = []
        while at <= end:
            samples = self.meters.paddle(at, buckets=at >= end - BUCKET_DAYS * DAY)
            if at >= start:
                samples += self.meters.engine(at, buckets=at >= end - ENGINE_BUCKETS) + self.meters.gpus(at)
            pending.append((at, samples))
            at += MINUTE
            if at - pending[0][0] >= WRITE_SPAN or at > end:
                self._write(pending)
                pending = []

    def _write(self, moments: list[tuple[float, list[Sample]]]) -> None:
        runs: dict[tuple[tuple[str, str], ...], list[remote_write.Point]] = {}
        for at, samples in moments:
            for labels, value in samples:
                runs.setdefault(tuple(labels.items()), []).append((int(at * 1000), value))
        body = remote_write.encode((dict(labels), points) for labels, points in runs.items())
        self.pusher.post("/api/v1/write", body, remote_write.HEADERS)
