"""Releases of a simulated service behind a real Nginx, end to end: bad ones must go back, good ones must stay.

    python -m tests.bench.rollouts [GOOD] [BAD] [FIRST SEED]

Every call goes through Nginx, which sends it to a version as the file says that Vigil writes; whether it failed is
what that version answered. Bad versions fail four times as often, or are slower by half, in turns. Their minutes are
simulated: five of them pass with each batch of calls. Prints one JSON line.
"""

import datetime as dt
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.private import folder, free_port

PER_TICK, LEAD_TICKS, MOST_TICKS = 150, 6, 240
FAILS = {"stable": 5.0, "good": 5.0, "bad": 20.0}
SLOWER = 1.5
ALL_STABLE = 'split_clients "$http_x_user" $vigil_upstream { * stable; }\n'
CONF = """
worker_processes 1; pid {home}/nginx.pid; error_log {home}/error.log; daemon off;
events {{ worker_connections 512; }}
http {{
    access_log off; keepalive_requests 10000000; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi; uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    {upstreams}
    include {home}/split/*.conf;
    {services}
    server {{ listen 127.0.0.1:{port}; location / {{
        proxy_pass http://$vigil_upstream; proxy_http_version 1.1; proxy_set_header Connection "";
        proxy_set_header X-Call $http_x_call; }} }}
}}
"""
SERVICE = """
    split_clients "{name}$http_x_call" $fails_{name} {{ {percent:.2f}% 500; * 200; }}
    server {{ listen 127.0.0.1:{port}; location / {{
        add_header X-Version {version} always; if ($fails_{name} = 500) {{ return 500 failed; }} return 200 ok; }} }}
"""


