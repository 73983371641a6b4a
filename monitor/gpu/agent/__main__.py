"""``python -m monitor.gpu.agent``: on a GPU host, push what NVML tells to a Vigil elsewhere until a signal.

``manage.py gpu_agent`` is the same, where all of Vigil is installed.
"""

import argparse
import json
import logging
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monitor.core import clock
from monitor.core.env import BadSettingError, Env
from monitor.gpu.agent.loop import Agent, Settings
from monitor.gpu.agent.push import BadAddressError, Door, NotTakenError, RefusedError
from monitor.gpu.agent.spool import SpoolError
from monitor.gpu.reading import NAME, Reading
from monitor.gpu.sampler import Sampler

LEAST_INTERVAL, MOST_INTERVAL = 0.5, 240.0


class BadArgumentsError(ValueError):
    """What the agent was started with can't be used. Whoever starts it has to change it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default="", help="the Vigil to push to, like https://vigil.example")
    parser.add_argument(
        "--key", default="", help="an API key with the scope ingest; better: VIGIL_KEY or VIGIL_KEY_FILE"
    )
    parser.add_argument("--host", default=socket.gethostname(), help="the name of this host in the series")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between two readings")
    parser.add_argument("--push-every", type=float, default=5.0, help="seconds between two requests")
    parser.add_argument(
        "--spool", type=Path, default=Path("vigil-gpu-spool"), help="folder for what waits to be sent"
    )
    parser.add_argument("--spool-mib", type=int, default=256, help="how much may wait; then the oldest go")
    parser.add_argument("--proc", type=Path, help="the host's /proc, where a container sees it elsewhere")
    parser.add_argument("--ca", default="", help="certificates to trust, for a Vigil with one of its own")
    parser.add_argument("--once", action="store_true", help="one reading, sent, then stop")
    parser.add_argument("--print", action="store_true", help="one reading as JSON, sent nowhere")
    parser.add_argument("--simulate", action="store_true", help="simulated cards instead of this host's")


def run(options: dict[str, Any]) -> int:
    """What the options ask for; the exit status."""
    library = simulated() if options["simulate"] else None
    if options["print"]:
        return _print(Sampler(options["host"], _now_ms, library, options["proc"]))
    agent = Agent(settings(options), _door(options).deliver, library)
    if options["once"]:
        return _once(agent)
    agent.run()
    return 0


def settings(options: dict[str, Any]) -> Settings:
    if not LEAST_INTERVAL <= options["interval"] <= MOST_INTERVAL:
        message = f"--interval {options['interval']:g}: not between {LEAST_INTERVAL:g} and {MOST_INTERVAL:g} seconds"
        raise BadArgumentsError(message)
    if options["spool_mib"] < 1 or options["push_every"] <= 0:
        message = "--spool-mib and --push-every: give a number above zero"
        raise BadArgumentsError(message)
    return Settings(
        options["host"], options["spool"] / "readings.sqlite3", options["interval"], options["push_every"],
        options["spool_mib"] * 2**20, options["proc"],
    )  # fmt: skip


def simulated() -> Any:
    """The bindings, over a simulated library."""
    import pynvml

    from monitor.gpu.fake.installed import install, standard_host

    install(standard_host(lambda: _now_ms() / 1000.0), pynvml)
    return pynvml


def _door(options: dict[str, Any]) -> Door:
    key = options["key"] or Env().text("VIGIL_KEY")
    if not options["url"] or not key:
        message = "give --url, and a key by --key, VIGIL_KEY or VIGIL_KEY_FILE"
        raise BadArgumentsError(message)
    return Door(options["url"], key, options["ca"])


def _once(agent: Agent) -> int:
    try:
        reading = agent.take()
        agent.sender.once()
    finally:
        agent.close()
    problem = agent.sender.problem
    print(problem or f"{reading.state}: {reading.cards} cards, {agent.sender.sent} samples taken")  # noqa: T201 — for a person
    if reading.problem:
        print(reading.problem)  # noqa: T201 — as above
    return 1 if problem or reading.state != "ok" else 0


def _print(sampler: Sampler) -> int:
    """Two readings a second apart, since activity is a difference; the second one is shown."""
    first = sampler.sample(_now_ms())
    clock.sleep(1.0)
    second = sampler.sample(_now_ms())
    sampler.close()
    known = dict(second.samples)
    merged = [*second.samples, *(one for one in first.samples if one[0] not in known)]
    print(json.dumps(_shown(second, merged), indent=1))  # noqa: T201 — for a person
    return 0 if second.state == "ok" else 1


def _shown(reading: Reading, samples: Sequence[Any]) -> dict[str, Any]:
    rows = [
        {"name": dict(series)[NAME], "labels": {k: v for k, v in series if k != NAME}, "value": value}
        for series, value in samples
    ]
    return {"state": reading.state, "problem": reading.problem, "cards": reading.cards, "samples": rows}


def _now_ms() -> int:
    return clock.to_ms(clock.now())


PROBLEMS = (
    BadArgumentsError, BadAddressError, BadSettingError, SpoolError, NotTakenError, RefusedError, OSError,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    parser = argparse.ArgumentParser(prog="vigil-gpu-agent", description=__doc__)
    add_arguments(parser)
    try:
        return run(vars(parser.parse_args(argv)))
    except PROBLEMS as error:
        print(error, file=sys.stderr)  # noqa: T201 — for a person
        return 2


if __name__ == "__main__":
    sys.exit(main())