@dataclass
class Router:
    """Nginx before three versions of the service."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]

    def ask(self, users: list[str], first: int) -> list[tuple[str, bool]]:
        """One call a user, all in one go over one connection: (version, failed)."""
        for _ in range(20):
            found = self._once(users, first)
            if len(found) == len(users):
                return found
        message = "nginx did not answer every call"
        raise RuntimeError(message)

    def _once(self, users: list[str], first: int) -> list[tuple[str, bool]]:
        head = "GET / HTTP/1.1\r\nHost: llm\r\nX-User: {}\r\nX-Call: {}\r\n{}\r\n"
        last = len(users) - 1
        text = "".join(
            head.format(user, first + place, "Connection: close\r\n" if place == last else "")
            for place, user in enumerate(users)
        )
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as line:
                line.sendall(text.encode())
                raw = bytearray()
                while part := line.recv(1 << 16):
                    raw += part
        except OSError:
            return []
        answers = raw.decode().split("HTTP/1.1 ")[1:]
        return [
            (one.split("X-Version: ", 1)[1].split("\r\n", 1)[0], one.startswith("500")) for one in answers
        ]


def started(home: Path, program: str) -> Router:
    (home / "split").mkdir(parents=True)
    (home / "split" / "release.conf").write_text(ALL_STABLE, "utf-8")
    ports = {name: free_port() for name in FAILS}
    conf = CONF.format(
        home=home, port=(port := free_port()),
        upstreams="".join(f"upstream {name} {{ server 127.0.0.1:{at}; keepalive 16; }}" for name, at in ports.items()),
        services="".join(
            SERVICE.format(name=name, percent=FAILS[name], port=at, version="v1" if name == "stable" else "v2")
            for name, at in ports.items()
        ),
    )  # fmt: skip
    (home / "nginx.conf").write_text(conf, "utf-8")
    process = subprocess.Popen([program, "-c", str(home / "nginx.conf")])
    router = Router(home, port, process)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if len(router._once(["one"], 0)) == 1:
            return router
        time.sleep(0.05)
    message = (home / "error.log").read_text("utf-8")[-500:]
    raise RuntimeError(message)


@dataclass
class Outcome:
    state: str
    ticks: int
    calls: int
    shown: int


class Story:
    """One release from its first call to its end."""

    def __init__(self, router: Router, project: Any, number: int, kind: str) -> None:
        self.router, self.project, self.kind = router, project, kind
        self.model = f"m{number}"
        self.chance = np.random.default_rng(number)
        self.slower = SLOWER if kind == "slow" else 1.0
        self.upstream = "bad" if kind == "failing" else "good"
        self.calls = 0
        self.canary = 0
        self.now = dt.datetime(2026, 11, 18, 6, 0, tzinfo=dt.UTC)

    def run(self) -> Outcome:
        from monitor.canary import acting, opening, run
        from monitor.canary.models import LIVELY, Mode, RolloutAction, State
        from monitor.canary.wishes import GateWish, StageWish, Wish
        from monitor.outside import nginx

        nginx.replace("release.conf", ALL_STABLE)
        assert self._shown(0.0)
        RolloutAction.objects.filter(project=self.project).update(enabled=False)
        RolloutAction.objects.create(
            project=self.project, name=self.model, kind="nginx", model=self.model,
            settings={
                "file": "release.conf", "variable": "$vigil_upstream", "key": "$http_x_user",
                "stable_upstream": "stable", "canary_upstream": self.upstream,
            },
        )  # fmt: skip
        for _ in range(LEAD_TICKS):
            self._tick()
        wish = Wish(
            self.model, "v2", "v1", mode=Mode.AUTOMATIC, started_at=self.now, stratify="",
            stages=[StageWish(0.2, 30, 100), StageWish(0.5, 30, 100), StageWish(1.0)],
            gates=[GateWish("error_ratio"), GateWish("latency_p95"), GateWish("latency_mean", needed=False)],
        )  # fmt: skip
        release = opening.open_release(self.project.pk, wish, now=self.now)
        ticks = 0
        while release.state in LIVELY and ticks < MOST_TICKS:
            run.step(release, now=self.now + dt.timedelta(seconds=60))
            assert not release.last_error, release.last_error
            acting.run_due(now=self.now + dt.timedelta(seconds=60))
            release.refresh_from_db()
            if release.state in LIVELY:
                self._tick()
                ticks += 1
        acting.run_due(now=self.now + dt.timedelta(seconds=60))
        wanted = 1.0 if release.state == State.PROMOTED else 0.0
        return Outcome(release.state, ticks, self.canary, self._shown(wanted))

    def _tick(self) -> None:
        """Five minutes of calls through the router, and what they became in the store."""
        import msgspec

        from monitor.core.clock import to_ms
        from monitor.ingest import pipeline
        from monitor.ingest.envelope import Batch, Generation

        users = [f"u{one}" for one in self.chance.integers(0, 100_000, PER_TICK).tolist()]
        answers = self.router.ask(users, int(self.chance.integers(0, 2**40)))
        ages = np.sort(self.chance.uniform(1.0, 299.0, PER_TICK))
        seconds = self.chance.lognormal(0.0, 0.4, PER_TICK)
        made = [
            msgspec.convert({
                "started_ms": to_ms(self.now) + int(1000 * ages[place]), "model": self.model, "version": version,
                "duration_seconds": float(seconds[place]) * (self.slower if version == "v2" else 1.0),
                "error": "http_500" if failed else None, "user": users[place],
            }, Generation)
            for place, (version, failed) in enumerate(answers)
        ]  # fmt: skip
        self.now += dt.timedelta(minutes=5)
        pipeline.take(self.project.pk, Batch(generations=made), now=self.now)
        self.calls += len(made)
        self.canary += sum(version == "v2" for version, _ in answers)

    def _shown(self, wanted: float) -> int:
        """Whether the router really sends what the release ended with; reloading takes a moment."""
        users = [f"u{one}" for one in range(200)]
        for _ in range(100):
            share = sum(version == "v2" for version, _ in self.router.ask(users, 0)) / 200
            if share == wanted:
                return 1
            time.sleep(0.02)
        return 0


def main(good: int, bad: int, first: int) -> dict[str, Any]:
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        message = "no nginx here; `apt-get install nginx-light` brings one"
        raise SystemExit(message)
    with folder() as home:
        os.environ |= {
            "VIGIL_DATA": str(home / "var"), "VIGIL_DEMO": "0", "VIGIL_LOG_LEVEL": "ERROR",
            "VIGIL_NGINX_FOLDER": str(home / "nginx" / "split"), "VIGIL_NGINX_PROGRAM": program,
            "VIGIL_NGINX_CONF": str(home / "nginx" / "nginx.conf"), "DJANGO_SETTINGS_MODULE": "monitor.settings",
        }  # fmt: skip
        import django
        from django.conf import settings

        from monitor.store.servers import embedded

        django.setup()
        servers = [embedded.start_postgres(settings.LAYOUT), embedded.start_redis(settings.LAYOUT)]
        router = started(home / "nginx", program)
        try:
            return _measured(router, good, bad, first)
        finally:
            from django.db import connections

            connections.close_all()
            router.process.terminate()
            router.process.wait(10)
            for server, number in zip(servers, (signal.SIGINT, signal.SIGTERM), strict=True):
                embedded.stop(server, number)


def _measured(router: Router, good: int, bad: int, first: int) -> dict[str, Any]:
    from django.core.management import call_command

    from monitor.store.models import Project

    call_command("prepare", stdout=open(os.devnull, "w"))  # noqa: PTH123, SIM115 — nobody reads it
    project = Project.objects.get(slug="main")
    kinds = ["good"] * good + [("failing", "slow")[place % 2] for place in range(bad)]
    began = time.monotonic()
    found: dict[str, list[Outcome]] = {"good": [], "failing": [], "slow": []}
    for number, kind in enumerate(kinds, first):
        found[kind].append(Story(router, project, number, kind).run())
        sys.stderr.write(f"{number} {kind} {found[kind][-1]}\n")
    line: dict[str, Any] = {"bench": "rollouts", "seconds": round(time.monotonic() - began, 1)}
    for kind, outcomes in found.items():
        if outcomes:
            states = [one.state for one in outcomes]
            line[kind] = {
                "releases": len(outcomes), **{state: states.count(state) for state in sorted(set(states))},
                "median_minutes": 5 * statistics.median(one.ticks for one in outcomes),
                "median_canary_calls": statistics.median(one.calls for one in outcomes),
                "router_agrees": sum(one.shown for one in outcomes),
            }  # fmt: skip
    return line


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:4]]
    sys.stdout.write(json.dumps(main(*[*given, *(100, 100, 0)[len(given) :]])) + "\n")
